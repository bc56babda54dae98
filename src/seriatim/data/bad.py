"""Files and records that cannot be read: all are looked at before they are refused together, or left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, final

from seriatim.errors import UserError

P = ParamSpec("P")
R = TypeVar("R")

_NAMED = 10  # that a message names
_ADVICE = ": replace or remove it"  # said once for all
_LONG = 100  # characters of what is said of each


@final
class Bad:
    """What could not be read.

    Args:
        skip: whether it is left out, rather than refused.

    Example:
        >>> bad = Bad(skip=True)
        >>> def read(word: str) -> str:
        ...     if word == "x":
        ...         raise UserError("x: damaged")
        ...     return word
        >>> [bad.attempt(read, word) for word in "axb"]
        ['a', None, 'b']
        >>> bad.finish(3, "words")
        '1 of 3 words cannot be read and are left out: x: damaged.'
    """

    def __init__(self, skip: bool = False) -> None:
        self.skip, self.count = skip, 0
        self._said: list[str] = []

    def attempt(self, read: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R | None:
        """What `read` returns; None if it raises a UserError, which is kept."""
        try:
            return read(*args, **kwargs)
        except UserError as error:
            self.count += 1
            if len(self._said) < _NAMED:
                self._said.append(str(error))
            return None

    def finish(self, total: int, items: str) -> str:
        """A remark on what is left out; empty if all could be read.

        Args:
            total: how many there were.
            items: what they are called, in the plural.

        Raises:
            UserError: naming the first ten, unless they are skipped; naming one if it is alone, or none could be read.
        """
        if not self.count:
            return ""
        if self.count == total > 1:
            raise UserError(f"{self._said[0]}; the other {total - 1:,} {items} cannot be read either")
        if self.count == total:
            raise UserError(self._said[0])
        if self.count == 1 and not self.skip:
            raise UserError(f"{self._said[0]}, or train with --data.skip-bad")
        plain = [said.removesuffix(_ADVICE) for said in self._said]
        each = "; ".join(said if len(said) <= _LONG else said[: _LONG - 1] + "…" for said in plain)
        more = f"; and {self.count - len(self._said):,} more" if self.count > len(self._said) else ""
        if self.skip:
            return f"{self.count:,} of {total:,} {items} cannot be read and are left out: {each}{more}."
        raise UserError(
            f"{self.count:,} of {total:,} {items} cannot be read: {each}{more}: replace or remove them, or train with "
            "--data.skip-bad"
        )
