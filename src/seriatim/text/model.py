"""A trained model of text: sampling and beam search, besides its likelihoods."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast, final

import numpy as np
import torch
from numpy.typing import NDArray

from seriatim.data.ragged import Ragged
from seriatim.errors import UserError
from seriatim.models.likelihood import to_given
from seriatim.runs import arguments, building
from seriatim.runs.arguments import takes
from seriatim.runs.trained import STEER
from seriatim.symbols.given import Given, checked, each
from seriatim.text.data.corpus import SOURCE
from seriatim.text.data.tokens import encode_text
from seriatim.text.generation import Generation
from seriatim.text.likelihood import TextLikelihood
from seriatim.text.samples import Request, Row, Sample, found, stopped
from seriatim.text.search import attention, search
from seriatim.text.stopping import stop_strings
from seriatim.text.tokenizers import Tokenizer
from seriatim.walks.backend import Backend
from seriatim.walks.beams import Beams
from seriatim.walks.draws import portions
from seriatim.walks.noise import Seed, own_seeds, row_seeds
from seriatim.walks.steer import Steer, steer_of

_BEAMS = arguments.instance((Beams, int), "a beam width, or seriatim.Beams")


@final
class TextModel(TextLikelihood):
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

    backend: Backend = "auto"
    """What draws: see `Model.prepare`."""

    # ------------------------------------------------------------------ sampling

    @takes(
        prompt=arguments.texts, n=arguments.count, given=arguments.named, max_length=arguments.count,
        min_length=arguments.count, stop=arguments.texts, seed=arguments.seeds, steer=STEER,
    )  # fmt: skip
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
        chosen, found = steer_of(steer, options), list[Sample]()
        ids, seeds = self._begun(prompt, n, request, chosen)
        values = {name: each(name, value, len(ids)) for name, value in self._known(given).items()}
        for part in portions(len(ids), self.model.device):
            own = {name: value[part] for name, value in values.items()}
            rows = dict[int, Row]()
            for i, row, _ in self._write(ids[part], seeds[part], own, request, chosen):
                rows[i] = row
            found += [row.finished() for row in (rows[i] for i in sorted(rows))]
        return found

    @takes(prompt=arguments.text, given=arguments.named, steer=STEER)
    def stream(
        self, prompt: str = "", *, given: Given | None = None, steer: Steer | None = None, **options: Any
    ) -> Iterator[str]:
        """Draw one text and yield its pieces as soon as they are final, prompt first; for arguments see `sample`."""
        request = Request(**{key: options.pop(key) for key in Request.__dataclass_fields__ if key in options})
        chosen = steer_of(steer, options)
        ids, seeds = self._begun(prompt, 1, request, chosen)
        for _, _, piece in self._write(ids, seeds, self._known(given), request, chosen):
            if piece:
                yield piece

    def _known(self, given: Given | None) -> Given:
        checked(self.conditions, given or {})
        return given or {}

    def _begun(
        self, prompt: str | Sequence[str], n: int, request: Request, steer: Steer
    ) -> tuple[list[NDArray[np.int64]], list[int]]:
        """The prompt and the seed of each sample.

        Raises:
            UserError: for what is impossible, before anything is drawn.
        """
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        if n < 1 or not prompts:
            raise UserError(f"n is {n} for {len(prompts)} prompts; give 1 or more of each")
        source = building.encoders_of(self.model, self.kind).get(SOURCE)
        if steer.guidance != 1 and source is not None and not source["hidden"]:
            raise UserError(
                "guidance needs a model that also works without a source; train with --train.drop-given 0.1, or leave "
                "it out"
            )
        seeds = own_seeds(request.seed, len(prompts) * n, "samples")
        encoded = [self._within(self.tokenizer.encode(p), request.slide) for p in prompts]
        return [x for x in encoded for _ in range(n)], seeds

    def _write(
        self, ids: Sequence[NDArray[np.int64]], seeds: Sequence[int], given: Given, request: Request, steer: Steer
    ) -> Iterator[tuple[int, Row, str]]:
        """(row number, row, new final text) after every symbol."""
        stops = stop_strings(request.stop, self.tokenizer.policy)
        rows = [Row.begin(self.tokenizer, x, stops, seed) for x, seed in zip(ids, seeds, strict=True)]
        for i, row in enumerate(rows):
            yield i, row, row.prompt
        generation = Generation(
            self.model,
            ids,
            row_seeds(seeds, len(ids), self.model.device),
            steer,
            end=self.tokenizer.end,
            longest=request.max_length,
            shortest=request.min_length,
            given=self._given(given, len(ids)),
            score=request.log_probs,
            backend=self.backend,
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

    @takes(
        prompt=arguments.texts, source=arguments.texts, given=arguments.named, beams=_BEAMS, max_length=arguments.count,
        stop=arguments.texts, progress=arguments.function,
    )  # fmt: skip
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

    @takes(source=arguments.text, text=arguments.text, given=arguments.named)
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
