"""Groups of options that several commands take: each is described once, and means the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from seriatim.cli.common import assignments, number
from seriatim.errors import UserError

COLUMNS = 8
BEAMS, LENGTH_NORM = 5, 0.6
"""`Beams`' defaults, without importing torch."""

FLAT: Final = Parameter(name="*")
"""A group whose options stand among the command's own."""

Json = Annotated[bool, Parameter(name="--json", negative="")]


@dataclass(frozen=True)
class Machine:
    """Where a model runs."""

    device: str = "auto"
    """cpu, cuda, mps or auto."""
    threads: int | None = None
    """Processor threads. Default: one for drawing samples, all for the rest."""


@dataclass(frozen=True)
class Steering:
    """How samples are drawn. Options act in the order in which they stand here."""

    guidance: float = 1.0
    """How much the condition weighs: 1 as the model has it, above 1 exaggerated. Such samples have no likelihood."""
    temperature: float = 1.0
    """Below 1 more likely samples, above 1 more varied ones; 0 always takes the most likely symbol."""
    top_k: int = 0
    """Draw from the k most likely symbols. Default: 0, all of them."""
    top_p: float = 1.0
    """Draw from the most likely symbols that have this probability together."""
    min_p: float = 0.0
    """Draw from symbols at least this fraction as likely as the most likely one."""
    typical: float = 1.0
    """Draw from the symbols whose surprise is nearest to the expected one, up to this probability."""

    def options(self) -> dict[str, Any]:
        """As keyword arguments of `sample`."""
        return vars(self).copy()


@dataclass(frozen=True)
class Penalties:
    """Of text: symbols made more or less likely. They act before the temperature."""

    repetition: float = 1.0
    """Divide the logits of symbols that have occurred by this. Default: 1, off."""
    presence: float = 0.0
    """Subtract this from the logits of symbols that have occurred."""
    frequency: float = 0.0
    """Subtract this for each time that a symbol has occurred."""
    bias: list[str] = field(default_factory=list[str])
    """SYMBOL=VALUE is added to a symbol's logit; symbols by the names that `seriatim explore` shows."""
    forbid: list[str] = field(default_factory=list[str])
    """A symbol never to write, such as "<unk>"; may be given several times."""

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
    """What a sample continues, and what it is conditioned on."""

    prompt: list[str] = field(default_factory=list[str])
    r"""Text to continue; may be given several times. \n and \t are understood."""
    prompt_file: Path | None = None
    """A text file that holds the prompt, or a recording to continue."""
    given: list[str] = field(default_factory=list[str])
    """A condition, NAME=VALUE; may be given several times. For a picture or a track, VALUE is its file; for labels with
    times a CSV file or a line such as "silence 3 7:0.5"; for features a recording that has them. Two speakers are mixed
    by speaker=theo:0.5,jackson:0.5."""
    source: Annotated[list[str], Parameter(allow_leading_hyphen=True)] = field(default_factory=list[str])
    """For a model trained on pairs: the source to write a text for; may be given several times."""
    source_file: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None
    """A text file with a source on each line, or - for standard input; one line is written for each line read."""

    @property
    def conditions(self) -> dict[str, str]:
        """--given as a dictionary."""
        return assignments(self.given, "--given")

    def texts(self) -> list[str]:
        """The prompts of a model of text; one that is empty where none is given.

        Raises:
            UserError: if the file is missing or no text, or given besides prompts.
        """
        if self.prompt_file is None:
            return [unescape(text) for text in self.prompt] if self.prompt else [""]
        if self.prompt:
            raise UserError("--prompt and --prompt-file are both given; give one of them")
        try:
            return [self.prompt_file.read_text(encoding="utf-8")]
        except FileNotFoundError:
            raise UserError(f"{self.prompt_file} does not exist; give a text file") from None
        except UnicodeDecodeError as error:
            place = f"byte {error.start}"
            raise UserError(f"{self.prompt_file} is not UTF-8 text ({place}); save it as UTF-8") from None


@dataclass(frozen=True)
class Extent:
    """How long a sample becomes."""

    max_length: int | None = None
    """New symbols at most. Default: 500; with a source, twice as many as the longest training text has. A document may
    end sooner."""
    min_length: int = 0
    """New symbols before the document may end."""
    stop: list[str] = field(default_factory=list[str])
    """A string at which to stop; may be given several times."""
    slide: bool = False
    """Read the end of a prompt that is longer than the model looks back over."""
    seconds: float | None = None
    """Seconds of audio to generate after the prompt. Default: the length of the time-aligned condition, or 1."""


@dataclass(frozen=True)
class Search:
    """Beam search for the likeliest text."""

    beams: int | None = None
    """Write the likeliest text that a beam search of this width finds; 1 is greedy, 0 draws samples. Default: 5 with a
    source, else 0."""
    best: int = 1
    """Write the n likeliest texts, each after the number of its source and its score."""
    length_norm: float = LENGTH_NORM
    """Rank texts of n symbols by log p / ((5 + n) / 6)^α, with this α; 0 ranks by log p itself."""
    coverage: float = 0.0
    """How much it counts that all of the source is attended to."""
    no_repeat: int = 0
    """No sequence of n symbols occurs twice. Default: 0, it may."""
    attention: Path | None = None
    """Write a PNG of where the model looks in the source at each symbol (one source)."""


@dataclass(frozen=True)
class Reading:
    """Of text: how much is looked at together, and comparison with references."""

    window: int | None = None
    """Symbols looked at together. Default: as many as the model looks back over, or all with carried state."""
    stride: int | None = None
    """How far the window moves on. Default: half a window, so that every symbol has half a window before it."""
    truncate: int | None = None
    """Look at the first n symbols of a document. Default: as in training."""
    bleu: bool = False
    """For a model trained on pairs: also write the likeliest text for each source, and compare it with the reference:
    BLEU, chrF (sacrebleu's), and how many are identical."""
    beams: int = BEAMS
    """Width of that search; 1 is greedy."""
    length_norm: float = LENGTH_NORM
    """How that search ranks texts of unequal length, as in `seriatim sample`."""


@dataclass(frozen=True)
class Output:
    """Where samples go, and how they are shown."""

    output: Annotated[Path | None, Parameter(name=["-o", "--output"], allow_leading_hyphen=True)] = None
    """Write to this file. Without it, or with -, text goes to the terminal."""
    columns: int = COLUMNS
    """Pictures in a row of the sheet."""
    singles: bool = False
    """Write each picture to a file of its own, under --output."""
    log_probs: bool = False
    """Also print each sample's log-probability under the model."""
    stream: bool = False
    """Show the text as it is written (one sample)."""
    as_json: Json = False
    """One JSON object a line, with symbols and log-probabilities."""


@dataclass(frozen=True)
class Conditions:
    """Files with the conditions of pictures or recordings of your own."""

    maps: Path | None = None
    """For a run with --image.maps: the folder with a map for each picture."""
    vectors: Path | None = None
    """For a run with --image.vectors or --audio.vectors: a CSV of paths and numbers, or a folder of NPY files."""
    spans: Path | None = None
    """For a run with --audio.spans: the folder with a CSV of begin,end,label for each recording, or one such CSV."""
    track: Path | None = None
    """For a run with --audio.track: the folder with an NPY or CSV for each recording, or one such file."""
    labels: Path | None = None
    """For recordings: a CSV file with a path and labels in each row. Default: the subfolders are the labels."""

    def only(self, words: str, *allowed: str) -> None:
        """Refuse those that mean nothing for a model of this kind.

        Raises:
            UserError: naming the first.
        """
        for name, path in vars(self).items():
            if path is not None and name not in allowed:
                raise UserError(f"--{name} means nothing for a model of {words}; leave it out")

    def refuse(self, what: str) -> None:
        """Refuse them all where no data is given that they could belong to.

        Raises:
            UserError: naming the first.
        """
        for name, path in vars(self).items():
            if path is not None:
                raise UserError(f"--{name} was given, but no {what}; the run knows the {name} of its own, leave it out")

    def each(self, files: tuple[str, ...]) -> None:
        """Refuse one file that would be taken for the partner of several.

        Raises:
            UserError: naming the first.
        """
        for name in ("maps", "spans", "track"):
            path = getattr(self, name)
            if path is not None and len(files) > 1 and path.is_file():
                raise UserError(f"--{name} {path} is one file for {len(files)}; give a folder with one for each")


def unescape(text: str) -> str:
    r"""What was typed, with \n and \t understood."""
    return text.replace("\\n", "\n").replace("\\t", "\t")
