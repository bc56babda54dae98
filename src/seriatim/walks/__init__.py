"""Walks: a batch of sequences in progress, the ways to choose the next symbol, and the noise that sampling uses."""

from seriatim.walks.beams import Beams
from seriatim.walks.noise import row_seeds, uniform
from seriatim.walks.steer import Steer
from seriatim.walks.walk import Guided, Stepper, Walk, roll

__all__ = ["Beams", "Guided", "Steer", "Stepper", "Walk", "roll", "row_seeds", "uniform"]
