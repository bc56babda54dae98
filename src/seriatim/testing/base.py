"""What the laws share: comparison, float64 copies with woken weights, isolation from global state, the report."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar, TypeVarTuple, overload

import torch
from torch import Tensor, nn

from seriatim.context import Context
from seriatim.models.base import ContextLike
from seriatim.walks.threads import one_thread

TOLERANCE = 1e-11
"""Relative and absolute: what float64 rounding may change."""
SEEN = 1e-9
"""A change that is smaller does not count as one; rounding lies well below it."""

M = TypeVar("M", bound=nn.Module)
Arguments = TypeVarTuple("Arguments")


def hold(condition: object, law: str, fault: str) -> None:
    """Raise unless the condition is true. An `assert` statement would be removed by `python -O`.

    Raises:
        AssertionError: one line, "law: fault".
    """
    if not condition:
        raise AssertionError(f"{law}: {fault}")


def same(
    a: Tensor, b: Tensor, tolerance: float = TOLERANCE, law: str = "equality", axes: Sequence[str] = (), when: str = ""
) -> None:
    """Check that two tensors are equal up to rounding: |a − b| <= tolerance · (1 + |b|).

    Args:
        a: what was found.
        b: what is expected.
        tolerance: relative and absolute.
        law: the law's name, with which the message begins.
        axes: names of the leading axes, such as ("row", "position"), for the message.
        when: added to the message.

    Raises:
        AssertionError: naming the place of the largest difference; also where shapes or dtypes differ.
    """
    hold(a.shape == b.shape, law, f"shape {tuple(a.shape)}, expected {tuple(b.shape)}{when}")
    hold(a.dtype == b.dtype, law, f"{a.dtype}, expected {b.dtype}{when}")
    if not a.numel():
        return
    a, b = a.detach(), b.detach()
    off = torch.where(a == b, 0.0, (a - b).abs().double())  # equal infinities are equal
    excess = (off - tolerance * (1 + b.abs().double())).nan_to_num(math.inf, math.inf)
    worst = int(excess.flatten().argmax())
    if bool(excess.flatten()[worst] > 0):
        index = [int(i) for i in torch.unravel_index(torch.tensor(worst), a.shape)]
        found, wanted = a.flatten()[worst].item(), b.flatten()[worst].item()
        raise AssertionError(f"{law}: {found:.9g}, expected {wanted:.9g}{_place(index, axes)}{when}")


def _place(index: Sequence[int], axes: Sequence[str]) -> str:
    """Such as " at row 0, position 3"."""
    if not index:
        return ""
    rest = [str(list(index[len(axes) :]))] if len(index) > len(axes) else []
    return " at " + ", ".join([f"{name} {i}" for name, i in zip(axes, index, strict=False)] + rest)


def slopes(value: Tensor, of: Sequence[Tensor], retain: bool = False) -> list[Tensor | None]:
    """The gradient of a scalar in each tensor; None in one that it does not depend on."""
    return list(torch.autograd.grad(value, of, retain_graph=retain, allow_unused=True))


def same_slopes(name: str, chunks: Tensor | None, whole: Tensor | None, law: str, when: str = "") -> None:
    """Check that a parameter's gradients through chunks and through the whole are equal, to 1e-9."""
    if whole is None:
        unused = chunks is None or not bool(chunks.any())
        hold(unused, law, f"{name} has a gradient from chunks and none from the whole{when}")
        return
    found = torch.zeros_like(whole) if chunks is None else chunks
    same(found, whole, 1e-9, law, when=f" in the gradient of {name}{when}")


def gradient_law(loss: Callable[[], Tensor], parameters: Iterable[tuple[str, Tensor]]) -> None:
    """Gradient law: the loss has a finite gradient in every parameter, somewhere not zero.

    Args:
        loss: a scalar.
        parameters: (name, tensor); those that need no gradient are left out.

    Raises:
        AssertionError: naming the parameter.
    """
    named = {name: parameter for name, parameter in parameters if parameter.requires_grad}
    if not named:
        return
    value = loss()
    hold(value.requires_grad, "gradient law", f"no gradient reaches {next(iter(named))}, nor any other parameter")
    for name, slope in zip(named, slopes(value, list(named.values())), strict=True):
        if slope is None:
            raise AssertionError(f"gradient law: {name} is unused")
        hold(slope.isfinite().all(), "gradient law", f"the gradient of {name} is not finite")
        hold(slope.numel() == 0 or slope.abs().max() > 0, "gradient law", f"no gradient reaches {name}")


def wake(module: M, seed: int = 0, scale: float = 0.4) -> M:
    """Move every parameter away from zero and one, in place, so that no branch sleeps and no symmetry hides a fault.

    Many layers begin at zero (the last weight of a residual branch, the map of a condition): untrained, they would obey
    any law. Parameters become normal with standard deviation `scale`, and less where many inputs are added up
    (2 · scale / √inputs); vectors of ones, such as a norm's scale, stay around one.

    Args:
        module: is changed; the conveniences (`laws`, …) give a copy.
        seed: of the noise; torch's own generator is not used.
        scale: standard deviation.

    Returns:
        The module, in evaluation mode.

    >>> from torch import nn
    >>> bool(wake(nn.Linear(3, 3)).weight.std() > 0.1)
    True
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype).to(parameter.device)
            inputs = parameter[0].numel() if parameter.dim() > 1 and len(parameter) else 1
            ones = parameter.dim() == 1 and bool((parameter == 1).all())
            parameter.copy_(min(scale, 2 * scale / math.sqrt(max(inputs, 1))) * noise + (1.0 if ones else 0.0))
    return module.eval()


def exact(module: M) -> M:
    """A deep copy on the CPU in float64, its weights woken, in evaluation mode: what the laws are held against."""
    return wake(copy.deepcopy(module).to("cpu", torch.float64))


@contextmanager
def isolated(dtype: torch.dtype = torch.float64) -> Generator[None]:
    """While it lasts, new tensors have this dtype, gradients are on, one thread works; torch's generator begins at 0.

    Afterwards the default dtype, the number of threads, the mode of gradients and the generator are as they were.
    """
    with (
        one_thread(),
        torch.random.fork_rng(devices=[]),
        torch.inference_mode(False),
        torch.enable_grad(),
        default_dtype(dtype),
    ):
        torch.default_generator.manual_seed(0)
        yield


@contextmanager
def default_dtype(dtype: torch.dtype) -> Generator[None]:
    """While it lasts, new tensors have this dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def random_like(y: Tensor, seed: int = 0) -> Tensor:
    """Normal numbers of y's shape and dtype; torch's own generator is not used."""
    return torch.randn(y.shape, generator=torch.Generator().manual_seed(seed), dtype=y.dtype)


def on_cpu(value: Tensor, dtype: torch.dtype) -> Tensor:
    """The tensor without gradients on the CPU; real numbers in another dtype, whole ones as they are."""
    return value.detach().to("cpu", dtype if value.is_floating_point() else value.dtype)


@overload
def cast_given(given: Context, dtype: torch.dtype) -> Context: ...
@overload
def cast_given(given: ContextLike, dtype: torch.dtype) -> ContextLike: ...
def cast_given(given: ContextLike, dtype: torch.dtype) -> ContextLike:
    """The same condition as `on_cpu` has its tensors."""
    if isinstance(given, Context):
        tensors = {name: value for name, value in vars(given).items() if isinstance(value, Tensor)}
        return replace(given, **{name: on_cpu(value, dtype) for name, value in tensors.items()})
    return {name: on_cpu(value, dtype) for name, value in given.items()}


def pick(given: ContextLike, rows: Tensor) -> ContextLike:
    """The condition of some rows."""
    return given.select(rows) if isinstance(given, Context) else {name: value[rows] for name, value in given.items()}


def rows_of(given: ContextLike) -> int:
    """How many rows a condition has; 0 if it is empty."""
    values = vars(given).values() if isinstance(given, Context) else given.values()
    return next((len(value) for value in values if isinstance(value, Tensor)), 0)


@dataclass
class Report:
    """What a convenience (`laws`, `layer_laws`, `head_laws`) has checked. Printed, it is two lines or more.

    Attributes:
        held: the laws that hold, in the order of checking.
        skipped: {law that was not checked: why}.
    """

    held: list[str] = field(default_factory=list[str])
    skipped: dict[str, str] = field(default_factory=dict[str, str])
    leave_out: frozenset[str] = frozenset()

    @classmethod
    def without(cls, skip: Collection[str]) -> Report:
        """An empty report of a run in which some laws are left out."""
        return cls(leave_out=frozenset(skip))

    def check(self, name: str, law: Callable[[*Arguments], object], *arguments: *Arguments, unless: str = "") -> None:
        """Call a law and note that it holds; or, with a reason, note why it is not called.

        Raises:
            AssertionError: from the law; the message begins with `name`.
        """
        self.each(name, law, [arguments], unless=unless)

    def each(
        self, name: str, law: Callable[[*Arguments], object], calls: Iterable[tuple[*Arguments]], *, unless: str = ""
    ) -> None:
        """As `check`, once for each tuple of arguments."""
        reason = "left out by the caller" if name in self.leave_out else unless
        if reason:
            self.skipped[name] = reason
            return
        try:
            for arguments in calls:
                law(*arguments)
        except AssertionError as error:
            broken, _, fault = str(error).partition(": ")
            if broken == name:
                raise
            raise AssertionError(f"{name}: {fault if name.endswith(broken) else error}") from error
        except Exception as error:
            error.add_note(f"seriatim.testing was checking the {name}")
            raise
        self.held.append(name)

    def finish(self) -> Report:
        """The report itself, once every law has had its turn.

        Raises:
            ValueError: if a law was to be left out that there is not.
        """
        known = [*self.held, *self.skipped]
        for name in self.leave_out:
            if name not in known:
                raise ValueError(f"skip={name!r} is not a law here; choose from {', '.join(known)}")
        return self

    def __str__(self) -> str:
        lines = [f"held: {', '.join(self.held)}"]
        return "\n".join(lines + [f"skipped: {name} ({reason})" for name, reason in self.skipped.items()])
