"""The table of named data sets of series; `series.data.loaders` reads their files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seriatim.data.fetch import File, NamedSet

_ETT = (
    File("ett/ETTh1.csv", 2_589_657, "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066", None),
    File("ett/ETTh2.csv", 2_417_960, "a3dc2c597b9218c7ce1cd55eb77b283fd459a1d09d753063f944967dd6b9218b", None),
)
_ETT_BY_HAND = "put ETTh1.csv and ETTh2.csv of zhouhaoyi/ETDataset into ett/ under $SERIATIM_DATA"
_ETT_LICENCE = "CC BY-ND 4.0"
_ETT_BY = "H. Zhou et al., Informer (AAAI 2021)"
_STATS_LICENCE = "public domain data, as packaged by statsmodels (BSD-3)"
_ARCH_LICENCE = "prices from Yahoo! Finance, as packaged by arch (NCSA)"


def _stats(name: str, size: int, sha256: str) -> tuple[File, ...]:
    return (File(f"statsmodels-series/{name}.csv", size, sha256, None),)


def _by_hand(name: str, package: str, folder: str) -> str:
    return f"copy {name} of the Python package {package} into {folder}/ under $SERIATIM_DATA"


@dataclass(frozen=True, kw_only=True)
class SeriesSet(NamedSet):
    """A named data set of series."""

    layout: Literal["table", "tables", "months", "quarters", "returns", "ecg"]


SETS: dict[str, SeriesSet] = {
    "etth1": SeriesSet(
        title="ETTh1: oil temperature and six loads of a transformer, 17,420 hours",
        licence=_ETT_LICENCE,
        attribution=_ETT_BY,
        files=_ETT[:1],
        layout="table",
        by_hand=_ETT_BY_HAND,
    ),
    "etth2": SeriesSet(
        title="ETTh2: oil temperature and six loads of another transformer, 17,420 hours",
        licence=_ETT_LICENCE,
        attribution=_ETT_BY,
        files=_ETT[1:],
        layout="table",
        by_hand=_ETT_BY_HAND,
    ),
    "ett-1h": SeriesSet(
        title="ETTh1 and ETTh2 together: 14 series of 17,420 hours, as in the benchmark fev-bench",
        licence=_ETT_LICENCE,
        attribution=_ETT_BY,
        files=_ETT,
        layout="tables",
        note="The benchmark's task ETT_1H is --series.horizon 168 --series.origins 20.",
        by_hand=_ETT_BY_HAND,
    ),
    "sunspots": SeriesSet(
        title="Yearly sunspot numbers, 1700 to 2008",
        licence=_STATS_LICENCE,
        attribution="National Geophysical Data Center",
        files=_stats("sunspots", 2944, "f67889b1d9002cd5227f0e0ef54e35b419cdd85a31279adef6f73fb41e5c0a9b"),
        layout="table",
        by_hand=_by_hand("sunspots.csv", "statsmodels", "statsmodels-series"),
    ),
    "nile": SeriesSet(
        title="Yearly flow of the Nile at Aswan, 1871 to 1970",
        licence=_STATS_LICENCE,
        attribution="J. Durbin and S. J. Koopman (2001)",
        files=_stats("nile", 942, "88e97bea7249e5832a85e41aec6ce4b8f7b1b14aae930c8363da7f193286b598"),
        layout="table",
        by_hand=_by_hand("nile.csv", "statsmodels", "statsmodels-series"),
    ),
    "co2": SeriesSet(
        title="Weekly carbon dioxide at Mauna Loa, 1958 to 2001, with gaps",
        licence=_STATS_LICENCE,
        attribution="C. D. Keeling and T. P. Whorf",
        files=_stats("co2", 33_974, "16695fa2786e53414e5a6b54767a3fdf5de99cfbc68617f69d1362d92776a92f"),
        layout="table",
        by_hand=_by_hand("co2.csv", "statsmodels", "statsmodels-series"),
    ),
    "elnino": SeriesSet(
        title="Monthly sea surface temperature of the tropical Pacific, 1950 to 2010",
        licence=_STATS_LICENCE,
        attribution="National Oceanic and Atmospheric Administration",
        files=_stats("elnino", 5508, "b647be00e0fd264be9764e317e6b963f35030014ecca2b21b204521716e463ad"),
        layout="months",
        by_hand=_by_hand("elnino.csv", "statsmodels", "statsmodels-series"),
    ),
    "macro": SeriesSet(
        title="Twelve quarterly figures of the economy of the United States, 1959 to 2009",
        licence=_STATS_LICENCE,
        attribution="Federal Reserve Bank of St. Louis",
        files=_stats("macrodata", 17_829, "d93c0d3a7a77ef83c3af14e46032bb1d02ae3a512b22ab94159a8ca226fcf708"),
        layout="quarters",
        by_hand=_by_hand("macrodata.csv", "statsmodels", "statsmodels-series"),
    ),
    "sp500": SeriesSet(
        title="Daily returns of the S&P 500, 1999 to 2018, in percent",
        licence=_ARCH_LICENCE,
        attribution="S&P, by way of the package arch",
        files=(
            File(
                "arch-finance/sp500.csv",
                400_462,
                "1c4d0aeed8db9284de8ad71e4063c97f645ad6dd13507f8e305338e96c396ba7",
                None,
            ),
        ),
        layout="returns",
        note="100 times the change of the adjusted close, as a share of it; rows are counted, not days.",
        by_hand=_by_hand("sp500.csv.gz", "arch", "arch-finance"),
    ),
    "nasdaq": SeriesSet(
        title="Daily returns of the NASDAQ Composite, 1999 to 2018, in percent",
        licence=_ARCH_LICENCE,
        attribution="Nasdaq, by way of the package arch",
        files=(
            File(
                "arch-finance/nasdaq.csv",
                403_487,
                "799ab0bf4a29129f23c27743098215c4033c139ff76dc935a1cd53d1aea9997e",
                None,
            ),
        ),
        layout="returns",
        note="100 times the change of the adjusted close, as a share of it; rows are counted, not days.",
        by_hand=_by_hand("nasdaq.csv.gz", "arch", "arch-finance"),
    ),
    "ecg": SeriesSet(
        title="An electrocardiogram: record 100 of the MIT-BIH arrhythmia database, 30 minutes at 360 Hz, in mV",
        licence="ODC-By 1.0",
        attribution="G. B. Moody and R. G. Mark (2001)",
        files=(
            File(
                "ecg/100.dat",
                1_950_000,
                "b2ea3c250e56e48f4b7b90697832b8ecd1afa1e0bb31f2dcfea4ed6e1075a639",
                None,
            ),
        ),
        layout="ecg",
        note="The leads MLII and V5; rows are counted.",
        by_hand="put 100.dat of the record into ecg/ under $SERIATIM_DATA",
    ),
}
"""Every named data set of series."""
