"""The laws that hold our layers, heads and families, for yours: `seriatim.testing.laws(model)` in a test of your own.

Three functions check everything that applies and return what was checked and what was not:

- `laws(model)`: a model parallel and by steps, in chunks, packed; strictness and sight; rows, seeds, probabilities,
  gradients, conditions; its config and compression; its head.
- `layer_laws(layer, channels)`: a layer in chunks, its gradients, its sight, its rows and forks, and over 8,192 frames
  in float32 (`long_chunk_law`).
- `head_laws(head)`: tables, densities, integer counts, draws, what is written by hand against the defaults.

They work on deep copies in float64 whose weights are woken (`wake`: nothing is zero by initialisation) and leave the
model, torch's default dtype and its random numbers as they were. A law that is broken raises an AssertionError of one
line that begins with the law's name: "packed law: 0.21, expected 0.35 at row 0, position 3, parameter 1 (step
against forward)". Each law is also a function of its own, in `testing.layers`, `testing.heads`, `testing.models`,
`testing.sight`, `testing.samples` and `testing.stored`; those take a module as it is, in float64 (`exact`, `isolated`).
Where draws are counted or densities integrated, SciPy is needed: `pip install 'seriatim[testing]'`.

The laws do not know what a family should compute: a recurrent network with a wrong candidate function obeyed all of
them. So a family also comes with a plain loop written from its paper, which it is held equal to:
`equals(model, loop, x)`.
"""

from seriatim.testing.base import TOLERANCE, Report, exact, gradient_law, isolated, same, wake
from seriatim.testing.checks import head_laws, layer_laws
from seriatim.testing.long import long_carry_law, long_chunk_law
from seriatim.testing.textbook import equals
from seriatim.testing.whole import laws

__all__ = [
    "TOLERANCE",
    "Report",
    "equals",
    "exact",
    "gradient_law",
    "head_laws",
    "isolated",
    "laws",
    "layer_laws",
    "long_carry_law",
    "long_chunk_law",
    "same",
    "wake",
]
