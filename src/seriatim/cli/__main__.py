"""`python -m seriatim.cli`."""

from seriatim.cli import run

run()
