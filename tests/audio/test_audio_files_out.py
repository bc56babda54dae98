"""Sound written and drawn: what is on disk can be read at any moment, and pictures show what is heard."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from seriatim.audio.data.opening import read_recording
from seriatim.audio.files import WavWriter, pcm, save, wav_header
from seriatim.audio.quantiser import Quantiser
from seriatim.drawing.audio import levels, save_spectrogram, save_waveform, spectrogram, waveform
from seriatim.errors import UserError
from tiny_audio import RATE, noise, tone


@pytest.mark.parametrize("ending", ["wav", "flac"])
@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_written_is_read(tmp_path: Path, ending: str, channels: int) -> None:
    x = noise(0, 999, channels)
    path = tmp_path / "deep" / f"x.{ending}"
    save(x, path, 22050)
    back, rate = soundfile.read(path, dtype="int16")
    assert rate == 22050
    assert np.array_equal(back, x)
    assert np.array_equal(read_recording(path, 22050, channels)[0], x)


def test_what_loses_a_little(tmp_path: Path) -> None:
    x = (tone(440, 0.3) * 32768).astype(np.int16)
    save(x, tmp_path / "x.ogg", RATE)
    assert np.corrcoef(read_recording(tmp_path / "x.ogg", RATE, 1)[0], x)[0, 1] > 0.99


@pytest.mark.parametrize("codec", [Quantiser(RATE), Quantiser(RATE, 1, "linear", 100), Quantiser(RATE, 1, "pcm16")])
def test_symbols_survive_a_file(tmp_path: Path, codec: Quantiser) -> None:
    k = np.random.default_rng(0).integers(0, codec.levels, 500)
    save(codec.to_int16(k), tmp_path / "x.wav", RATE)
    assert np.array_equal(codec.encode(read_recording(tmp_path / "x.wav", RATE, 1)[0]), k)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_growing_file_can_be_read_at_any_moment(tmp_path: Path, channels: int) -> None:
    x, path = noise(0, 100, channels), tmp_path / "x.wav"
    writer = WavWriter(path, RATE, channels)
    assert len(soundfile.read(path)[0]) == 0
    for start in range(0, 100, 7):
        writer.write(x[start : start + 7])
        back, rate = soundfile.read(path, dtype="int16")
        assert rate == RATE
        assert np.array_equal(back, x[: start + 7])
        read_recording(path, RATE, channels)
    before = path.read_bytes()
    writer.close()
    assert path.read_bytes() == before, "closing adds nothing"


def test_a_crash_between_samples_and_header_loses_one_block(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "x.wav", RATE) as writer:
        writer.write(noise(0, 50))
    data = (tmp_path / "x.wav").read_bytes()
    for half in (data + pcm(noise(1, 9)), data + b"\1"):
        (tmp_path / "y.wav").write_bytes(half)
        assert np.array_equal(read_recording(tmp_path / "y.wav", RATE, 1)[0], noise(0, 50))


def test_the_file_is_closed_whatever_happens(tmp_path: Path) -> None:
    def write(file: WavWriter) -> None:
        with file:
            file.write(noise(0, 3))
            file.write(noise(0, 4, 2))

    writer = WavWriter(tmp_path / "x.wav", RATE)
    with pytest.raises(UserError, match=r"shape \(4, 2\); expected \(samples,\)"):
        write(writer)
    assert np.array_equal(read_recording(tmp_path / "x.wav", RATE, 1)[0], noise(0, 3))
    with pytest.raises(ValueError, match="closed"):
        writer.write(noise(0, 3))


def test_a_file_of_more_than_4_gib_is_refused(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "x.wav", RATE) as writer:
        writer.size = 2**32 - 1 - 44 - 100
        writer.write(noise(0, 50))
        with pytest.raises(UserError, match="at most 4 GiB"):
            writer.write(noise(0, 1))


def test_a_pipe(tmp_path: Path) -> None:
    pipe = io.BytesIO()
    pipe.write(wav_header(RATE, 2))
    pipe.write(pcm(noise(0, 30, 2)))
    (tmp_path / "x.wav").write_bytes(pipe.getvalue())
    assert np.array_equal(read_recording(tmp_path / "x.wav", RATE, 2)[0], noise(0, 30, 2))
    assert pcm(np.array([[1, -2], [256, 0]], np.int16)) == b"\1\0\xfe\xff\0\1\0\0"


@pytest.mark.parametrize(("name", "words"), [("x.mp3", "'.mp3' is not a supported"), ("x", "'' is not a supported")])
def test_other_endings(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        save(noise(0), tmp_path / name, RATE)


def test_what_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    for ending in ("wav", "flac", "ogg"):
        with pytest.raises(UserError, match="cannot be written"):
            save(noise(0), tmp_path / "x" / f"y.{ending}", RATE)
    with pytest.raises(UserError, match="put channels last"):
        save(noise(0, 9, 3), tmp_path / "y.wav", RATE)
    with pytest.raises(UserError, match="are not supported"):
        save(noise(0), tmp_path / "y.flac", 2_000_000)


def plot_of(sheet: np.ndarray) -> np.ndarray:
    return sheet[8:228, 56:956]


def test_a_waveform_shows_where_it_is_loud() -> None:
    x = np.concatenate([np.zeros(4000), tone(2000, 0.5, level=0.5)])
    plot = plot_of(waveform((x * 32767).astype(np.int16), RATE))
    inked = (plot != 255).any(-1)
    assert inked[:, 10:440].sum(0).max() == 1
    assert np.abs(inked[:, 460:890].sum(0) - 110).max() <= 2
    assert np.abs(np.flatnonzero(inked.any(1))[[0, -1]] - [55, 165]).max() <= 1
    assert waveform(noise(0, 300, 2), RATE).shape[0] == 2 * waveform(noise(0, 300), RATE).shape[0]
    for samples in (1, 2, 899, 901):
        assert waveform(noise(0, samples), RATE).shape == waveform(noise(0), RATE).shape


@pytest.mark.parametrize("hertz", [500, 1000, 3100])
def test_a_spectrogram_shows_the_frequency(hertz: int) -> None:
    x = (tone(hertz, 1.0) * 32767).astype(np.int16)
    found = levels(x, RATE, 50)[5:-5].argmax(1) * RATE / 200
    assert np.abs(found - hertz).max() <= 40
    plot = plot_of(spectrogram(x, RATE)).astype(int).sum(-1)[:, 100:-100]
    assert np.abs(plot.argmax(0) - (1 - hertz / 4000) * 219).max() <= 4


def test_brightness_grows_with_power() -> None:
    x = tone(1000, 1.0) * np.logspace(-3, 0, 8000)
    plot = plot_of(spectrogram((x * 32767).astype(np.int16), RATE)).astype(int).sum(-1)
    assert (np.diff(plot.max(0)[20:-20:40]) > 0).all()


def test_pictures_are_written(tmp_path: Path) -> None:
    for x in (noise(0, 1), noise(0, 30, 2), np.zeros(5, np.int16)):
        save_waveform(x, tmp_path / "w.png", RATE)
        save_spectrogram(x, tmp_path / "s.png", RATE)
        with Image.open(tmp_path / "w.png") as wave, Image.open(tmp_path / "s.png") as spectrum:
            assert wave.size == spectrum.size
    for draw in (save_waveform, save_spectrogram):
        with pytest.raises(UserError, match=r"shape \(0,\) cannot be drawn"):
            draw(noise(0, 0), tmp_path / "x.png", RATE)
