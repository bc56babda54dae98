"""Runs on pairs: they learn, resume, search, are compared with references, and say what is wrong with what is asked."""

from __future__ import annotations

import io
import json
import runpy
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from seriatim.cli import main
from seriatim.cli.kinds import text as texts
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.text.data.corpus import SOURCE
from seriatim.text.data.opening import open_corpus
from seriatim.text.model import TextModel
from seriatim.text.options import SourceOptions, TokenOptions
from seriatim.training.options import TrainOptions
from seriatim.training.plan import Plan
from seriatim.training.run import Means, Session, start
from seriatim.walks.beams import Beams
from tiny_pictures import check_stopping

QUIET = Means(quiet=True)

NETS: dict[str, dict[str, Any]] = {
    "lstm": {"width": 24, "layers": 1, "heads": 2},
    "transformer": {"width": 24, "layers": 1, "heads": 2},
    "bytenet": {"width": 16, "sets": 1, "dilations": 3},
}


def rows(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Words of a, b and c, and the same in capitals."""
    random = np.random.default_rng(seed)
    words = {"".join(random.choice(list("abc"), random.integers(1, 7))) for _ in range(4 * count)}
    return [(word, word.upper()) for word in sorted(words)[:count]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    (folder / "words.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in rows(300)))
    return folder


def plan(place: Path, family: str, source: SourceOptions | None = None, **options: Any) -> Plan:
    train = {"steps": 6, "batch": 16, "evaluate_every": 2, "samples": 1, "device": "cpu", "lr": 0.01, **options}
    groups = {"tokens": TokenOptions(unknown="unk"), "source": source or SourceOptions()}
    return Plan(str(place / "words.tsv"), "text", family, NETS[family], groups, train=TrainOptions(**train))


@pytest.fixture(scope="module", params=list(NETS))
def run(place: Path, request: pytest.FixtureRequest) -> Path:
    steps = {"lstm": 260, "transformer": 260, "bytenet": 200}[request.param]
    folder = place / request.param
    start(plan(place, request.param, steps=steps, evaluate_every=steps, batch=32), folder, QUIET)
    return folder


def test_it_learns_to_write_what_the_source_says(run: Path) -> None:
    model = TextModel.load(run)
    held = [(s, t) for s, t in rows(300) if len(s) < 6][::9]
    found = model.search(source=[s for s, _ in held], beams=2)
    right = sum(best.text == target for (best, *_), (_, target) in zip(found, held, strict=True))
    assert right > 0.6 * len(held), [(s, best[0].text) for (s, _), best in zip(held, found, strict=True)][:10]
    likely, unlikely = model.log_prob(["ABC", "CBA"], {SOURCE: "abc"})
    assert likely > unlikely + 2
    each = model.log_prob(["ABC", "CBA"], {SOURCE: ["abc", "cba"]})
    assert each[0] == pytest.approx(likely, rel=1e-5)
    best = found[0][0]
    assert best.log_prob == pytest.approx(model.log_prob(best.text, {SOURCE: held[0][0]})[0], rel=1e-4, abs=1e-5)
    shown = (run / "samples").glob("*.txt")
    assert "reference" in next(shown).read_text()


def test_sampling_is_for_the_source_too(run: Path) -> None:
    model = TextModel.load(run)
    drawn = model.sample(n=3, given={SOURCE: ["ab", "bc", "ca"]}, temperature=0, max_length=9)
    greedy = model.search(source=["ab", "bc", "ca"], beams=1, max_length=9)
    assert [one.text for one in drawn] == [one[0].text for one in greedy]


@pytest.mark.parametrize("family", list(NETS))
def test_a_stopped_run_is_the_whole_run(
    family: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = plan(place, family, SourceOptions(shared=True, dropout=0.2), samples=0)
    check_stopping(made, 3, tmp_path, monkeypatch)


def test_what_training_sources_lack_is_said_before_training(tmp_path: Path) -> None:
    (tmp_path / "words.tsv").write_text("".join(f"a{chr(0x4E00 + i)}\tb\n" for i in range(40)))
    session = Session(plan(tmp_path, "lstm"), tmp_path / "run")
    session.prepare(resume=False)
    assert session.task.summary().endswith("4 symbols of the validation sources are not in the training text.")


def test_at_the_command_line(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    net = "--net.width 16 --net.layers 1 --net.heads 2"
    words = f"train {place / 'words.tsv'} --model gru {net} --train.steps 60 --train.lr 0.01 --threads 1 --out run"
    assert main(shlex.split(words)) == 0
    capsys.readouterr()
    (tmp_path / "in.txt").write_text("ab\n\ncab\n")
    assert main(shlex.split("sample run --source-file in.txt -o out.txt")) == 0
    lines = (tmp_path / "out.txt").read_text().split("\n")
    assert len(lines) == 4
    assert lines[1] == lines[3] == ""
    assert lines[0].strip("ABC") == ""
    assert "1 of 3 sources are blank" in capsys.readouterr().err
    assert main(shlex.split("sample run --source ab --source cab")) == 0
    assert capsys.readouterr().out.split("\n") == [lines[0], lines[2], ""]
    for typed in (b"ab\n\ncab\n", b"\xef\xbb\xbf ab \r\n\r\ncab"):  # as a file is read
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(typed)))
        assert main(shlex.split("sample run --source-file -")) == 0
        assert capsys.readouterr().out.split("\n") == lines
    assert main(shlex.split("sample run --source ' ab' --source cab -o -")) == 0
    assert capsys.readouterr().out.split("\n") == [lines[0], lines[2], ""]
    assert main(shlex.split("sample run --source-file in.txt --beams 0 --temperature 0")) == 0
    drawn = capsys.readouterr().out.split("\n")
    assert [bool(line) for line in drawn] == [True, False, True, False]
    assert main(shlex.split("sample run --source-file in.txt --beams 0 -n 2")) == 0
    drawn = [line for line in capsys.readouterr().out.split("\n") if line.startswith("---")]
    assert [line.split(" (")[0] for line in drawn] == [
        f"--- source {source}, sample {i}" for source in (1, 3) for i in (1, 2)
    ]
    assert main(shlex.split("sample run --source-file in.txt --beams 0 --json")) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["source"] for record in records] == ["ab", "cab"]
    assert main(shlex.split("sample run --source aéb")) == 0
    assert "1 symbols of the sources are not in the vocabulary" in capsys.readouterr().err
    assert main(shlex.split("sample run --source ab --best 3 --beams 4 --json")) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert [set(result) for result in results] == [{"text", "log_prob_nats", "score", "ended"}] * 3
    assert main(shlex.split("sample run --source ab --prompt CC --attention map.png")) == 0
    assert capsys.readouterr().out.startswith("CC")
    with Image.open("map.png") as picture:
        assert picture.size[0] > 40
    assert main(shlex.split("sample run --source ab --beams 0 --seed 3")) == 0
    capsys.readouterr()
    assert main(shlex.split("evaluate run --bleu --beams 2")) == 0
    out = capsys.readouterr().out
    assert "BLEU" in out
    assert "chrF" in out
    assert "nrefs:1|case:mixed" in out
    assert main(shlex.split("evaluate run --bleu --json")) == 0
    figures = json.loads(capsys.readouterr().out)
    assert {"bleu", "bleu_signature", "chrf", "exact_percent", "bits_per_char_given_source"} <= set(figures)
    assert main(shlex.split(f"score run {place / 'words.tsv'} --json")) == 0
    assert len(capsys.readouterr().out.splitlines()) == 300
    (tmp_path / "plain.txt").write_text("ABC CBA\n" * 40)
    (tmp_path / "empty.txt").write_text("")
    long = "ab" * 40
    for words, wanted in (
        ("sample run", "this model needs a source; give one"),
        ("sample run --source ab -n 3", "give --best 3"),
        ("sample run --source ab --temperature 2", "--temperature does not apply to a beam search"),
        (f"sample run --source {long}", "source 1 has 81 symbols, but this model reads"),
        ("sample run --source ab --best 9", "best, which is at most the number of beams, is 9"),
        ("sample run --source-file nowhere.txt", "nowhere.txt is not a file"),
        ("sample run --source-file empty.txt", "empty.txt is empty"),
        ("sample run --source ab --beams 1.5", "--beams 1.5 is not a whole number"),
        ("sample run --source ab --beams 0 --log-probs", "give --json"),
        ("sample run --source ab --source b --beams 0 --stream", "there are 2 sources"),
        ("sample run --source ab -o .", "is a folder"),
        ("sample run --source ab --attention map.txt", "not a picture format"),
        ("sample run --source ab --attention ''", "--attention is empty"),
        ("sample run --source ab --source-file in.txt", "both given"),
        ("sample run --source ab --source b --attention map.png", "for a single source"),
        ("sample run --source ab --max-length 1 --min-length 2", "do not fit"),
        ("evaluate run plain.txt", "and plain.txt has none; give one"),
        ("score run plain.txt", "and plain.txt has none; give one"),
        ("explore run --prompt A", "needs a source"),
        ("sample run --beams 3", "needs a source"),
        ("sample run --source ab --beams 0 --guidance 2", "guidance needs a model that also works without a source"),
        ("evaluate run --beams 2", "are for --bleu"),
        ("evaluate run --window 4", "windows are not for pairs"),
        ("sample run --source ab --stop ''", "a stop string is empty"),
        ("sample run --source ab --given source=b", "the source is given twice"),
        ("sample run --source ab -o nowhere/x.txt", "the folder nowhere does not exist"),
        ("sample run --source ab --source b --prompt A --prompt B --prompt C", "3 prompts for 2 sources"),
        ("train plain.txt --from run --train.steps 2 --out other", "is for texts with"),
        ("train plain.txt --source.width 8 --out other", "--source.… is for pairs"),
        (f"train {place / 'words.tsv'} --net.context 3 --out other", "--net.context is 3 and must hold it whole"),
        (f"train {place / 'words.tsv'} --net.memory 3 --out other", "--net.memory follows from the data"),
        (f"train {place / 'words.tsv'} --model bilstm --out other", "reads both ways"),
        (f"train {place / 'words.tsv'} --source.width -3 --out other", "--source.width is -3"),
    ):
        assert main(shlex.split(words)) == 2, words
        error = capsys.readouterr().err
        assert wanted in error, (words, error)
        assert "Traceback" not in error
    assert not (tmp_path / "other").exists()


def test_the_command_line_has_the_searchs_defaults() -> None:
    assert (Beams().width, Beams().length_norm) == (texts.BEAMS, texts.LENGTH_NORM)


def test_the_example_of_dates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = Path(__file__).parents[2] / "examples" / "dates.py"
    runpy.run_path(str(file))["main"](tmp_path / "dates.tsv", 40)
    corpus = open_corpus(tmp_path / "dates.tsv", None, DataOptions(validation=0.0, test=0.0))
    assert len(corpus.splits["train"]) == 40
    assert all(len(document.text()) == 10 for document in corpus.splits["train"])
    assert "40 pairs" in capsys.readouterr().out


def test_a_search_without_a_source(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("the cat sat on the mat. " * 60)
    net = "--net.width 16 --net.layers 1 --net.context 16"
    assert main(shlex.split(f"train text.txt --model gru {net} --train.steps 30 --train.samples 0 --out run")) == 0
    assert main(shlex.split("sample run --prompt 'the ' --beams 3 --max-length 12")) == 0
    assert capsys.readouterr().out.startswith("the ")
    for words in ("sample run --source x", "evaluate run --bleu"):
        assert main(shlex.split(words)) == 2
        assert "trained on pairs" in capsys.readouterr().err
    with pytest.raises(UserError, match="give one, or one per source"):
        TextModel.load(tmp_path / "run").search(["a", "b"], source=["x", "y", "z"])


def test_labels_that_only_held_out_pairs_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    some = [{"q": s, "a": t, "who": f"only {i}"} for i, (s, t) in enumerate(rows(60))]
    (tmp_path / "who.jsonl").write_text("".join(json.dumps(one) + "\n" for one in some))
    (tmp_path / "words.tsv").write_text("".join(f"{one['q']}\t{one['a']}\n" for one in some))
    given = "--text.source q --text.field a --text.given who"
    net = "--net.width 8 --net.layers 1"
    assert main(shlex.split(f"train who.jsonl {given} --model gru {net} --train.steps 2 --out run")) == 0
    assert main(shlex.split("evaluate run --bleu --beams 1")) == 0
    assert main(shlex.split("evaluate run words.tsv")) == 0, "names of fields are not for a file without them"
    assert "60 documents" in capsys.readouterr().out
    assert main(shlex.split("sample run --source ab --given who=nobody")) == 2


@pytest.mark.parametrize("family", list(NETS))
def test_guidance_by_a_source(family: str, place: Path, tmp_path: Path) -> None:
    model = start(plan(place, family, steps=4, drop_given=0.5), tmp_path / "run", QUIET)
    assert isinstance(model, TextModel)
    drawn = model.sample(n=2, given={SOURCE: ["abcab", "b"]}, guidance=2.0, max_length=5, seed=[1, 2])
    alone = model.sample(given={SOURCE: "b"}, guidance=2.0, max_length=5, seed=[2])
    assert drawn[1].symbols == alone[0].symbols


def test_attention_is_all_there(place: Path, tmp_path: Path) -> None:
    made = plan(place, "lstm", SourceOptions(encoder="bytenet"), steps=2)
    model = start(made, tmp_path / "run", QUIET)
    assert isinstance(model, TextModel)
    for ended in (True, False):
        written, read, weights = model.attention("ab", "ABCABC", ended=ended)
        assert weights.shape == (len(written), len(read)) == (6 + ended, len(read))
        assert read[:3] == ["a", "b", "<end>"]
        assert np.allclose(weights.sum(1), 1, atol=1e-5)


def test_files_of_sources_belong_to_their_own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, count, seed in (("one", 60, 0), ("two", 60, 1)):
        found = rows(count, seed)
        (tmp_path / f"{name}.de").write_text("".join(f"{t}\n" for _, t in found))
        (tmp_path / f"{name}.en").write_text("".join(f"{s}\n" for s, _ in found))
    net = "--net.width 8 --net.layers 1"
    assert main(shlex.split(f"train one.de --text.source one.en --model lstm {net} --train.steps 2 --out run")) == 0
    assert main(shlex.split("evaluate run")) == 0
    assert main(shlex.split("evaluate run two.de")) == 2, "the sources of one are not those of two"
    assert main(shlex.split("evaluate run two.de --text.source two.en")) == 0
