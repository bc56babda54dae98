"""Training of a linear family: its likelihood is maximised on all data at once, in float64."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, final

from torch import Tensor

from seriatim.errors import tell
from seriatim.models import Model
from seriatim.runs import files
from seriatim.training.loop import Hooks
from seriatim.training.maximum import maximise
from seriatim.training.unit import Unit


@final
class Fit:
    """One fit, in the place of a `Loop`. Interrupted, it begins anew: it takes seconds.

    Args:
        model: in float64.
        data: () -> x (B, T), its conditions, and which positions count.
        folder: of the run.
        hooks: what to do with the result.
        unit: of the figures.
        quiet: say nothing.
        note: on the data.
    """

    total = 1
    """Steps: it is one."""

    def __init__(
        self,
        model: Model,
        data: Callable[[], tuple[Tensor, Mapping[str, Tensor], Tensor]],
        folder: Path,
        hooks: Hooks,
        unit: Unit,
        quiet: bool,
        note: Mapping[str, Any],
    ) -> None:
        self.model, self.data, self.folder, self.hooks = model, data, folder, hooks
        self.unit, self.quiet, self.note = unit, quiet, note

    def save(self) -> None:
        """Nothing: there is no state between beginning and end."""

    def resume(self) -> None:
        """Nothing: it begins anew."""

    def run(self) -> None:
        """Fit, keep the model and draw samples.

        Raises:
            UserError: if nothing counts, or the likelihood is not finite.
        """
        began = time.perf_counter()
        x, given, mask = self.data()
        self.model.calibrate(x, given)
        nats = maximise(self.model, x, given, mask)
        count, key = int(mask.sum()), self.unit.key
        row: dict[str, Any] = {"step": 1, f"train_{key}": -nats / count * self.unit.scale}
        self.model.eval()
        if self.hooks.validate is not None:
            row[f"validation_{key}"] = self.hooks.validate() * self.unit.scale
        files.write_text(self.folder / "metrics.jsonl", json.dumps(row) + "\n")
        self.hooks.keep({**self.note, **{k: v for k, v in row.items() if not k.startswith("train_")}})
        if not self.quiet:
            took = time.perf_counter() - began
            tell(f"log p of the {count:,} training values: {nats:,.4f} nats, {took:.1f} s to maximise")
        self.hooks.show(1)
