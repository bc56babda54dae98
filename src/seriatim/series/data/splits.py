"""Dividing series by time: what is earlier trains, what is later tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.series.data.panel import Panel, Series
from seriatim.series.frequency import usual_past, usual_season
from seriatim.series.options import SeriesOptions

_SIDES = ("train", "validation", "test")


def horizon_of(options: SeriesOptions, panel: Panel) -> int:
    """Steps to forecast: as asked for, or a season, or a few of short series; a multiple of the block."""
    if options.horizon is not None:
        return options.horizon
    longest = max(each.steps for each in panel.items)
    own = options.season or usual_season(panel.frequency)
    count = own if own > 1 else max(1, usual_past(panel.frequency) // 8)
    return _multiple(max(1, min(count, longest // 5)), options.block)


def past_of(options: SeriesOptions, panel: Panel) -> int:
    """Steps that a window reads first: as asked for, or by the frequency, at most half of the longest series."""
    if options.past is not None:
        return options.past
    own = options.season or usual_season(panel.frequency)
    longest = max(each.steps for each in panel.items)
    return _multiple(max(2, min(max(usual_past(panel.frequency), 2 * own), longest // 2)), options.block)


def _multiple(steps: int, block: int) -> int:
    """The largest multiple that is not larger, at least one block."""
    return max(block, steps // block * block)


def divide(panel: Panel, options: SeriesOptions, division: DataOptions, where: str) -> dict[str, Panel]:
    """Splits by time: each has everything up to its end, and counts from the end of the one before.

    Raises:
        UserError: if a series is too short for them.
    """
    held = None if options.origins is None else options.origins * horizon_of(options, panel)
    found: dict[str, list[Series]] = {side: [] for side in _SIDES}
    for each in panel.items:
        ends = _ends(each, held, division, where)
        first = each.first
        for side, end in ends.items():
            if end > first:
                found[side].append(replace(each, values=each.values[:end], first=first))
            first = max(first, end)
    splits = {side: replace(panel, items=items) for side, items in found.items() if items}
    for side in division.shares:
        if side not in splits:
            raise UserError(
                f"{where}: the series are too short for a {side} split: give longer ones, or set --data.validation "
                "and --data.test to 0"
            )
    return splits


def _ends(each: Series, held: int | None, division: DataOptions, where: str) -> Mapping[str, int]:
    """{split: the step before which it ends}."""
    steps = each.steps
    tested = round(steps * division.test) if held is None else held
    validated = round((steps - tested if held is not None else steps) * division.validation)
    if held is not None and steps - tested < max(2, validated):
        raise UserError(
            f"{where}: series {each.name!r:.40} has {steps:,} steps, and --series.origins and --series.horizon hold "
            f"out {held:,}: give fewer origins, or a shorter horizon"
        )
    # a share that was asked for is not rounded down to nothing, if the series has two steps to spare
    tested = max(1, tested) if division.test and steps > 8 else tested
    validated = max(1, validated) if division.validation and steps > 8 else validated
    train = steps - tested - validated
    return {"train": train, "validation": train + validated, "test": steps}


def folds(panel: Panel, k: int, where: str) -> list[tuple[Panel, Panel]]:
    """k times a training part and the part that follows it: the series are cut into k + 1 stretches of time.

    Raises:
        UserError: if a stretch would be empty.
    """
    if k < 2:
        raise UserError(f"{k} folds are too few: give 2 or more")
    pairs: list[tuple[Panel, Panel]] = []
    for i in range(1, k + 1):
        before: list[Series] = []
        after: list[Series] = []
        for each in panel.items:
            cut, end = each.steps * i // (k + 1), each.steps * (i + 1) // (k + 1)
            if cut >= 2 and end > cut:
                before.append(replace(each, values=each.values[:cut]))
                after.append(replace(each, values=each.values[:end], first=cut))
        if not before:
            raise UserError(f"{where}: the series are too short for {k} folds: give fewer folds")
        pairs.append((replace(panel, items=before), replace(panel, items=after)))
    return pairs
