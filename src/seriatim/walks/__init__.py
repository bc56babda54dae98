"""Walks: where a batch stands, who picks the next symbol, and the noise that picking uses."""

from seriatim.walks.beams import Beams
from seriatim.walks.noise import row_seeds, uniform
from seriatim.walks.steer import Steer
from seriatim.walks.walk import Guided, Stepper, Walk, roll

__all__ = ["Beams", "Guided", "Steer", "Stepper", "Walk", "roll", "row_seeds", "uniform"]
