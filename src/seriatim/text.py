"""A trained text model: strings in, strings, likelihoods and figures out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from seriatim import checkpoint
from seriatim.data.corpus import Document
from seriatim.data.tokens import Tokens, encode_given, tokenize
from seriatim.errors import UserError, nearest
from seriatim.figures import Figures, relative_error
from seriatim.generation import Generation
from seriatim.likelihood import log_probs, to_given, window_start
from seriatim.models import Model
from seriatim.noise import row_seeds
from seriatim.steer import Steer, steer_of
from seriatim.stopping import StopStrings
from seriatim.symbols import Labels, Numbers, Symbols, TextStream, Tokenizer
from seriatim.walk import Walk

Values = Mapping[str, str | float | None]


@final
@dataclass(frozen=True)
class Sample:
    """A piece of text that a model has written.

    Attributes:
        text: the prompt and what follows it, without the stop string.
        prompt: the prompt as the tokenizer reads it.
        symbols: the new symbols, `<end>` included.
        log_probs: of the new symbols under the model, in nats; empty unless asked for.
        ended: why it stopped: "end" (of the document), "stop" (a stop string) or "length".
    """

    text: str
    prompt: str
    symbols: tuple[int, ...]
    log_probs: tuple[float, ...]
    ended: str

    def __str__(self) -> str:
        return self.text


@final
@dataclass(frozen=True)
class _Request:
    """What `TextModel.sample` is asked for beside prompts, steering and conditions."""

    max_length: int = 500
    min_length: int = 0
    stop: str | Sequence[str] = ()
    seed: int | Sequence[int] = 0
    log_probs: bool = False
    slide: bool = False

    def __post_init__(self) -> None:
        if self.max_length < 1 or not 0 <= self.min_length <= self.max_length:
            raise UserError(
                f"min-length {self.min_length} and max-length {self.max_length} do not fit; 0 <= min <= max and "
                "1 <= max is wanted"
            )
        seeds = [self.seed] if isinstance(self.seed, int) else self.seed
        wrong = [seed for seed in seeds if not -(2**63) <= seed < 2**63]
        if wrong:
            raise UserError(f"seed is {wrong[0]}; a whole number from -2^63 to 2^63 - 1 is wanted")


@final
@dataclass
class _Row:
    """A sample under way."""

    stream: TextStream
    stops: StopStrings
    prompt: str
    text: list[str] = field(default_factory=list[str])
    symbols: list[int] = field(default_factory=list[int])
    log_probs: list[float] = field(default_factory=list[float])
    ended: str = "length"


@final
class TextModel:
    """A model of text with the tokenizer and the codecs of its conditions.

    `seriatim.load(run)` gives one; `seriatim.train(...)` too.
    """

    def __init__(
        self, model: Model, codecs: Mapping[str, Symbols], family: str = "", about: Mapping[str, Any] | None = None
    ) -> None:
        tokenizer = codecs["x"]
        if not isinstance(tokenizer, Tokenizer):
            raise UserError(f"a text model needs a tokenizer, and this one has {type(tokenizer).__name__}")
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.conditions: dict[str, Labels | Numbers] = {
            name: codec for name, codec in codecs.items() if isinstance(codec, Labels | Numbers)
        }
        self.family, self.about = family, dict(about or {})

    @classmethod
    def load(cls, run: str | Path, device: str = "cpu") -> TextModel:
        """Open a run's directory.

        Raises:
            UserError: if it is missing, damaged or not a text model.
        """
        loaded = checkpoint.load(Path(run), device)
        if loaded.modality != "text":
            raise UserError(f"{run} holds a model of {loaded.modality[:40]!r}, and text is wanted")
        return cls(loaded.model, loaded.codecs, loaded.family, loaded.about)

    @property
    def codecs(self) -> dict[str, Symbols]:
        """{"x": the tokenizer, condition: its codec}."""
        return {"x": self.tokenizer, **self.conditions}

    @property
    def horizon(self) -> int | None:
        """How many symbols the model looks back over; None if it carries a state."""
        return self.model.config.horizon

    # ------------------------------------------------------------------ likelihood

    def log_prob(self, texts: str | Sequence[str], given: Values | None = None) -> list[float]:
        """log p of each text in nats, its `<end>` included.

        Args:
            texts: one or several documents.
            given: conditions, the same for all.
        """
        texts = [texts] if isinstance(texts, str) else texts
        documents = [Document.of(f"text {i}", text, given or {}) for i, text in enumerate(texts)]
        tokens = tokenize(documents, self.tokenizer, self._checked(given))
        return [float(terms.sum()) for terms in self.token_log_probs(tokens)]

    def token_log_probs(
        self, tokens: Tokens, window: int | None = None, stride: int | None = None
    ) -> list[NDArray[np.float64]]:
        """log p of every symbol of every document, in nats."""
        sequences = [tokens.document(d) for d in range(tokens.documents)]
        return log_probs(self.model, sequences, tokens.given, window=window, stride=stride)

    def evaluate(
        self,
        documents: Sequence[Document],
        *,
        window: int | None = None,
        stride: int | None = None,
        truncate: int | None = None,
    ) -> Figures:
        """The exact likelihood of documents.

        Args:
            documents: held-out text.
            window: symbols looked at together; None: the model's horizon, or all with carried state.
            stride: how far the window moves on; None: half of it.
            truncate: look at so many symbols of a document only.

        Raises:
            UserError: if window, stride or truncate are impossible.
        """
        if truncate is not None and truncate < 1:
            raise UserError(f"truncate is {truncate}; look at 1 symbol or more")
        tokens = tokenize(documents, self.tokenizer, self.conditions, truncate=truncate, strict_given=False)
        terms = [-x for x in self.token_log_probs(tokens, window, stride)]
        return Figures(
            nats=float(sum(x.sum() for x in terms)),
            tokens=sum(map(len, terms)),
            characters=int(tokens.characters.sum()),
            bytes=int(tokens.bytes.sum()),
            documents=tokens.documents,
            relative_error=relative_error(terms),
        )

    def expect(
        self, prompt: str, top: int = 5, temperature: float = 1.0, given: Values | None = None
    ) -> list[tuple[str, float]]:
        """The `top` most likely next symbols after a prompt, with their probabilities at a temperature."""
        if top < 1:
            raise UserError(f"top is {top}; ask for 1 symbol or more")
        ids = self.tokenizer.encode(prompt)
        ids = ids[window_start(len(ids), self.horizon) :]
        context = self.model.condition(self._given(given, 1), 1)
        walk = Walk(self.model.packed(), 1, context, len(ids) + 1)
        if len(ids):
            walk.feed(torch.from_numpy(ids)[None].to(self.model.device))
        dist: Any = Steer(temperature=temperature).apply(walk.dist)  # pyright: ignore[reportArgumentType]
        p = dist.log_table().exp()[0]
        best = p.topk(min(top, len(p)))
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return [(self.tokenizer.symbol(i), value) for i, value in pairs]

    # ------------------------------------------------------------------ sampling

    def sample(
        self,
        prompt: str | Sequence[str] = "",
        n: int = 1,
        *,
        given: Values | None = None,
        max_length: int = 500,
        min_length: int = 0,
        stop: str | Sequence[str] = (),
        seed: int | Sequence[int] = 0,
        steer: Steer | None = None,
        log_probs: bool = False,
        slide: bool = False,
        **options: Any,
    ) -> list[Sample]:
        """Write text.

        Args:
            prompt: what stands before; a list gives each its own rows.
            n: samples for each prompt.
            given: conditions, such as {"genre": "haiku"}.
            max_length: new symbols at most.
            min_length: new symbols before the document may end.
            stop: strings at which a sample stops; they are not part of it.
            seed: of the first sample, or a list with one for each. The same seed gives the same sample in any batch.
            steer: temperature and filters; or give them as options: temperature=0.8, top_k=40, top_p=0.9, …
            log_probs: whether to report the log-probability of every new symbol under the model.
            slide: whether a prompt longer than the model looks back over may be read by its end.
            options: fields of `seriatim.Steer`.

        Returns:
            len(prompts) · n samples, those of the first prompt first.

        Raises:
            UserError: on impossible options, unknown conditions or too long a prompt.
        """
        request = _Request(max_length, min_length, stop, seed, log_probs, slide)
        rows = self._write(prompt, n, given, request, steer_of(steer, options))
        last: dict[int, _Row] = {}
        for i, row, _ in rows:
            last[i] = row
        return [
            Sample("".join(row.text), row.prompt, tuple(row.symbols), tuple(row.log_probs), row.ended)
            for row in (last[i] for i in sorted(last))
        ]

    def stream(
        self, prompt: str = "", *, given: Values | None = None, steer: Steer | None = None, **options: Any
    ) -> Iterator[str]:
        """Write one text and yield its pieces as they are settled, the prompt first; arguments as `sample`'s."""
        asked = {key: options.pop(key) for key in _Request.__dataclass_fields__ if key in options}
        for _, _, piece in self._write(prompt, 1, given, _Request(**asked), steer_of(steer, options)):
            if piece:
                yield piece

    def _write(
        self,
        prompt: str | Sequence[str],
        n: int,
        given: Values | None,
        request: _Request,
        steer: Steer,
    ) -> Iterator[tuple[int, _Row, str]]:
        """(row number, row, newly settled text) after every symbol."""
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        stops = [request.stop] if isinstance(request.stop, str) else list(request.stop)
        total = len(prompts) * n
        if n < 1 or not prompts:
            raise UserError(f"{n} samples of {len(prompts)} prompts are asked for; ask for at least one")
        if not isinstance(request.seed, int) and len(request.seed) != total:
            raise UserError(f"{len(request.seed)} seeds for {total} samples; give one, or one for each")
        encoded = [self._within(self.tokenizer.encode(p), request.slide) for p in prompts]
        ids = [x for x in encoded for _ in range(n)]
        rows = [self._row(x, stops) for x in ids]
        for i, row in enumerate(rows):
            yield i, row, row.prompt
        generation = Generation(
            self.model,
            ids,
            row_seeds(request.seed, total, self.model.device),
            steer,
            end=self.tokenizer.end,
            longest=request.max_length,
            shortest=request.min_length,
            given=self._given(given, total),
            score=request.log_probs,
        )
        for draws in generation:
            for draw in draws:
                row = rows[draw.row]
                row.symbols.append(draw.symbol)
                if request.log_probs:
                    row.log_probs.append(draw.log_prob)
                piece = row.stops.push(row.stream.push(draw.symbol))
                if draw.symbol == self.tokenizer.end:
                    row.ended = "end"
                if row.ended == "end" or len(row.symbols) == request.max_length:
                    piece += row.stops.push(row.stream.flush()) + row.stops.flush()
                if row.stops.found:
                    row.ended = "stop"
                    generation.drop(draw.row)
                row.text.append(piece)
                yield draw.row, row, piece

    def _row(self, ids: NDArray[np.int64], stops: Sequence[str]) -> _Row:
        stream = self.tokenizer.stream()
        prompt = "".join(stream.push(int(i)) for i in ids)
        return _Row(stream, StopStrings(stops), prompt, [prompt])

    def _within(self, ids: NDArray[np.int64], slide: bool) -> NDArray[np.int64]:
        if self.horizon is not None and len(ids) >= self.horizon and not slide:
            raise UserError(
                f"the prompt has {len(ids)} symbols, and the model looks back over {self.horizon}; "
                f"give its last {self.horizon - 1}, or allow it to be read by its end (--slide)"
            )
        return ids

    # ------------------------------------------------------------------ conditions

    def _checked(self, given: Values | None) -> dict[str, Labels | Numbers]:
        for name in given or {}:
            if name not in self.conditions:
                raise UserError(f"{name!r} is not a condition of this model; {nearest(name, self.conditions)}")
        return self.conditions

    def _given(self, given: Values | None, rows: int) -> dict[str, torch.Tensor]:
        codecs = self._checked(given)
        values = {
            name: np.full(
                rows,
                encode_given((given or {}).get(name), codec, f"--given {name}"),
                dtype=np.int64 if isinstance(codec, Labels) else np.float64,
            )
            for name, codec in codecs.items()
        }
        return to_given(values, self.model.device)
