"""Films of one's own: folders, labels, frames, actions, arrays; their splits; and what is taken for films."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dividing import divided
from seriatim.data import pixels
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.modality import Certainty
from seriatim.video.data import gif
from seriatim.video.data.folds import folds
from seriatim.video.data.frames import natural
from seriatim.video.data.opening import open_reel, read_film
from seriatim.video.holding import FILM_ENDINGS, holds
from seriatim.video.options import VideoOptions
from tiny_films import noise, write

needs_av = pytest.mark.skipif(not find_spec("av"), reason="PyAV is not installed")


def whole(**options):
    """How films are read, and that all of them are in one split."""
    own, division = divided({"frames": 1, **options}, validation=0, test=0)
    return VideoOptions(**own), division


def only(spec, **options):
    (films,) = open_reel(spec, *whole(**options)).splits.values()
    return films


def refused(spec, **options):
    with pytest.raises(UserError) as caught:
        open_reel(spec, *whole(**options))
    message = str(caught.value)
    assert "\n" not in message
    return message


def frames(folder, x, name="frame{}.png"):
    """A film as pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, frame in enumerate(x):
        Image.fromarray(frame if x.shape[-1] == 3 else frame[..., 0]).save(folder / name.format(i))
    return folder


@pytest.fixture
def folder(tmp_path):
    """20 films of 6 frames, of 2 labels."""
    for i in range(20):
        write(tmp_path / "films" / "ab"[i % 2] / f"{i:02d}.mkv", noise(i))
    return tmp_path / "films"


@needs_av
def test_a_folder_with_labels(folder):
    reel = open_reel(folder, VideoOptions(frames=6))
    assert (reel.name, reel.shape, reel.note) == ("films", (8, 12, 3), "")
    assert {side: len(part.x) for side, part in reel.splits.items()} == {"train": 16, "validation": 2, "test": 2}
    names = []
    for part in reel.splits.values():
        assert part.lengths == [6] * len(part.x)
        assert part.rates == [10.0] * len(part.x)
        for x, label, name in zip(part.x, part.labels, part.names, strict=True):
            assert name.split("/")[0] == label
            assert np.array_equal(x, noise(int(name[2:4])))
        names += part.names
    assert len(set(names)) == 20
    again = open_reel(folder, VideoOptions(frames=6))
    assert again.fingerprint == reel.fingerprint
    other = open_reel(folder, VideoOptions(frames=6), DataOptions(seed=1))
    assert other.fingerprint != reel.fingerprint
    assert open_reel(folder, VideoOptions(frames=6, given=False)).splits["test"].labels is None
    for side in ("test", "validation"):  # copies of a film are where it is
        film = reel.splits[side].names[0]
        (folder / "b" / f"copy-{side}.mkv").write_bytes((folder / film).read_bytes())
    for side, part in open_reel(folder, VideoOptions(frames=6)).splits.items():
        assert (f"b/copy-{side}.mkv" in part.names) == (side != "train")
    assert only(folder, limit=5).names == only(folder, limit=5).names
    assert len(only(folder, limit=5).x) == 5


@needs_av
def test_labels_from_a_table_and_odd_folders(folder, tmp_path):
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*.mkv")]
    table = tmp_path / "labels.csv"
    table.write_text("film,label\n" + "".join(f"{name},label {name[3]}\n" for name in names))
    part = only(folder, labels=str(table))
    assert part.labels == tuple(f"label {name[3]}" for name in part.names)
    table.write_text("a/00.mkv,x\n")
    assert "no label for 19 of 20 films in" in refused(folder, labels=str(table))
    assert "is a single film: leave it out" in refused(folder / "a" / "00.mkv", labels=str(table))
    (folder / "a" / "00.mkv").rename(folder / "00.mkv")
    assert only(folder).labels is None
    (folder / "00.mkv").unlink()
    for old, new in (("a", "train"), ("b", "test")):
        (folder / old).rename(folder / new)
    assert "its subfolders look like splits, not labels" in refused(folder)
    assert only(folder, given=False).labels is None


@needs_av
def test_bad_films_are_told_together_or_left_out(folder):
    (folder / "a" / "00.mkv").write_text("text")
    (folder / "b" / "01.mkv").write_bytes(b"")
    message = refused(folder)
    assert message.startswith("2 of 20 films cannot be read: ")
    assert "00.mkv" in message
    assert "01.mkv" in message
    reel = open_reel(folder, *whole(skip_bad=True))
    assert len(reel.splits["train"].x) == 18
    assert "2 of 20 films cannot be read and are left out" in reel.note
    assert "b/01.mkv" not in reel.splits["train"].names


@needs_av
def test_short_films_are_left_out(tmp_path):
    for i, length in enumerate((3, 6, 9)):
        write(tmp_path / f"{i}.mkv", noise(i, length))
    reel = open_reel(tmp_path, *whole(frames=6))
    assert reel.splits["train"].lengths == [6, 9]
    assert reel.note == "1 of 3 films have fewer than 6 frames: left out."
    assert "a clip has 20 frames, and the longest of 3 films only 9: give fewer --video.frames" in refused(
        tmp_path, frames=20
    )


@needs_av
def test_several_sizes(tmp_path):
    for i, (height, width) in enumerate(((10, 20), (40, 30), (16, 12))):
        write(tmp_path / f"{i}.mkv", noise(i, 2, height, width))
    reel = open_reel(tmp_path, *whole())
    assert reel.shape == (12, 12, 3)  # the median of 10, 30 and 12
    assert "are cropped and resized to 12 × 12: their sizes are 16 × 12 to 40 × 30" in reel.note


def test_too_few_for_the_splits():
    x = [noise(0), noise(0), noise(1)]
    with pytest.raises(UserError, match=r"too few distinct films \(of 3\) for a train split: give more, or set"):
        open_reel(x, VideoOptions(frames=6))
    assert [*open_reel(x, VideoOptions(frames=6), DataOptions(test=0)).splits] == ["train", "validation"]


def test_room_is_checked_before_it_is_taken(tmp_path, monkeypatch):
    frames(tmp_path / "film", noise(0))
    monkeypatch.setattr(pixels, "MOST", 6 * 8 * 12 * 3 - 1)
    assert "6 frames of 8 × 12 × 3 take" in refused(tmp_path / "film")
    assert "6 frames of 8 × 12 × 3 take" in refused(noise(0)[None])
    if find_spec("av"):
        assert "6 frames of 8 × 12 × 3 take" in refused(write(tmp_path / "a.mkv", noise(0)))


def test_names_are_sorted_as_people_do():
    names = ["b1", "a10", "a9", "a", "10", "9", "a09"]
    assert sorted(names, key=natural) == ["9", "10", "a", "a09", "a9", "a10", "b1"]


def test_a_folder_of_frames_is_a_film(tmp_path):
    x = noise(0, frames=12)
    reel = open_reel(frames(tmp_path / "film", x), *whole())
    part = reel.splits["train"]
    assert np.array_equal(part.x[0], x)  # frame2 before frame10
    assert (part.names, part.lengths, list(part.rates), part.labels) == (["film"], [12], [], None)
    assert reel.note == "The folder of pictures is a film, in the order of their names."
    assert refused(tmp_path / "film", rate=5).endswith("pictures have no times: leave it out")
    assert np.array_equal(read_film(tmp_path / "film", (8, 12, 3)).x[0], x)
    Image.fromarray(noise(1, 1, 8, 13)[0]).save(tmp_path / "film" / "frame5.png")
    assert "frame5.png: 8 × 13 pixels, but frame0.png has 8 × 12; expected frames of one size" in refused(
        tmp_path / "film"
    )
    (tmp_path / "film" / "frame5.png").write_text("text")
    assert "frame5.png: not a picture" in refused(tmp_path / "film")


def test_folders_of_folders_of_frames(tmp_path):
    for i in range(4):
        frames(tmp_path / "films" / f"take.{i}", noise(i, channels=1 if i else 3))
    (tmp_path / "films" / "notes.txt").write_text("x")
    reel = open_reel(tmp_path / "films", *whole())
    part = reel.splits["train"]
    assert part.names == [f"take.{i}" for i in range(4)]
    assert part.labels is None
    assert reel.shape == (8, 12, 3)
    assert np.array_equal(part.x[2][..., :1], noise(2, channels=1))
    assert reel.note.endswith("Left out: 1 × .txt.")
    for i in range(4):
        frames(tmp_path / "labelled" / "ab"[i % 2] / f"take{i}", noise(i), "{:03d}.jpg")
    part = only(tmp_path / "labelled")
    assert part.names == ["a/take0", "a/take2", "b/take1", "b/take3"]
    assert part.labels == ("a", "a", "b", "b")
    table = tmp_path / "labels.csv"
    table.write_text("film,label\n" + "".join(f"{name},{name[-1]}\n" for name in part.names))
    assert only(tmp_path / "labelled", labels=str(table)).labels == ("0", "2", "1", "3")


@needs_av
def test_films_win_over_pictures(folder):
    Image.fromarray(noise(0)[0]).save(folder / "cover.png")
    reel = open_reel(folder, *whole())
    assert len(reel.splits["train"].x) == 20
    assert "Left out: 1 × .png." in reel.note


def test_folders_without_films(tmp_path):
    assert "no files; expected *.mp4, " in refused(tmp_path)
    (tmp_path / "a.txt").write_text("text")
    assert "only other files (1 × .txt); expected *.mp4, " in refused(tmp_path)


def test_actions(tmp_path):
    for i in range(2):
        frames(tmp_path / "films" / f"take{i}", noise(i, frames=3 + i))
    actions = tmp_path / "actions"
    actions.mkdir()
    np.save(actions / "take0.npy", np.arange(6).reshape(3, 2))
    (actions / "take1.csv").write_text("left,right\n1,2\n3,4\n5,6\n7,8.5\n")
    (actions / "other.csv").write_text("1\n")
    options = {"actions": str(actions)}
    reel = open_reel(tmp_path / "films", *whole(**options))
    part = reel.splits["train"]
    assert [each.tolist() for each in part.actions] == [
        [[0, 1], [2, 3], [4, 5]],
        [[1, 2], [3, 4], [5, 6], [7, 8.5]],
    ]
    assert all(each.dtype == np.float32 for each in part.actions)
    assert "1 action files belong to no film." in reel.note
    mark = reel.fingerprint
    np.save(actions / "take0.npy", np.arange(6).reshape(3, 2) + 1)
    assert open_reel(tmp_path / "films", *whole(**options)).fingerprint != mark
    for array, words in (
        (np.zeros((4, 2)), "take0.npy: 4 rows of actions, but take0 has 3 frames; expected one per frame"),
        (np.zeros((2, 2)), "2 rows of actions, but take0 has 3 frames"),
        (np.zeros((3, 3)), "take1: 2 numbers of action a frame, but take0 has 3"),
        (np.full((3, 2), np.nan), "contains a number that is not finite"),
        (np.zeros((3, 2, 2)), "expected a row of numbers per frame"),
    ):
        np.save(actions / "take0.npy", array)
        assert words in refused(tmp_path / "films", **options)
    np.save(actions / "take0.npy", np.zeros(3))
    (actions / "take1.csv").write_text("1\n2\n3\nx\n")
    assert "take1.csv:4: 'x' are not numbers" in refused(tmp_path / "films", **options)
    (actions / "take1.csv").unlink()
    assert "no action file for 1 of 2 films, such as 'take1': put take1.npy (or .csv) there" in refused(
        tmp_path / "films", **options
    )


@needs_av
def test_actions_of_one_film(tmp_path):
    path = write(tmp_path / "a.mkv", noise(0))
    np.save(tmp_path / "turns.npy", np.arange(6.0))
    films = read_film(path, (8, 12, 3), VideoOptions(actions=str(tmp_path / "turns.npy")))
    assert films.actions[0].tolist() == [[0], [1], [2], [3], [4], [5]]


def test_actions_that_two_films_would_share(tmp_path):
    for name in ("take.1", "take.2"):
        frames(tmp_path / "films" / name, noise(len(name), frames=3))
    (tmp_path / "actions").mkdir()
    np.save(tmp_path / "actions" / "take.npy", np.zeros(3))
    assert "take.npy would belong to 2 films: rename their folders" in refused(
        tmp_path / "films", actions=str(tmp_path / "actions")
    )


def test_arrays():
    x = np.stack([noise(i) for i in range(5)])
    part = only(x)
    assert [np.array_equal(a, b) for a, b in zip(part.x, x, strict=True)] == [True] * 5
    assert (part.names[4], part.lengths, list(part.rates)) == ("film 4", [6] * 5, [])
    grey = only(x[..., 0])
    assert grey.x[0].shape == (6, 8, 12, 1)
    mixed = only([noise(0, 3), noise(1, 4, channels=1), noise(2, 5, channels=1)[..., 0]])
    assert [each.shape for each in mixed.x] == [(3, 8, 12, 3), (4, 8, 12, 3), (5, 8, 12, 3)]
    assert only(x, size=(4, 6), colour="grey").x[0].shape == (6, 4, 6, 1)
    assert only([noise(0), noise(1, 6, 20, 20)], size=(4,)).x[1].shape == (6, 4, 4, 3)
    assert len(only(x, limit=2).x) == 2
    actions = np.arange(60).reshape(5, 6, 2)
    part = only({"x": x, "label": ["a", 1, None, "b", "a"], "action": actions})
    assert part.labels == ("a", "1", None, "b", "a")
    assert part.actions[3].tolist() == actions[3].tolist()
    assert only({"x": x, "label": list("abcde")}, given=False).labels is None
    assert x.flags.writeable


@pytest.mark.parametrize(
    ("spec", "options", "words"),
    [
        (np.zeros((2, 3, 4, 4, 3)), {}, "'x' is float64 of shape (2, 3, 4, 4, 3); expected uint8 (N, T, H, W)"),
        (np.zeros((2, 3, 4, 3), np.uint8), {}, "one film, or 2 whose frames are 3 wide; give x[None] for one"),
        (np.zeros((0, 3, 4, 4), np.uint8), {}, "expected uint8"),
        ([np.zeros((4, 4, 3), np.uint8)], {}, "film 0 has shape (4, 4, 3): a picture, or frames that are 3 wide"),
        ([np.zeros((3, 4, 4, 2), np.uint8)], {}, "film 0 is uint8 of shape (3, 4, 4, 2); expected"),
        ([np.zeros((0, 4, 4, 3), np.uint8)], {}, "film 0 is uint8 of shape (0, 4, 4, 3); expected"),
        ([noise(0), noise(0, 6, 9)], {}, "film 1 has frames of 9 × 12, but film 0 of 8 × 12: give one size"),
        ({"x": noise(0)[None], "labels": ["a"]}, {}, "unknown key 'labels' for films in memory; give x, label, action"),
        ({"x": noise(0)[None], "label": ["a", "b"]}, {}, "2 values of 'label' for 1 films; give one per film"),
        ({"x": noise(0)[None], "action": np.zeros((1, 5, 2))}, {}, "5 rows of actions, but film 0 has 6 frames"),
        ({"label": ["a"]}, {}, "'x' is object of shape ()"),
        (noise(0)[None], {"rate": 5}, "--video.rate was given, but is for files; leave it out"),
        (noise(0)[None], {"actions": "x"}, "--video.actions was given, but is for files; give 'action'"),
    ],
)
def test_arrays_that_do_not_fit(spec, options, words):
    assert words in refused(spec, **options)


def test_folds():
    x = [noise(i % 9) for i in range(10)]  # the last one is a copy of the first
    reel = open_reel({"x": x, "label": [str(i) for i in range(10)]}, VideoOptions(frames=6))
    parts = folds(reel, 3)
    pool = [name for side in ("train", "validation") for name in reel.splits[side].names]
    assert sorted(name for part in parts for name in part.splits["validation"].names) == sorted(pool)
    for part in parts:
        for side in ("train", "validation"):
            films = part.splits[side]
            assert [f"film {label}" for label in films.labels] == films.names
            assert all(np.array_equal(each, x[int(label)]) for each, label in zip(films.x, films.labels, strict=True))
        assert part.splits["test"] is reel.splits["test"]
    together = [{"film 0", "film 9"} & set(part.splits["validation"].names) for part in parts]
    assert all(len(each) in (0, 2) for each in together) or "film 0" in reel.splits["test"].names
    with pytest.raises(UserError, match="distinct items are too few for 50 folds"):
        folds(reel, 50)


def animation(path, count=2, **options):
    first, *others = (Image.fromarray(frame) for frame in noise(0, frames=count))
    first.save(path, save_all=True, append_images=others, duration=100, **options)
    return path


def test_which_gifs_move(tmp_path, monkeypatch):
    assert gif.animated(animation(tmp_path / "a.gif"))
    assert gif.animated(animation(tmp_path / "b.gif", loop=0))
    still = tmp_path / "still.gif"
    Image.fromarray(noise(0)[0]).save(still, comment=b"x" * 700)
    assert not gif.animated(still)
    looped = tmp_path / "looped.gif"  # one frame, with the extension that repeats
    Image.fromarray(noise(0)[0]).save(looped, loop=0)
    assert not gif.animated(looped)
    monkeypatch.setattr(gif, "_MOST", 100)  # less than the first picture takes
    assert gif.animated(tmp_path / "b.gif")
    assert not gif.animated(tmp_path / "a.gif")
    for data in (b"", b"GIF89a", b"no GIF at all, but long enough", still.read_bytes()[:60]):
        (tmp_path / "bad.gif").write_bytes(data)
        assert not gif.animated(tmp_path / "bad.gif")
    assert gif.complete(still)
    assert not gif.complete(tmp_path / "bad.gif")


def certainty(data):
    return holds(data).certainty


def test_what_is_films(tmp_path):
    (tmp_path / "a.MP4").touch()
    assert certainty(tmp_path / "a.MP4") is Certainty.YES
    assert certainty(tmp_path) is Certainty.YES
    assert holds(tmp_path).reason == "1 film"
    assert certainty(animation(tmp_path / "a.gif")) is Certainty.SURE
    assert certainty(tmp_path) is Certainty.SURE
    still = tmp_path / "still"
    still.mkdir()
    for i in range(3):
        Image.fromarray(noise(i)[0]).save(still / f"{i}.gif")
    assert certainty(still / "0.gif") is certainty(still) is Certainty.NO
    (still / "a.mp4").touch()
    assert certainty(still) is Certainty.MAYBE
    assert holds(still).ask
    assert certainty(frames(tmp_path / "frames", noise(0))) is Certainty.NO
    assert certainty("moving-mnist") is Certainty.YES
    assert certainty("mnist") is certainty("") is certainty(tmp_path / "none.mp4") is Certainty.NO
    assert all(ending == ending.lower() for ending in FILM_ENDINGS)


def test_which_objects_are_films():
    x = noise(0)
    for yes in (x[None], [x], [x[..., 0]], {"x": x[None]}, {"x": [x, x]}, (x, x)):
        assert certainty(yes) is Certainty.YES
    for no in (
        x,
        x[0],
        x[..., 0],
        [x[0]],
        [],
        [x, 3],
        [x.astype(float)],
        {"y": x[None]},
        None,
        3,
        x[None].astype(float),
    ):
        assert certainty(no) is Certainty.NO
    assert certainty(x[None].astype(float)) is Certainty.NO


@needs_av
@pytest.mark.skipif("SERIATIM_DATA" not in os.environ, reason="$SERIATIM_DATA is not set")
def test_real_clips():
    folder = Path(os.environ["SERIATIM_DATA"]) / "video-clips"
    if not folder.is_dir():
        pytest.skip("the clips are not in $SERIATIM_DATA")
    assert certainty(folder) is Certainty.SURE
    reel = open_reel(folder, *whole())
    part = reel.splits["train"]
    known = {  # frames and rates as MANIFEST.json and ffprobe give them
        "bigbuckbunny.mp4": (132, 25),
        "bikes.mp4": (250, 25),
        "carphone_pristine.mp4": (120, 30000 / 1001),
        "newtonscradle.gif": (36, 36 / 0.82),
        "realshort.mp4": (36, 45000 / 1499),
    }
    assert dict(zip(part.names, part.lengths, strict=True)) == {name: each[0] for name, each in known.items()}
    assert part.rates == pytest.approx([each[1] for each in known.values()])
    assert reel.shape == (32, 32, 3)
    assert "1 of 5 films have a varying rate" in reel.note
    cradle = read_film(folder / "newtonscradle.gif", (150, 200, 3)).x[0]
    with Image.open(folder / "newtonscradle.gif") as image:
        for i in (0, 7, 35):
            image.seek(i)
            assert np.array_equal(cradle[i], np.asarray(image.convert("RGB")))
