"""`python -m seriatim`."""

from seriatim.cli import run

run()
