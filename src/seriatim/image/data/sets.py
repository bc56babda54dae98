"""The table of named data sets of images; `image.data.loaders` reads their files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seriatim.data.fetch import File, NamedSet
from seriatim.data.mnist import FILES as MNIST

_FASHION = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/b2617bb6d3ffa2e429640350f613e3291e10b141"
_DIGITS = tuple("0123456789")
_IDX_NOTE = "The last 5,000 of the official training pictures validate, the others train; the test is the official one."


@dataclass(frozen=True, kw_only=True)
class ImageSet(NamedSet):
    """A named data set of pictures."""

    layout: Literal["idx", "cifar", "digits"]
    labels: tuple[str, ...]
    """The names of the labels 0, 1, …"""


SETS: dict[str, ImageSet] = {
    "mnist": ImageSet(
        title="MNIST: 70,000 handwritten digits, 28 × 28, grey",
        licence="CC BY-SA 3.0, as MNIST is commonly given",
        attribution="Y. LeCun, C. Cortes, C. Burges",
        files=MNIST,
        layout="idx",
        labels=_DIGITS,
        note=f"{_IDX_NOTE} Binarised by --image.binarise it is not the fixed draw of Larochelle and Murray.",
    ),
    "fashion-mnist": ImageSet(
        title="Fashion-MNIST: 70,000 pieces of clothing, 28 × 28, grey",
        licence="MIT",
        attribution="H. Xiao, K. Rasul, R. Vollgraf; Zalando SE",
        files=(
            File(
                "fashion-mnist/train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                f"{_FASHION}/data/fashion/train-images-idx3-ubyte.gz",
            ),
            File(
                "fashion-mnist/train-labels-idx1-ubyte.gz",
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                f"{_FASHION}/data/fashion/train-labels-idx1-ubyte.gz",
            ),
            File(
                "fashion-mnist/t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                f"{_FASHION}/data/fashion/t10k-images-idx3-ubyte.gz",
            ),
            File(
                "fashion-mnist/t10k-labels-idx1-ubyte.gz",
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                f"{_FASHION}/data/fashion/t10k-labels-idx1-ubyte.gz",
            ),
        ),
        layout="idx",
        labels=(
            "t-shirt",
            "trouser",
            "pullover",
            "dress",
            "coat",
            "sandal",
            "shirt",
            "sneaker",
            "bag",
            "ankle-boot",
        ),
        note=_IDX_NOTE,
    ),
    "cifar10": ImageSet(
        title="CIFAR-10: 60,000 small photographs, 32 × 32, RGB",
        licence="none stated; the author asks for citation",
        attribution="A. Krizhevsky 2009",
        files=(
            File(
                "cifar10/cifar-10-binary.tar.gz",
                170_052_171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            ),
        ),
        part=(
            File(
                "cifar10-subset/cifar-10-binary-subset.tar.xz",
                25_952_924,
                "97a090c99f3bcdcf25575f233e993f6e0549605f2bffc2ac998f2fe9184501d6",
                None,
            ),
        ),
        layout="cifar",
        labels=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        note="The last tenth of the training pictures validates; the test is the official one.",
    ),
    "digits": ImageSet(
        title="Optical digits: 1,797 handwritten digits, 8 × 8, grey",
        licence="CC BY 4.0 (UCI)",
        attribution="E. Alpaydin, C. Kaynak; comes with scikit-learn",
        files=(),
        package="sklearn",
        layout="digits",
        labels=_DIGITS,
        note="17 levels of grey, scaled to 0 to 255 (--image.levels 17 undoes it). Split 80/10/10 at random.",
        by_hand="pip install 'seriatim[demo]'",
    ),
}
"""Every named data set of pictures."""
