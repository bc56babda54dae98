"""Groups of options that several commands share: each is described once and means the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from seriatim.cli.common import assignments, number
from seriatim.errors import UserError
from seriatim.text.options import unescape

COLUMNS = 8
BEAMS, LENGTH_NORM = 5, 0.6
"""`Beams`' defaults, without importing torch."""

FLAT: Final = Parameter(name="*")
"""A group whose options are listed among the command's own."""

Json = Annotated[bool, Parameter(name="--json", negative="")]


@dataclass(frozen=True)
class Steering:
    """How samples are drawn. The options apply in this order."""

    guidance: float = 1.0
    """Guidance scale: 1 for off, above 1 strengthens the condition. Guided samples have no likelihood."""
    temperature: float = 1.0
    """Below 1 for more likely samples, above 1 for more varied ones; 0 for the most likely symbol."""
    top_k: int = 0
    """Draw from the k most likely symbols only; 0 for all."""
    top_p: float = 1.0
    """Nucleus sampling: draw from the most likely symbols whose probabilities sum to this."""
    min_p: float = 0.0
    """Draw from symbols whose probability is at least this fraction of the most likely symbol's."""
    typical: float = 1.0
    """Typical sampling: draw from the symbols whose surprise is closest to the entropy, up to this probability."""

    def options(self) -> dict[str, Any]:
        """As keyword arguments of `sample`."""
        return vars(self).copy()


@dataclass(frozen=True)
class Penalties:
    """Symbols of text made more or less likely, before the temperature."""

    repetition: float = 1.0
    """Repetition penalty: multiply the log-probabilities of symbols that have occurred by this; 1 for off."""
    presence: float = 0.0
    """Subtract this from the logits of symbols that have occurred."""
    frequency: float = 0.0
    """Subtract this from a symbol's logit for each time it has occurred."""
    bias: list[str] = field(default_factory=list[str])
    """SYMBOL=VALUE: add VALUE to a symbol's logit; `seriatim explore` shows the names. Repeatable."""
    forbid: list[str] = field(default_factory=list[str])
    """A symbol never to draw, e.g. "<unk>". Repeatable."""

    def options(self, find: Any) -> dict[str, Any]:
        """As keyword arguments of `sample`; `find`: a symbol's name -> its number."""
        bias = assignments(self.bias, "--bias")
        return {
            **{name: getattr(self, name) for name in ("repetition", "presence", "frequency")},
            "bias": {find(name): number(value, "--bias", "SYMBOL=VALUE") for name, value in bias.items()},
            "forbid": frozenset(find(name) for name in self.forbid),
        }


@dataclass(frozen=True)
class Prompt:
    """What samples continue, and what they are conditioned on."""

    prompt: list[str] = field(default_factory=list[str])
    r"""Text to continue; \n, \t, \r and \\ are escapes. Repeatable."""
    interactive: bool = False
    """Text is typed line by line and continued as it is drawn; for models of pairs, each line is a source."""
    prompt_file: Path | None = None
    """A text file with the prompt, or a recording or film to continue."""
    given: list[str] = field(default_factory=list[str])
    """A condition, NAME=VALUE. VALUE is a label, a number, or a file for maps, vectors and tracks; for spans also a
    line such as "silence 3 7:0.5"; for features a recording to take them from. Labels of audio can be mixed:
    speaker=theo:0.5,jackson:0.5. Repeatable."""
    source: Annotated[list[str], Parameter(allow_leading_hyphen=True)] = field(default_factory=list[str])
    """For models trained on pairs: the source to write a target for. Repeatable."""
    source_file: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None
    """A text file with a source per line, or - for standard input; one line is written per line read."""

    @property
    def conditions(self) -> dict[str, str]:
        """--given as a dictionary."""
        return assignments(self.given, "--given")

    def texts(self) -> list[str]:
        """The prompts of a text model; a single empty one if none is given.

        Raises:
            UserError: if the file is missing or not text, or prompts are given too.
        """
        if self.prompt_file is None:
            return [unescape(text) for text in self.prompt] if self.prompt else [""]
        if self.prompt:
            raise UserError("--prompt and --prompt-file are both given; give one of them")
        try:
            return [self.prompt_file.read_text(encoding="utf-8-sig")]
        except FileNotFoundError:
            raise UserError(f"{self.prompt_file} does not exist; give a text file") from None
        except UnicodeDecodeError as error:
            place = f"byte {error.start}"
            raise UserError(f"{self.prompt_file} is not UTF-8 text ({place}); save it as UTF-8") from None


@dataclass(frozen=True)
class Extent:
    """The length of samples."""

    max_length: int | None = None
    """Most new symbols; a document may end sooner. Default: 500, or with a source twice the longest training target."""
    min_length: int = 0
    """Fewest new symbols before the document may end."""
    stop: list[str] = field(default_factory=list[str])
    r"""A string at which to stop, which is not part of the sample; \n, \t, \r and \\ are escapes. Repeatable."""
    slide: bool = False
    """If the prompt exceeds the model's context, read its end only."""
    seconds: float | None = None
    """Seconds of audio to generate after the prompt. Default: the length of the time-aligned condition, or 1."""
    frames: int | None = None
    """Frames of a film, given ones included. Default: as many as a clip of training has."""
    given_frames: int | None = None
    """For films: the number of first frames that are given, taken from clips of the run's test data, or from the film
    --prompt-file."""


@dataclass(frozen=True)
class Search:
    """Beam search for the most likely text."""

    beams: int | None = None
    """Beam width: write the most likely text found; 1 is greedy, 0 draws samples. Default: 5 with a source, else 0."""
    best: int = 1
    """Write the n best texts of the beam search, each with the number of its source and its score."""
    length_norm: float = LENGTH_NORM
    """Length normalisation α: rank texts of n symbols by log p / ((5 + n) / 6)^α; 0 for log p itself."""
    coverage: float = 0.0
    """Weight of the coverage penalty, which favours texts that attend to all of the source."""
    no_repeat: int = 0
    """Forbid repeated n-grams of this many symbols; 0 for none."""
    attention: Path | None = None
    """Write a picture of the attention to the source, e.g. attention.png (one source)."""


@dataclass(frozen=True)
class Reading:
    """Evaluation of text: windows, and comparison with references."""

    window: int | None = None
    """Symbols per evaluation window. Default: the model's context, or all with carried state."""
    stride: int | None = None
    """Symbols by which the window advances. Default: half a window, which is then each symbol's least context."""
    truncate: int | None = None
    """Evaluate the first n symbols of each document only. Default: as in training."""
    bleu: bool = False
    """For models trained on pairs: also translate each source by beam search; report BLEU, chrF and exact matches."""
    beams: int = BEAMS
    """Beam width of --bleu; 1 for greedy."""
    length_norm: float = LENGTH_NORM
    """Length normalisation α of --bleu, as in `seriatim sample`."""


@dataclass(frozen=True)
class Ahead:
    """Forecasts from rolling origins; for series."""

    horizon: int | None = None
    """For series: steps to forecast from each origin. Default: --series.horizon of training."""
    origins: int | None = None
    """For series: times of the past to forecast from, a horizon apart, up to the end; 0 for none. Default: as many as
    the split has, at most 20."""
    paths: int = 200
    """For series: sample paths from each origin."""
    seed: int = 0
    """For series: of the paths."""


@dataclass(frozen=True)
class Output:
    """Where samples go, and how they are shown."""

    output: Annotated[Path | None, Parameter(name=["-o", "--output"], allow_leading_hyphen=True)] = None
    """Output file. Default: the terminal (also -) for text, samples.png for pictures, sample.wav for audio."""
    columns: int = COLUMNS
    """Pictures per row of the sheet."""
    singles: bool = False
    """Write each picture to its own file, in the folder --output."""
    log_probs: bool = False
    """Also print each sample's log-probability under the model."""
    stream: bool = False
    """Show the text while it is generated (one sample)."""
    as_json: Json = False
    """One JSON object per line, with symbols and log-probabilities."""


@dataclass(frozen=True)
class Conditions:
    """Files with the conditions of your own pictures or recordings."""

    maps: Path | None = None
    """For runs with --image.maps: the folder with a map per picture."""
    vectors: Path | None = None
    """For runs with --image.vectors or --audio.vectors: a CSV file of paths and numbers, or a folder of .npy files."""
    spans: Path | None = None
    """For runs with --audio.spans: a folder with a CSV file of begin,end,label per recording, or one such file."""
    track: Path | None = None
    """For runs with --audio.track: a folder with an NPY or CSV file per recording, or one such file."""
    labels: Path | None = None
    """For recordings: a CSV file of paths and labels. Default: subfolders are labels."""

    def only(self, words: str, *allowed: str) -> None:
        """Refuse options that do not apply to a model of this kind.

        Raises:
            UserError: naming the first one.
        """
        for name, path in vars(self).items():
            if path is not None and name not in allowed:
                raise UserError(f"--{name} does not apply to a model of {words}; leave it out")

    def refuse(self, what: str) -> None:
        """Refuse all of them if no data is given that they could belong to.

        Raises:
            UserError: naming the first one.
        """
        for name, path in vars(self).items():
            if path is not None:
                raise UserError(f"--{name} was given without {what}; the run has its own {name}, leave it out")

    def each(self, files: tuple[str, ...]) -> None:
        """Refuse a single file as the condition of several.

        Raises:
            UserError: naming the first one.
        """
        for name in ("maps", "spans", "track"):
            path = getattr(self, name)
            if path is not None and len(files) > 1 and path.is_file():
                raise UserError(f"--{name} {path} is one file for {len(files)}; give a folder with one for each")
