"""Decoding films: frames come out as they went in; every odd film is read or refused in a line."""

from __future__ import annotations

import sys
from fractions import Fraction

import numpy as np
import pytest
import torch
from PIL import Image

from seriatim.data.fitting import Fitting
from seriatim.data.options import WHOLE
from seriatim.data.pixels import fit
from seriatim.errors import UserError
from seriatim.video.data import container, decoding
from seriatim.video.data.opening import open_reel, read_film
from seriatim.video.options import VideoOptions
from tiny_films import noise, sound, write

av = pytest.importorskip("av")


def opened(path, **options):
    """The frames of the only film, its rate, and the note."""
    reel = open_reel(path, VideoOptions(**{"frames": 1, **options}), WHOLE)
    films = reel.splits["train"]
    assert len(films.x) == 1
    assert films.x[0].shape[1:] == reel.shape
    return films.x[0], (films.rates[0] if films.rates else None), reel.note


def refused(path, **options):
    with pytest.raises(UserError) as caught:
        open_reel(path, VideoOptions(**{"frames": 1, **options}), WHOLE)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mkv", "ffv1"), ("a.avi", "ffv1"), ("a.mp4", "libx264rgb"), ("A.MOV", "libx264rgb")]
)
def test_lossless_films_come_back(tmp_path, name, codec):
    x = noise(0)
    found, rate, note = opened(write(tmp_path / name, x, codec))
    assert np.array_equal(found, x)
    assert (rate, note) == (10, "")


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.webm", "libvpx-vp9"), ("a.mp4", "libx264"), ("a.mpg", "mpeg2video"), ("a.avi", "mpeg4"), ("a.flv", "flv")],
)
def test_lossy_films_are_close(tmp_path, name, codec):
    x = np.broadcast_to(np.array([200, 100, 50], np.uint8), (8, 32, 32, 3)).copy()
    found, rate, note = opened(write(tmp_path / name, x, codec, rate=25))
    assert found.shape == x.shape
    assert np.abs(found.astype(int) - x).max() <= 6
    assert (rate, note) == (25, "")


def test_limited_range_is_widened(tmp_path):
    """Black and white are 16 and 235 in most films, and 0 and 255 in a picture."""
    x = np.repeat(np.array([0, 255], np.uint8), 8 * 8 * 3).reshape(2, 8, 8, 3)
    found, _, _ = opened(write(tmp_path / "a.mp4", x, "libx264", qp="0"))
    assert found.min() == 0
    assert found.max() == 255
    assert (found[0] == 0).all()
    assert (found[1] == 255).all()


def test_grey(tmp_path):
    grey = noise(0, channels=1)
    path = write(tmp_path / "grey" / "a.mkv", grey)
    assert np.array_equal(opened(path)[0], grey)
    assert np.array_equal(opened(path, colour="rgb")[0], np.repeat(grey, 3, -1))
    colour = write(tmp_path / "grey" / "b.mkv", noise(1))
    films = open_reel(path.parent, VideoOptions(frames=1), WHOLE).splits["train"]  # colour, as not all are grey
    assert [x.shape[-1] for x in films.x] == [3, 3]
    assert np.array_equal(films.x[0][..., :1], grey)
    wanted = np.stack([np.asarray(Image.fromarray(frame).convert("L")) for frame in noise(1)])
    assert np.array_equal(opened(colour, colour="grey")[0][..., 0], wanted)


@pytest.mark.parametrize(("degrees", "quarters"), [(90, 1), (180, 2), (270, 3), (-90, 3)])
def test_a_film_is_upright(tmp_path, degrees, quarters):
    x = noise(0)
    path = write(tmp_path / "a.mp4", x, "libx264rgb", turned=(degrees,))
    assert np.array_equal(opened(path)[0], np.rot90(x, quarters, axes=(1, 2)))
    header = container.read_header(path, "a")
    assert header == ((8, 12, 3, 6, 10.0) if quarters == 2 else (12, 8, 3, 6, 10.0))


@pytest.mark.parametrize(("flips", "axis"), [((True, False), 2), ((False, True), 1)])
def test_a_film_may_be_mirrored(tmp_path, flips, axis):
    x = noise(0)
    path = write(tmp_path / "a.mp4", x, "libx264rgb", turned=(0, *flips))
    assert np.array_equal(opened(path)[0], np.flip(x, axis))
    turned = write(tmp_path / "b.mp4", x, "libx264rgb", turned=(90, *flips))
    assert np.array_equal(opened(turned)[0], np.flip(np.rot90(x, 1, axes=(1, 2)), axis))


def test_pixels_that_are_not_square(tmp_path):
    x = np.repeat(noise(0, width=1), 12, axis=2)  # rows of one colour: stretching changes none
    found, _, note = opened(write(tmp_path / "a.mp4", x, "libx264rgb", aspect=Fraction(3, 2)))
    assert np.array_equal(found, np.repeat(x[:, :, :1], 18, axis=2))
    assert note == "1 of 1 films had pixels that are not square and were stretched to their proper shape."


TIMES = [0, 100, 200, 600, 700, 1500]  # and the last one lasts 100 ms


def test_a_varying_rate_is_said(tmp_path):
    x = noise(0)
    found, rate, note = opened(write(tmp_path / "a.mkv", x, times=TIMES))
    assert np.array_equal(found, x)
    assert rate == pytest.approx(6 / 1.6)
    assert "1 of 1 films have a varying rate" in note


@pytest.mark.parametrize(
    ("rate", "taken"),
    [
        (10, [0, 1, 2, 2, 2, 2, 3, *[4] * 8, 5]),  # at 0, 0.1, … 1.5
        (5, [0, 2, 2, 3, 4, 4, 4, 4]),  # at 0, 0.2, … 1.4; the film ends at 1.6
        (4, [0, 2, 2, 4, 4, 4, 5]),  # at 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5
        (1, [0, 4]),
        (0.1, [0]),
    ],
)
def test_at_a_rate_the_frame_on_show_is_taken(tmp_path, rate, taken):
    x = noise(0)
    found, given, note = opened(write(tmp_path / "a.mkv", x, times=TIMES), rate=rate)
    assert np.array_equal(found, x[taken])
    assert (given, note) == (rate, "")


def test_times_that_are_rounded_lose_no_frame(tmp_path):
    """Matroska rounds to milliseconds: 33, 67, 100 for 30 frames a second."""
    x = noise(0, frames=40)
    path = write(tmp_path / "a.mkv", x, rate=30)
    found, _, note = opened(path, rate=30.0)
    assert np.array_equal(found, x)
    assert opened(path)[2] == note == ""
    film = write(tmp_path / "b.mkv", x, rate=Fraction(30000, 1001))
    assert np.array_equal(opened(film, rate=29.97)[0], x)
    assert opened(film)[1] == pytest.approx(29.97, abs=0.01)


def test_size_and_crop_are_those_of_pictures(tmp_path):
    x = noise(0, height=10, width=30)
    path = write(tmp_path / "a.mkv", x)
    for sides, crop, how in (((5, 5), "centre", "smooth"), ((4, 9), "none", "plain"), ((20, 20), "centre", "nearest")):
        found = opened(path, size=sides, crop=crop, resample=how)[0]
        wanted = [np.asarray(fit(Image.fromarray(frame), *sides, Fitting(crop, how))) for frame in x]
        assert np.array_equal(found, np.stack(wanted))
    found, _, note = opened(path, size=(5,))
    assert found.shape == (6, 5, 5, 3)
    assert note == "1 of 1 films are cropped and resized to 5 × 5 where they have another size."


def test_large_frames_are_shrunk_unless_a_size_is_given(tmp_path):
    path = write(tmp_path / "a.mkv", noise(0, height=36, width=64))
    found, _, note = opened(path)
    assert found.shape == (6, 18, 32, 3)
    assert note == "1 of 1 films are shrunk from 36 × 64 to 18 × 32 (--video.size chooses)."
    assert opened(path, size=(36, 64))[0].shape == (6, 36, 64, 3)


def test_odd_sizes(tmp_path):
    for height, width in ((3, 5), (7, 13), (31, 17)):
        x = noise(0, height=height, width=width)
        assert np.array_equal(opened(write(tmp_path / f"{height}.mkv", x))[0], x)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [("a.mpg", "mpeg2video", {"flags": "+ilme+ildct"}), ("a.mkv", "libx264", {"x264-params": "interlaced=1"})],
)
def test_interlaced_films_are_deinterlaced(tmp_path, name, codec, options):
    """A bar moves; the odd lines show it half a frame later, so that its edges are combs."""
    x = np.full((6, 32, 64, 3), 60, np.uint8)
    for t in range(6):
        x[t, ::2, 8 * t : 8 * t + 8] = 200
        x[t, 1::2, 8 * t + 4 : 8 * t + 12] = 200

    def combs(film):
        """How much lines differ from the mean of those around them, away from the border."""
        lines = film[1:-1, 4:-4, :, 0].astype(float)
        return np.abs(lines[:, 1:-1] - (lines[:, :-2] + lines[:, 2:]) / 2).mean()

    found, _, note = opened(write(tmp_path / name, x, codec, rate=25, qmin="1", qmax="2", **options), size=x.shape[1:3])
    assert found.shape == x.shape
    assert note == "1 of 1 films were interlaced and were deinterlaced, a frame for two fields."
    assert combs(x) == 140 * 8 / 64
    assert combs(found) < combs(x) / 4


def test_an_interlaced_film_of_one_frame(tmp_path):
    path = write(tmp_path / "a.mkv", noise(0, 1, 32, 32), "libx264", **{"x264-params": "interlaced=1"})
    assert opened(path)[0].shape == (1, 32, 32, 3)


def test_one_frame(tmp_path):
    x = noise(0, frames=1)
    assert np.array_equal(opened(write(tmp_path / "a.mkv", x))[0], x)
    assert np.array_equal(opened(tmp_path / "a.mkv", rate=5)[0], x)
    message = refused(tmp_path / "a.mkv", frames=20)
    assert "a clip has 20 frames, and the longest of 1 films only 1: give fewer --video.frames" in message


def test_ten_bits(tmp_path):
    x = np.full((4, 8, 8, 1), 200, np.uint8)
    found, _, note = opened(write(tmp_path / "a.mkv", x, form="gray10le"))
    assert found.shape == x.shape
    assert np.abs(found.astype(int) - 200).max() <= 1
    assert note == "1 of 1 films had more than 8 bits a value and were reduced to 8."


def test_a_transparent_gif_is_on_white(tmp_path):
    frames = []
    for i in range(3):
        image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
        image.putpixel((i, 0), (255, 0, 0, 255))
        frames.append(image)
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=100, disposal=2)
    found, rate, note = opened(tmp_path / "a.gif")
    wanted = np.full((3, 8, 8, 3), 255, np.uint8)
    wanted[range(3), 0, range(3)] = (255, 0, 0)
    assert np.array_equal(found, wanted)
    assert rate == 10
    assert note == "1 of 1 films had transparency and were put on white."


def test_a_gif_is_grey_if_its_colours_are(tmp_path):
    grey = [Image.fromarray(frame[..., 0]) for frame in noise(0, channels=1)]
    grey[0].save(tmp_path / "grey.gif", save_all=True, append_images=grey[1:], duration=100)
    assert np.array_equal(opened(tmp_path / "grey.gif")[0], noise(0, channels=1))
    colour = [Image.fromarray(frame).quantize(64) for frame in noise(0)]
    mixed = [grey[0], *colour]
    mixed[0].save(tmp_path / "late.gif", save_all=True, append_images=mixed[1:], duration=100)
    assert opened(tmp_path / "late.gif")[0].shape == (7, 8, 12, 3)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mkv", "ffv1", {}),
        ("a.mp4", "libx264rgb", {"container": {"movflags": "faststart"}, "g": "1", "bf": "0"}),
        ("a.gif", "gif", {}),
    ],
)
def test_a_film_that_is_cut_short_keeps_its_beginning(tmp_path, name, codec, options):
    x = noise(0, frames=30, height=32, width=32)
    path = write(tmp_path / name, x, codec, **options)
    whole = opened(path)[0]
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    found, _, note = opened(path)
    assert 10 < len(found) < 20
    assert np.array_equal(found[:-1], whole[: len(found) - 1])
    of = "" if name == "a.gif" else " of about 30"  # a GIF does not say how many it has
    assert note == f"{name} is cut short or damaged after {len(found)}{of} frames."


def test_damage_in_the_middle(tmp_path):
    x = noise(0, frames=30, height=32, width=32)
    path = write(tmp_path / "a.mp4", x, "libx264rgb", g="1", bf="0")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle - 3000 : middle + 3000] = bytes(6000)
    path.write_bytes(bytes(data))
    found, _, note = opened(path)
    assert 5 < len(found) < 20
    assert np.array_equal(found[:-1], x[: len(found) - 1])
    assert f"a.mp4 is cut short or damaged after {len(found)} of about 30 frames." in note


def test_what_is_no_film(tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("a film, honestly\n" * 100)
    Image.fromarray(noise(0)[0]).save(tmp_path / "picture.png")
    (tmp_path / "picture.png").rename(tmp_path / "picture.mp4")
    sound(tmp_path / "sound.mp4")
    for name, words in (
        ("empty.mp4", "an empty file: replace or remove it"),
        ("text.mp4", "not a film in a supported format"),
        ("picture.mp4", "not a film in a supported format"),
        ("sound.mp4", "only sound; expected a film"),
    ):
        assert words in refused(tmp_path / name)
    with pytest.raises(UserError, match="not a file; expected a film"):
        container.read_header(tmp_path, "folder")
    with pytest.raises(UserError, match="no such film: check the path"):
        container.read_header(tmp_path / "none.mp4", "none")


def test_no_other_file_is_opened(tmp_path):
    """Playlists, lists and numbered pictures under the name of a film; and names that read as protocols."""
    film = write(tmp_path / "film.mkv", noise(0))
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{film.as_uri()}\n#EXT-X-ENDLIST\n"
    for name, text in (
        ("hls.mp4", playlist),
        ("concat.mkv", f"ffconcat version 1.0\nfile '{film}'\n"),
        ("sdp.mp4", "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"),
        ("dash.webm", '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"></MPD>'),
    ):
        (tmp_path / name).write_text(text)
        assert "not a film in a supported format" in refused(tmp_path / name)
    odd = tmp_path / "concat:film.mkv"
    odd.write_bytes(film.read_bytes())
    assert np.array_equal(opened(odd)[0], noise(0))


def test_limits_are_checked_before_decoding(tmp_path, monkeypatch):
    path = write(tmp_path / "a.mkv", noise(0))
    monkeypatch.setattr(container, "LARGEST", 8 * 12 - 1)
    assert "8 × 12 is more than 95 pixels: make it smaller first" in refused(path)
    monkeypatch.undo()
    monkeypatch.setattr(container, "LONGEST", 5)
    assert "6 frames, more than 5: cut it into parts first" in refused(path)
    monkeypatch.undo()
    assert "frames, more than 1,048,576" in refused(
        write(tmp_path / "b.mkv", noise(0), times=[0, 1, 2, 3, 4, 200_000]), rate=1e4
    )


def test_a_header_that_says_too_little_does_not_help(tmp_path):
    path = write(tmp_path / "a.mkv", noise(0))
    look = decoding.Look((8, 12), 3)
    assert len(decoding.read_frames(path, "a", look, most=6).x) == 6
    with pytest.raises(UserError, match="a: more than 5 frames: cut it into parts"):
        decoding.read_frames(path, "a", look, most=5)


def test_nothing_is_printed_and_nothing_global_changes(tmp_path, capfd):
    path = write(tmp_path / "a.mp4", noise(0, 30, 32, 32), "libx264", container={"movflags": "faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 10])
    capfd.readouterr()
    threads = torch.get_num_threads()
    opened(path)
    (tmp_path / "text.mkv").write_text("text")
    refused(tmp_path / "text.mkv")
    assert capfd.readouterr() == ("", "")
    assert torch.get_num_threads() == threads


def test_without_pyav_the_message_says_what_to_install(tmp_path, monkeypatch):
    path = write(tmp_path / "a.mkv", noise(0))
    monkeypatch.setitem(sys.modules, "av", None)
    assert refused(path).endswith("films are read by PyAV, which is not installed: pip install 'seriatim[video]'")


def test_one_film_at_a_models_size(tmp_path):
    path = write(tmp_path / "a.mkv", noise(0), rate=5)
    films = read_film(path, (4, 6, 1))
    assert [x.shape for x in films.x] == [(6, 4, 6, 1)]
    assert (films.lengths, films.names, films.rates, films.labels) == ([6], ["a.mkv"], [5.0], None)
    assert np.array_equal(read_film(path, (8, 12, 3), VideoOptions(rate=5)).x[0], noise(0))
    with pytest.raises(UserError, match="8 × 12 × 2: give 1 or 3 channels"):
        read_film(path, (8, 12, 2))
    write(tmp_path / "b.mkv", noise(1))
    with pytest.raises(UserError, match="2 films; expected one"):
        read_film(tmp_path, (8, 12, 3))
