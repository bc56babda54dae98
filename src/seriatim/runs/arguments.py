"""Arguments of public calls, checked before anything is done with them.

A wrong type would otherwise come to light deep inside, as an error of Python's or PyTorch's that names neither the
argument nor what to do.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from os import PathLike
from typing import Any, ParamSpec, TypeVar, cast

from seriatim.errors import UserError

P = ParamSpec("P")
R = TypeVar("R")

Check = Callable[[str, Any], None]
"""(name, value): raises a UserError if the value is of another type."""


def takes(**checks: Check) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function so that these arguments are checked at every call; None passes where it is the default.

    Example:
        >>> @takes(n=count)
        ... def draw(n: int = 1) -> list[int]:
        ...     return [0] * n
        >>> draw("2")
        Traceback (most recent call last):
        seriatim.errors.UserError: n is '2'; expected a whole number
    """

    def decorate(f: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(f)
        optional = {name for name, each in signature.parameters.items() if each.default is None}

        @functools.wraps(f)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                given = signature.bind(*args, **kwargs).arguments
            except TypeError:  # Python's own message names the argument
                return f(*args, **kwargs)
            for name, value in given.items():
                if name in checks and not (value is None and name in optional):
                    checks[name](name, value)
            return f(*args, **kwargs)

        return call

    return decorate


def is_whole(value: object) -> bool:
    """Whether a value is a whole number, Python's or NumPy's."""
    return not isinstance(value, bool) and isinstance(value, Integral)


def count(name: str, value: Any) -> None:
    """A whole number."""
    if not is_whole(value):
        raise _wrong(name, value, "a whole number")


def number(name: str, value: Any) -> None:
    """A number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise _wrong(name, value, "a number")


def text(name: str, value: Any) -> None:
    """One text."""
    if not isinstance(value, str):
        raise _wrong(name, value, "a string")


def texts(name: str, value: Any) -> None:
    """One text, or several."""
    if isinstance(value, str):
        return
    if isinstance(value, bytes) or not hasattr(value, "__iter__") or not hasattr(value, "__len__"):
        raise _wrong(name, value, "a string, or a list of strings")
    for i, each in enumerate(value):
        if not isinstance(each, str):
            raise _wrong(f"{name}[{i}]", each, "a string")


def seeds(name: str, value: Any) -> None:
    """A whole number, or one for each row."""
    if is_whole(value):
        return
    if isinstance(value, str | bytes | Mapping) or not hasattr(value, "__iter__"):
        raise _wrong(name, value, "a whole number, or a list with one for each row")
    for i, each in enumerate(value.tolist() if hasattr(value, "tolist") else value):
        if not is_whole(each):
            raise _wrong(f"{name}[{i}]", each, "a whole number")


def named(name: str, value: Any) -> None:
    """Values by name."""
    if not isinstance(value, Mapping):
        example = ", such as given={'label': 'a'}" if name == "given" else ""
        raise _wrong(name, value, f"values by name{example}")
    for key in cast("Mapping[Any, Any]", value):
        text(f"a key of {name}", key)


def function(name: str, value: Any) -> None:
    """Something to call."""
    if not callable(value):
        raise _wrong(name, value, "a function")


def path(name: str, value: Any) -> None:
    """A path, which is not empty: that would be the current folder."""
    if not isinstance(value, str | PathLike) or value == "":
        raise _wrong(name, value, "a path")


def instance(kind: Any, words: str) -> Check:
    """A check for instances of a class, or of several; `words`: what is expected."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, kind):
            raise _wrong(name, value, words)

    return check


def _wrong(name: str, value: Any, expected: str) -> UserError:
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        given = f"an array of shape {shape}"
    elif isinstance(value, str | int | float | bytes | None):
        given = f"{value!r:.60}"
    else:
        given = f"a {type(value).__name__}"
    return UserError(f"{name} is {given}; expected {expected}")
