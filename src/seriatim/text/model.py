"""A trained model of text: sampling, beam search, likelihoods and figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast, final

import numpy as np
import torch
from numpy.typing import NDArray

from seriatim.data.ragged import Ragged
from seriatim.errors import UserError
from seriatim.models.likelihood import log_probs, relative_error, to_given, window_start
from seriatim.runs import building
from seriatim.runs.trained import Trained
from seriatim.symbols import Labels, Numbers
from seriatim.symbols.given import Given, checked, each
from seriatim.text.conditions import encode_all, within
from seriatim.text.data.corpus import SOURCE, Document
from seriatim.text.data.tokens import Tokens, encode_text, tokenize
from seriatim.text.figures import Scored, TextFigures, scored
from seriatim.text.generation import Generation
from seriatim.text.samples import Request, Row, Sample, found, stopped
from seriatim.text.search import attention, search
from seriatim.text.stopping import stop_strings
from seriatim.text.tokenizers import Tokenizer
from seriatim.walks.beams import Beams
from seriatim.walks.noise import Seed, own_seeds, row_seeds
from seriatim.walks.steer import Steer, steer_of
from seriatim.walks.walk import Walk


@final
class TextModel(Trained):
    """A model of text with its tokenizer and the codecs of its conditions.

    Returned by `seriatim.train` and `seriatim.load`.

    Example:
        >>> import seriatim
        >>> texts = ["to be or not to be"] * 40
        >>> model = seriatim.train(texts, "gru", out="runs/text", net={"width": 16}, steps=2, quiet=True, device="cpu")
        >>> len(model.sample("to", n=3, max_length=5, seed=1))
        3
        >>> model.log_prob("to be")[0] < 0
        True
    """

    kind = "text"
    data_codec = Tokenizer

    @property
    def tokenizer(self) -> Tokenizer:
        """Text <-> symbols."""
        return cast(Tokenizer, self.codecs["x"])

    @property
    def given_codecs(self) -> dict[str, Labels | Numbers | Tokenizer]:
        """{condition: its codec}: labels, numbers, or the tokenizer of a source."""
        return {name: cast(Any, codec) for name, codec in self.conditions.items()}

    @property
    def horizon(self) -> int | None:
        """The model's context in symbols; None if it carries a state."""
        return self.model.horizon

    # ------------------------------------------------------------------ likelihood

    def log_prob(self, texts: str | Sequence[str], given: Given | None = None) -> list[float]:
        """log p of each text in nats, including its `<end>`.

        Args:
            texts: one or several documents.
            given: conditions: a value for all, or a list with one per text.
        """
        tokens = self._tokens([texts] if isinstance(texts, str) else texts, given)
        return [float(terms.sum()) for terms in self.log_probs(tokens)]

    def token_log_probs(self, text: str, given: Given | None = None) -> list[Scored]:
        """Every symbol of a text, its `<end>` included, with its text and log p in nats given all that is before it.

        The texts joined are the text; the log-probabilities sum to `log_prob`.

        Args:
            text: one document.
            given: conditions, such as {"genre": "haiku"}.
        """
        tokens = self._tokens([text], given)
        return scored(self.tokenizer, tokens.document(0), self.log_probs(tokens)[0])

    def _tokens(self, texts: Sequence[str], given: Given | None) -> Tokens:
        own = {name: each(name, value, len(texts)) for name, value in (given or {}).items()}
        documents = [
            Document.of(f"text {i}", text, {name: values[i] for name, values in own.items()})
            for i, text in enumerate(texts)
        ]
        checked(self.given_codecs, given or {})
        tokens = tokenize(documents, self.tokenizer, self.given_codecs)
        self.check(tokens)
        return tokens

    def log_probs(
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
    ) -> TextFigures:
        """The exact likelihood of documents.

        Args:
            documents: held-out text.
            window: symbols per window. Default: the model's context, or all with carried state.
            stride: symbols by which the window advances. Default: half a window.
            truncate: evaluate the first n symbols of each document only.

        Raises:
            UserError: for an impossible window, stride or truncate.
        """
        if SOURCE in self.given_codecs and (window is not None or stride is not None):
            raise UserError("windows are not for pairs, which are read whole; leave out window")
        if truncate is not None and truncate < 1:
            raise UserError(f"truncate is {truncate}; give 1 or more")
        tokens = tokenize(documents, self.tokenizer, self.given_codecs, truncate=truncate, strict_given=False)
        self.check(tokens)
        terms = [-x for x in self.log_probs(tokens, window, stride)]
        return TextFigures(
            nats=float(sum(x.sum() for x in terms)),
            tokens=sum(map(len, terms)),
            characters=int(tokens.characters.sum()),
            bytes=int(tokens.bytes.sum()),
            documents=tokens.documents,
            relative_error=relative_error(terms),
        )

    def expect(
        self, prompt: str, top: int = 5, temperature: float = 1.0, given: Given | None = None
    ) -> list[tuple[str, float]]:
        """The `top` most likely next symbols after a prompt, with their probabilities at a temperature."""
        if top < 1:
            raise UserError(f"top is {top}; give 1 or more")
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
        given: Given | None = None,
        max_length: int = 500,
        min_length: int = 0,
        stop: str | Sequence[str] = (),
        seed: Seed = 0,
        steer: Steer | None = None,
        log_probs: bool = False,
        slide: bool = False,
        **options: Any,
    ) -> list[Sample]:
        """Draw texts.

        Args:
            prompt: text to continue, or a list of prompts.
            n: samples per prompt.
            given: conditions, such as {"genre": "haiku"}.
            max_length: most new symbols.
            min_length: fewest new symbols before the document may end.
            stop: strings at which a sample stops, which are not part of it.
            seed: of the first sample, or a list with one per sample. A seed gives the same sample in any batch.
            steer: temperature and filters; or pass them as options: temperature=0.8, top_k=40, top_p=0.9, …
            log_probs: whether to compute the log-probability of every new symbol under the model.
            slide: whether to read only the end of a prompt that exceeds the model's context.
            options: fields of `seriatim.Steer`.

        Returns:
            len(prompts) · n samples, those of the first prompt first.

        Raises:
            UserError: for impossible options, unknown conditions or a prompt that is too long.
        """
        request = Request(max_length, min_length, stop, seed, log_probs, slide)
        rows = self._write(prompt, n, given, request, steer_of(steer, options))
        last: dict[int, Row] = {}
        for i, row, _ in rows:
            last[i] = row
        return [
            Sample("".join(row.text), row.prompt, tuple(row.symbols), tuple(row.log_probs), row.ended, seed=row.seed)
            for row in (last[i] for i in sorted(last))
        ]

    def stream(
        self, prompt: str = "", *, given: Given | None = None, steer: Steer | None = None, **options: Any
    ) -> Iterator[str]:
        """Draw one text and yield its pieces as soon as they are final, prompt first; for arguments see `sample`."""
        asked = {key: options.pop(key) for key in Request.__dataclass_fields__ if key in options}
        for _, _, piece in self._write(prompt, 1, given, Request(**asked), steer_of(steer, options)):
            if piece:
                yield piece

    def _write(
        self,
        prompt: str | Sequence[str],
        n: int,
        given: Given | None,
        request: Request,
        steer: Steer,
    ) -> Iterator[tuple[int, Row, str]]:
        """(row number, row, new final text) after every symbol."""
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        stops = stop_strings(request.stop, self.tokenizer.policy)
        total = len(prompts) * n
        if n < 1 or not prompts:
            raise UserError(f"n is {n} for {len(prompts)} prompts; give 1 or more of each")
        source = building.encoders_of(self.model, self.kind).get(SOURCE)
        if steer.guidance != 1 and source is not None and not source["hidden"]:
            raise UserError(
                "guidance needs a model that also works without a source; train with --train.drop-given 0.1, or leave "
                "it out"
            )
        seeds = own_seeds(request.seed, total, "samples")
        encoded = [self._within(self.tokenizer.encode(p), request.slide) for p in prompts]
        ids = [x for x in encoded for _ in range(n)]
        rows = [Row.begin(self.tokenizer, x, stops, seed) for x, seed in zip(ids, seeds, strict=True)]
        for i, row in enumerate(rows):
            yield i, row, row.prompt
        generation = Generation(
            self.model,
            ids,
            row_seeds(seeds, total, self.model.device),
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

    def _within(self, ids: NDArray[np.int64], slide: bool) -> NDArray[np.int64]:
        if self.horizon is not None and len(ids) >= self.horizon and not slide:
            raise UserError(
                f"the prompt has {len(ids)} symbols, but the model's context is {self.horizon}; "
                f"give the last {self.horizon - 1}, or use --slide to read only its end"
            )
        return ids

    # ------------------------------------------------------------------ searching

    def search(
        self,
        prompt: str | Sequence[str] = "",
        *,
        source: str | Sequence[str] | None = None,
        given: Given | None = None,
        beams: Beams | int = 5,
        max_length: int | None = None,
        stop: str | Sequence[str] = (),
        progress: Callable[[int], None] | None = None,
    ) -> list[list[Sample]]:
        """The most likely texts, by beam search, e.g. to translate; greedy with one beam.

        Args:
            prompt: a forced prefix of every text, or a list with one per source.
            source: the source of each text, or a list.
            given: other conditions: a value for all, or a list with one per text.
            beams: options of the search, or the beam width.
            max_length: most new symbols. Default: 500, or with a source twice the longest training target.
            stop: strings at which a text ends, which are not part of it.
            progress: called with the number of texts done.

        Returns:
            The `beams.best` texts of each prompt or source; results are independent of each other.

        Raises:
            UserError: for impossible options, unknown conditions, or a prompt or source that is too long.
        """
        options = Beams(beams) if isinstance(beams, int) else beams
        stops = stop_strings(stop, self.tokenizer.policy)
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        sources = None if source is None else [source] if isinstance(source, str) else list(source)
        several = [v for v in (given or {}).values() if isinstance(v, Sequence) and not isinstance(v, str)]
        count = max(len(prompts), *map(len, several), 1 if sources is None else len(sources))
        if len(prompts) not in (1, count) or (sources is not None and len(sources) not in (1, count)):
            raise UserError(f"{len(prompts)} prompts for {len(sources or [])} sources; give one, or one per source")
        prefixes = [self.tokenizer.encode(p) for p in prompts] * (count if len(prompts) == 1 else 1)
        if sources is not None and SOURCE in (given or {}):
            raise UserError("the source is given twice; give it once")
        values = dict(given or {}) if sources is None else {**(given or {}), SOURCE: sources}
        encoded = self._encoded(values, count)
        sizes = next((value.lengths.tolist() for value in encoded.values() if isinstance(value, Ragged)), [0] * count)
        if max_length is None:
            most = self.model.crop if SOURCE in self.given_codecs else 500
            rooms = [most if self.horizon is None else self.horizon - len(prefix) for prefix in prefixes]
            longest = [max(1, min(most, room)) for room in rooms]
        else:
            longest = [max_length] * count
        if min(longest) < max(1, options.shortest):
            raise UserError(
                f"min-length {options.shortest} and max-length {min(longest)} do not fit; give a larger max-length"
            )
        hypotheses = search(
            self.model,
            lambda rows: to_given({name: v[list(rows)] for name, v in encoded.items()}, self.model.device),
            prefixes,
            options,
            end=self.tokenizer.end,
            longest=longest,
            sizes=sizes,
            stop=(lambda i, symbols: stopped(self.tokenizer, prefixes[i], symbols, stops)) if stops else None,
            progress=progress,
        )
        every = zip(prefixes, hypotheses, strict=True)
        return [[found(self.tokenizer, prefix, h, stops) for h in some] for prefix, some in every]

    def attention(
        self, source: str, text: str, given: Given | None = None, *, ended: bool = True
    ) -> tuple[list[str], list[str], NDArray[Any]]:
        """The attention to the source at each symbol of a text, including its `<end>` if it has `ended`.

        Returns:
            The symbols of the text and of the source ("" for the extra columns of a bytenet encoder), and (text,
            source) weights; each row sums to 1.

        Raises:
            UserError: if the model has no attention to a source.
        """
        values = self._given({**(given or {}), SOURCE: source}, 1)
        ids = np.append(self.tokenizer.encode(text), self.tokenizer.end)
        ids = ids if ended or len(ids) == 1 else ids[:-1]
        with torch.inference_mode():
            weights = attention(
                self.model, torch.from_numpy(ids)[None].to(self.model.device), self.model.condition(values, 1)
            )
        codec = cast(Tokenizer, self.given_codecs[SOURCE])
        slots = [codec.symbol(int(i)) for i in encode_text(source, codec)]
        slots += [""] * (weights.shape[2] - len(slots))
        return [self.tokenizer.symbol(int(i)) for i in ids], slots, weights[0].cpu().numpy()

    # ------------------------------------------------------------------ conditions

    def _given(self, given: Given | None, rows: int) -> dict[str, torch.Tensor]:
        encoded = self._encoded(given, rows)
        return to_given({name: value[np.arange(rows)] for name, value in encoded.items()}, self.model.device)

    def _encoded(self, given: Given | None, rows: int) -> dict[str, NDArray[Any] | Ragged]:
        encoded = encode_all(self.given_codecs, given, rows)
        self._read(encoded)
        return encoded

    def check(self, tokens: Tokens) -> None:
        """For a model of pairs, refuse documents without a source or with one that is too long.

        Raises:
            UserError: naming one of them.
        """
        self._read(tokens.given, tokens.names)

    def _read(self, given: Mapping[str, NDArray[Any] | Ragged], names: Sequence[str] | None = None) -> None:
        config = building.encoders_of(self.model, self.kind).get(SOURCE)
        if config is not None:
            within(given[SOURCE], int(config["longest"]), float(config["hidden"]) > 0, names)
