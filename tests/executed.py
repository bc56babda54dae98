"""How the tests execute annotations: beartype, where it can, and jaxtyping, where they have shapes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype
from beartype.roar import BeartypeDecorHintPep612Exception, BeartypeDecorHintPep673Exception

_CONF = BeartypeConf(is_pep484_tower=True)  # an int is a float, as everywhere else
# Float[Tensor, 'B T'], which Python quotes so, and *Arguments, which beartype cannot read
_FOR_JAXTYPING = re.compile(r"""\[\w+, ["']|^\*""")


def checked(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f` with its arguments and result checked at every call.

    The import hook decorates methods one by one, and beartype cannot tell there whose `Self` is meant: those stay as
    they are, and so do decorators that take whatever arguments a function has.
    """
    try:
        return beartype(f, conf=_CONF)
    except (BeartypeDecorHintPep612Exception, BeartypeDecorHintPep673Exception):
        return f


def shapes_where_there_are_some() -> None:
    """Let the import hook leave functions without shapes to beartype alone.

    jaxtyping makes two functions of each, and binds the arguments of every call: a quarter of the time of all tests.
    """
    whole = jaxtyping.jaxtyped

    def jaxtyped(*, typechecker: Any) -> Callable[[Any], Any]:
        def decorated(f: Any) -> Any:
            if inspect.isfunction(f) and not any(_needs_jaxtyping(str(each), f) for each in f.__annotations__.values()):
                return checked(f)
            return whole(f, typechecker=typechecker)

        return decorated

    jaxtyping.jaxtyped = jaxtyped


def _needs_jaxtyping(annotation: str, f: Any) -> bool:
    """Whether it has a shape, or something that beartype cannot read: `*Arguments`, a module that is not imported."""
    modules = re.findall(r"\b(\w+)\.\w", annotation)
    return bool(_FOR_JAXTYPING.search(annotation)) or any(name not in f.__globals__ for name in modules)
