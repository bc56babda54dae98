"""The recall task: symbols that must be remembered across a gap, and said again.

A document is k letters drawn at random, a gap of n dots, a colon, and the same letters: "fbca......:fbca". Everything
but the letters after the colon can be learned from a few symbols back; those need a memory of k + n symbols. Chance is
one in as many letters as there are.

After S. Hochreiter and J. Schmidhuber (1997), Long short-term memory, whose tasks have such gaps.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from seriatim.errors import UserError
from seriatim.models.likelihood import pad, to_given
from seriatim.text.data.corpus import Document
from seriatim.text.data.tokens import Tokens
from seriatim.text.likelihood import TextLikelihood

LETTERS = "abcdefghijklmnopqrstuvwxyz"
_FORM = re.compile(r"([a-z]+)(\.*):([a-z]+)")
_TOGETHER = 1 << 15  # symbols


class Recalled(NamedTuple):
    """What a model recalls across gaps of one length."""

    gap: int
    asked: int
    """Letters."""
    right: int
    error: float
    """The standard error of the accuracy, over documents."""

    @property
    def accuracy(self) -> float:
        """The share of letters that are recalled."""
        return self.right / self.asked


def records(symbols: int, gaps: Sequence[int], count: int, letters: int = 8, seed: int = 0) -> Iterator[str]:
    """Documents of the task as lines of JSON, gaps in turn.

    Args:
        symbols: k, letters to remember.
        gaps: lengths n.
        count: documents of each.
        letters: different ones.
        seed: of the letters.

    Raises:
        UserError: if a number is out of range.

    Example:
        >>> next(records(3, [4], 1))
        '{"text": "gfe....:gfe"}'
    """
    if not (1 <= symbols <= 1000 and 1 <= count <= 10**7 and 2 <= letters <= len(LETTERS)):
        raise UserError(
            f"symbols is {symbols}, count {count} and letters {letters}; give 1 or more of each, 2 to "
            f"{len(LETTERS)} letters"
        )
    if seed < 0:
        raise UserError(f"seed is {seed}; give 0 or more")
    if not gaps or not all(0 <= gap <= 10**6 for gap in gaps):
        raise UserError(f"gap is {', '.join(map(str, gaps)) or 'empty'}; give lengths from 0 to 1,000,000")
    random = np.random.default_rng(seed)
    for _ in range(count):
        for gap in gaps:
            word = "".join(LETTERS[i] for i in random.integers(letters, size=symbols))
            yield json.dumps({"text": f"{word}{'.' * gap}:{word}"})


@torch.no_grad()
def recalled(
    model: TextLikelihood, documents: Sequence[Document], tokens: Tokens, progress: Callable[[int], None] | None = None
) -> list[Recalled]:
    """How many letters after the gap the model holds most likely, each after the true ones before it.

    Args:
        model: the model.
        documents: of the task.
        tokens: the same, tokenized.
        progress: called now and then with the number of documents read.

    Raises:
        UserError: naming a document that is not of the task, or if a symbol is not a letter.
    """
    counted: dict[int, list[tuple[int, int]]] = {}
    gaps, sizes = list[int](), list[int]()
    for d, document in enumerate(documents):
        text = document.text().strip()
        form = _FORM.fullmatch(text)
        if form is None or form[1] != form[3]:
            raise UserError(
                f"{document.name} is not of the recall task, like abc....:abc; make some with seriatim data recall"
            )
        if len(tokens.document(d)) != len(text) + 1:
            raise UserError(
                "this model's tokenizer does not make one symbol of each letter, which recall needs; train with "
                "--tokens.kind characters"
            )
        gaps.append(len(form[2]))
        sizes.append(len(form[3]))
    order = sorted(range(len(gaps)), key=lambda d: len(tokens.document(d)))
    most, done = model.horizon, 0
    while done < len(order):
        longest = len(tokens.document(order[min(done + 255, len(order) - 1)]))
        some = order[done : done + max(1, min(256, _TOGETHER // longest))]
        rows = [tokens.document(d)[:-1] for d in some]
        rows = [row if most is None else row[-most:] for row in rows]
        x = model.model.symbols(pad(rows))
        given = to_given({name: value[some] for name, value in tokens.given.items()}, model.model.device)
        best = model.model(x, given).argmax(-1).cpu().numpy()
        for guess, row, d in zip(best, rows, some, strict=True):
            last = slice(max(0, len(row) - sizes[d]), len(row))
            counted.setdefault(gaps[d], []).append((sizes[d], int((guess[: len(row)][last] == row[last]).sum())))
        done += len(some)
        if progress is not None:
            progress(done)
    return [_summed(gap, counted[gap]) for gap in sorted(counted)]


def _summed(gap: int, each: Sequence[tuple[int, int]]) -> Recalled:
    """The figures of documents, (letters, right) each."""
    sizes, rights = np.array(each).T
    away = rights - sizes * rights.sum() / sizes.sum()
    spread = (away**2).sum() * len(each) / max(1, len(each) - 1)
    error = float(np.sqrt(spread) / sizes.sum()) if len(each) > 1 else float("nan")
    return Recalled(gap, int(sizes.sum()), int(rights.sum()), error)
