"""The files of MNIST, from which more than one data set is made."""

from __future__ import annotations

from seriatim.data.fetch import File

_PLACE = "https://ossci-datasets.s3.amazonaws.com/mnist"

FILES = (
    File(
        "mnist/train-images-idx3-ubyte.gz",
        9_912_422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        f"{_PLACE}/train-images-idx3-ubyte.gz",
    ),
    File(
        "mnist/train-labels-idx1-ubyte.gz",
        28_881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        f"{_PLACE}/train-labels-idx1-ubyte.gz",
    ),
    File(
        "mnist/t10k-images-idx3-ubyte.gz",
        1_648_877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        f"{_PLACE}/t10k-images-idx3-ubyte.gz",
    ),
    File(
        "mnist/t10k-labels-idx1-ubyte.gz",
        4_542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        f"{_PLACE}/t10k-labels-idx1-ubyte.gz",
    ),
)
"""Training pictures and labels, test pictures and labels."""

VALIDATION = 5000
"""The last training pictures, which validate."""
