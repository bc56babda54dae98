"""The prior over the codes of an auto-encoder, trained after it so that new pictures can be drawn."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import torch

from seriatim.image.data.gallery import Pictures
from seriatim.image.model import ImageModel
from seriatim.models import Conditional
from seriatim.runs import checkpoint
from seriatim.training.meter import Meter
from seriatim.training.observers import Step
from seriatim.training.unit import Unit

_UNIT = Unit("nats_per_code", 1.0)
_MOST, _BATCH, _TIMES = 1500, 128, 15


def prior_steps(total: int) -> int:
    """The steps of the prior of a model that is trained for `total`: as many, at most 1500."""
    return min(_MOST, total)


def fit_prior(folder: Path, splits: Mapping[str, Pictures], device: str, seed: int, total: int, quiet: bool) -> None:
    """Train the prior of a run's codes on the training split, and save its best state on validation.

    Args:
        folder: the run.
        splits: its pictures.
        device: where to train.
        seed: seed of the order.
        total: steps of the model itself.
        quiet: show no progress.
    """
    loaded = checkpoint.load(folder, device)
    if "code_nats" in loaded.about:  # a finished run that has not improved since
        return
    model = ImageModel(loaded.model, loaded.codecs, loaded.family, loaded.about)
    prior = cast(Conditional, loaded.model).prior
    assert prior is not None
    steps = prior_steps(total)
    sides = splits["train"], splits.get("validation", splits["train"])
    codes, held = (torch.from_numpy(model.codes.symbols(model.codes.encode(side.x))).to(device) for side in sides)
    prior.initialise(codes[:_BATCH], counts=torch.bincount(codes.flatten(), minlength=prior.head.width)[None])
    optimiser = torch.optim.AdamW(prior.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    dealer = torch.Generator().manual_seed(seed)
    best, state = float("inf"), copy.deepcopy(prior.state_dict())
    meter = Meter(steps, quiet=quiet)
    meter.say(f"now a prior over the codes, to draw new pictures: {steps:,} steps")
    for step in range(1, steps + 1):
        chosen = torch.randint(len(codes), (min(_BATCH, len(codes)),), generator=dealer)
        optimiser.zero_grad()
        loss = -prior.log_prob(codes[chosen.to(device)]).mean()
        loss.backward()
        optimiser.step()
        schedule.step()
        rate = float(schedule.get_last_lr()[0])
        meter.on_step(Step(step, steps, float(loss.detach()), _UNIT, rate, codes.shape[1] * len(chosen)))
        if step % max(1, steps // _TIMES) == 0 or step == steps:
            with torch.no_grad():
                nats = -float(torch.cat([prior.log_prob(part) for part in held.split(4096)]).mean())
            if nats < best:
                best, state = nats, copy.deepcopy(prior.state_dict())
    meter.say(f"prior over codes: validation {best:.2f} nats/code")
    meter.close()
    prior.load_state_dict(state)
    about = {**loaded.about, "code_nats": best}
    checkpoint.save(folder, loaded.model, loaded.codecs, loaded.family, loaded.modality, about)
