"""One file of sound, read: every kind of sample, rate and number of channels, and every way of being damaged."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from seriatim.audio.data import recording as sound
from seriatim.audio.data import waves
from seriatim.audio.data.opening import read_recording
from seriatim.audio.data.recording import read_header, read_samples
from seriatim.audio.data.waves import Report
from seriatim.audio.options import AudioOptions, Form
from seriatim.errors import UserError
from tiny_audio import RATE, noise, save, tone

MONO = Form(RATE, 1)


def read(path: Path, form: Form = MONO) -> tuple[Any, Report]:
    report = Report()
    return read_samples(path, path.name, form, report), report


def refused(path: Path, form: Form = MONO) -> str:
    with pytest.raises(UserError) as caught:
        read_samples(path, path.name, form, Report())
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    assert ": " in message  # … and what to do
    return message


@pytest.mark.parametrize("ending", ["wav", "flac", "aiff"])
@pytest.mark.parametrize("channels", [1, 2])
def test_sixteen_bits_are_read_bit_for_bit(tmp_path: Path, ending: str, channels: int) -> None:
    x = np.arange(-32768, 32768).astype(np.int16).reshape(-1, channels)
    path = save(tmp_path / f"x.{ending}", x)
    read_back, report = read(path, Form(RATE, channels))
    assert read_back.dtype == np.int16
    assert np.array_equal(read_back, x[:, 0] if channels == 1 else x)
    assert report.sentences(1) == []
    assert read_header(path, "x") == (65536 // channels, RATE, channels)


def test_it_does_not_matter_in_which_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "x.flac", noise(0, 5000, 2), 11025)
    for form in (MONO, Form(RATE, 2), Form(RATE, 1, 0.1), Form(11025, 1, None, 30, True)):
        whole, _ = read(path, form)
        for block in (1 << 4, 700):
            monkeypatch.setattr(sound, "_BLOCK", block)
            assert np.array_equal(read(path, form)[0], whole)
        monkeypatch.undo()


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_other_kinds_of_samples(tmp_path: Path, subtype: str) -> None:
    x = noise(0)
    read_back, report = read(save(tmp_path / "x.wav", x / 32768, subtype=subtype))
    assert np.abs(read_back.astype(int) - x).max() <= (256 if subtype == "PCM_U8" else 1)
    words = "had more than 16 bits and are reduced to 16"
    assert (words in report.remarks) == (subtype != "PCM_U8")


@pytest.mark.parametrize("ending", ["ogg", "opus"])
def test_what_loses_a_little(tmp_path: Path, ending: str) -> None:
    x = tone(440, 0.5)
    options: dict[str, Any] = {"format": "OGG", "subtype": "OPUS"} if ending == "opus" else {}
    read_back, _ = read(save(tmp_path / f"x.{ending}", x, **options))
    assert len(read_back) == len(x)
    assert np.corrcoef(read_back[1000:3000], x[1000:3000])[0, 1] > 0.99


def test_channels(tmp_path: Path) -> None:
    stereo = save(tmp_path / "two.wav", np.array([[100, 200], [-3, 4], [1, 2]], np.int16))
    mixed, report = read(stereo)
    assert mixed.tolist() == [150, 0, 2]  # ½ and 1½ to the even one
    assert report.remarks["had 2 channels and are mixed to mono"] == 1
    mono = save(tmp_path / "one.wav", noise(0, 5))
    both, report = read(mono, Form(RATE, 2))
    assert np.array_equal(both, np.stack([noise(0, 5)] * 2, 1))
    assert report.remarks["had one channel, used as left and right"] == 1
    eight = save(tmp_path / "eight.wav", noise(0, 9, 8))
    mixed, report = read(eight)
    assert np.array_equal(mixed, np.rint(noise(0, 9, 8).astype(np.float32).mean(1)))
    assert report.remarks["had 8 channels and are mixed to mono"] == 1
    assert "8 channels, without a known left and right" in refused(eight, Form(RATE, 2))


@pytest.mark.parametrize(("rate", "wanted"), [(44100, 8000), (8000, 44100), (48000, 44100), (8000, 16000)])
def test_another_rate(tmp_path: Path, rate: int, wanted: int) -> None:
    path = save(tmp_path / "x.wav", tone(1000, 0.5, rate), rate, subtype="FLOAT")
    x, report = read(path, Form(wanted, 1))
    assert abs(len(x) - 0.5 * wanted) <= 1
    inner = slice(len(x) // 4, -len(x) // 4)
    clean = np.rint(tone(1000, 0.5, wanted)[: len(x)] * 32768)
    assert np.abs(x[inner] - clean[inner]).max() <= 2
    once = soxr.resample(tone(1000, 0.5, rate).astype(np.float32), rate, wanted, quality="VHQ")
    assert np.array_equal(x, np.rint(once * 32768))
    assert report.remarks[f"had {rate} Hz and are resampled"] == 1


def test_what_is_too_high_for_the_rate_is_gone(tmp_path: Path) -> None:
    path = save(tmp_path / "x.wav", tone(6000, 0.5, 44100), 44100)
    assert np.abs(read(path)[0][500:-500]).max() <= 3


def test_what_is_beyond_full_scale_is_told(tmp_path: Path) -> None:
    path = save(tmp_path / "x.wav", np.array([0.5, 1.0, -1.0, 1.5, -7]), subtype="FLOAT")
    x, report = read(path)
    assert x.tolist() == [16384, 32767, -32768, 32767, -32768]
    assert report.clipped == 2
    assert "1 of 1 recordings exceed full scale and are clipped. 2 samples are clipped." in " ".join(
        report.sentences(1)[:1] + report.sentences(1)[2:]
    )
    scaled, report = read(path, Form(RATE, 1, normalise=True))
    assert report.clipped == 0
    assert scaled.min() == -32767
    assert abs(scaled[0] - 16384 / 7) <= 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(tmp_path: Path, value: float) -> None:
    path = save(tmp_path / "x.wav", np.array([0.5, value, 0]), subtype="FLOAT")
    assert "values that are not finite" in refused(path)
    assert "values that are not finite" in refused(save(tmp_path / "d.wav", np.array([0.5, 1e300]), subtype="DOUBLE"))


def test_none_and_one_sample(tmp_path: Path) -> None:
    for ending in ("wav", "ogg"):
        for form in (MONO, Form(16000, 2), Form(RATE, 1, None, 40, True)):
            x, _ = read(save(tmp_path / f"none.{ending}", noise(0, 0)), form)
            assert x.shape == ((0,) if form.channels == 1 else (0, 2))
    for ending in ("wav", "flac"):
        path = save(tmp_path / f"one.{ending}", np.array([123], np.int16))
        assert read(path)[0].tolist() == [123]
        assert read(path, Form(RATE, 1, None, 40))[0].tolist() == [123]
        assert read(path, Form(RATE, 1, None, 40, True))[0].tolist() == [32767]
    with pytest.raises(UserError, match="the recording is empty"):
        read_recording(save(tmp_path / "none.wav", noise(0, 0)), RATE, 1)


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "opus", "aiff"])
def test_a_file_that_is_cut_short(tmp_path: Path, ending: str) -> None:
    options: dict[str, Any] = {"format": "OGG", "subtype": "OPUS"} if ending == "opus" else {}
    data = save(tmp_path / f"x.{ending}", noise(0, 20000), **options).read_bytes()
    path = tmp_path / f"cut.{ending}"
    for size in (0, 1, 10, 30, len(data) // 2, len(data) - 100):
        path.write_bytes(data[:size])
        refused(path)


@pytest.mark.parametrize("ending", ["flac", "opus", "wav"])
def test_a_file_that_is_damaged(tmp_path: Path, ending: str) -> None:
    options: dict[str, Any] = {"format": "OGG", "subtype": "OPUS"} if ending == "opus" else {}
    data = bytearray(save(tmp_path / f"x.{ending}", noise(0, 20000), **options).read_bytes())
    at = 8 if ending == "wav" else len(data) // 2
    data[at : at + 200] = bytes(200)
    path = tmp_path / f"bad.{ending}"
    path.write_bytes(data)
    refused(path)


def test_a_pipe_cannot_know_its_length(tmp_path: Path) -> None:
    data = bytearray(save(tmp_path / "x.wav", noise(0)).read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "y.wav").write_bytes(data)
    assert np.array_equal(read(tmp_path / "y.wav")[0], noise(0))


def test_what_is_no_sound(tmp_path: Path) -> None:
    text = tmp_path / "text.wav"
    text.write_text("The quick brown fox " * 50)
    assert "not readable as audio" in refused(text)
    assert "no such recording" in refused(tmp_path / "none.wav")
    (tmp_path / "folder.wav").mkdir()
    assert "not a file; expected audio" in refused(tmp_path / "folder.wav")
    odd = save(tmp_path / "odd.wav", noise(0), format="AU")
    assert "audio format AU" in refused(odd)
    empty = tmp_path / "empty.wav"
    empty.touch()
    assert "an empty file" in refused(empty)


def test_bytes_are_read_as_files_are(tmp_path: Path) -> None:
    for ending in ("wav", "ogg", "flac"):
        path = save(tmp_path / f"x.{ending}", noise(0, 3000))
        assert np.array_equal(read_samples(path.read_bytes(), "x", MONO, Report()), read(path)[0])


def test_only_as_much_as_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "x.wav", noise(0, 4000, 2), 16000)
    read_frames = soundfile.SoundFile.read
    seen = 0

    def counting(self: soundfile.SoundFile, count: int, **options: Any) -> Any:
        nonlocal seen
        seen += count
        return read_frames(self, count, **options)

    monkeypatch.setattr(soundfile.SoundFile, "read", counting)
    x, report = read(path, Form(16000, 2, 0.1))
    assert np.array_equal(x, noise(0, 4000, 2)[:1600])
    assert seen == 1600
    assert report.remarks["are longer, and only their first 0.1 s are read"] == 1
    assert len(read(path, Form(16000, 2, 99))[0]) == 4000
    assert read(path, Form(16000, 2, 1e-9))[0].shape == (1, 2)


def test_what_is_too_long_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "x.wav", noise(0, 4000))
    monkeypatch.setattr(waves, "MOST", 2 * 3999)
    monkeypatch.setattr(soundfile.SoundFile, "read", None)
    assert "takes 0.0 GiB of memory" in refused(path)
    monkeypatch.undo()
    monkeypatch.setattr(waves, "MOST", 2 * 3999)
    assert len(read(path, Form(RATE, 1, 0.4))[0]) == 3200
    assert "--audio.seconds" in refused(path, Form(16000, 1, 0.4))


def test_trimming(tmp_path: Path) -> None:
    loud = (tone(400, 0.2) * 32768).astype(np.int16)
    quiet = (noise(0, 800) // 20000).astype(np.int16)
    x = np.concatenate([quiet, loud, quiet, loud, quiet, quiet])
    path = save(tmp_path / "x.wav", x)
    assert np.array_equal(read(path)[0], x)
    kept, report = read(path, Form(RATE, 1, None, 40))
    assert np.array_equal(kept, x[800:-1600])  # what is quiet in the middle stays
    assert (report.touched, round(report.trimmed, 6)) == (1, 0.3)
    assert report.sentences(2) == ["0.3 s of silence are trimmed from 1 of 2 recordings."]
    whole, report = read(path, Form(RATE, 1, None, 120))
    assert np.array_equal(whole, x)
    assert report.touched == 0
    both, _ = read(save(tmp_path / "two.wav", np.stack([x, x * 0], 1)), Form(RATE, 2, None, 40))
    assert np.array_equal(both[:, 0], kept)


def test_silence_is_kept_whole_and_told(tmp_path: Path) -> None:
    path = save(tmp_path / "x.wav", np.zeros(500, np.int16))
    x, report = read(path, Form(RATE, 1, None, 40, True))
    assert x.tolist() == [0] * 500
    assert report.sentences(1) == [
        "1 of 1 recordings are silent and cannot be scaled.",
        "1 of 1 recordings are silent and not trimmed.",
    ]


def test_one_file_for_a_prompt(tmp_path: Path) -> None:
    path = save(tmp_path / "x.flac", noise(0, 400, 2))
    x, note = read_recording(path, RATE, 1)
    assert x.shape == (400,)
    assert note == "1 of 1 recordings had 2 channels and are mixed to mono."
    assert len(read_recording(path, 16000, 2, AudioOptions(seconds=0.01))[0]) == 160


def test_a_flac_that_does_not_say_its_length(tmp_path: Path) -> None:
    data = bytearray(save(tmp_path / "x.flac", noise(0)).read_bytes())
    data[21] &= 0xF0  # the 36 bits that count the samples
    data[22:26] = bytes(4)
    (tmp_path / "y.flac").write_bytes(data)
    assert "its length is unknown" in refused(tmp_path / "y.flac")


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "aiff"])
def test_whatever_is_damaged_is_read_or_refused_in_one_line(tmp_path: Path, ending: str) -> None:
    data = save(tmp_path / f"x.{ending}", noise(0, 2000)).read_bytes()
    random = np.random.default_rng(0)
    path = tmp_path / f"y.{ending}"
    messages: list[str] = []
    for _ in range(60):
        changed = np.frombuffer(data, np.uint8).copy()
        places = random.integers(0, min(len(data), int(random.choice([60, 10**6]))), random.integers(1, 6))
        changed[places] = random.choice(np.array([0, 1, 127, 255, random.integers(256)]), len(places))
        path.write_bytes(changed.tobytes()[: None if random.random() < 0.8 else int(random.integers(len(data)))])
        try:
            x, _ = read(path, Form(16000, 1, 0.2, 40, True))
        except UserError as error:
            messages.append(str(error))
        else:
            assert x.dtype == np.int16
            assert x.ndim == 1
    assert messages
    assert "\n" not in "".join(messages)


def test_channels_that_cancel_out_are_told(tmp_path: Path) -> None:
    x = tone(440, 0.1)
    for name, right, told in (
        ("against", -x, 1),
        ("nearly", -0.99 * x, 1),
        ("partly", -0.9 * x, 0),
        ("alone", 0 * x, 0),
    ):
        _, report = read(save(tmp_path / f"{name}.wav", np.stack([x, right], 1)))
        assert report.remarks["nearly cancel out when mixed to mono: give --audio.channels stereo"] == told, name
    _, report = read(save(tmp_path / "silence.wav", np.zeros((800, 2), np.int16)))
    assert report.sentences(1) == ["1 of 1 recordings had 2 channels and are mixed to mono."]


def test_mp3(tmp_path: Path) -> None:
    x = tone(440, 0.5, level=0.4)
    path = save(tmp_path / "x.mp3", np.stack([x, x], 1), format="MP3")
    read_back, report = read(path)
    assert report.sentences(1) == ["1 of 1 recordings had 2 channels and are mixed to mono."]
    assert abs(len(read_back) - len(x)) < 2400  # padded to whole frames, and by the encoder
    spectrum = np.abs(np.fft.rfft(read_back / 32768.0))
    assert np.fft.rfftfreq(len(read_back), 1 / RATE)[int(spectrum.argmax())] == pytest.approx(440, abs=4)
    path.write_bytes(path.read_bytes()[:5] + b"\0" * 4000)
    assert "not readable as audio" in refused(path)


def test_a_rate_that_cannot_be_meant_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    path = save(tmp_path / "slow.wav", noise(0, 1000), 1)  # 1.5 GB at the highest rate
    tracemalloc.start()
    said = refused(path, Form(768_000, 1))
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    assert "1 Hz, but 768000 Hz are asked for, 768,000 times as many samples; expected at most 256 times" in said


def test_a_block_stays_small_when_it_is_resampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, longest = save(tmp_path / "x.wav", noise(0, 4000), 100), 0
    whole, _ = read(path, Form(20_000, 1))
    monkeypatch.setattr(sound, "_BLOCK", 1 << 12)
    for block in sound._blocks(path, "x", Form(20_000, 1), Report()):
        longest = max(longest, len(block))
    assert longest < 200_000  # what soxr holds itself, of 800,000 in all
    assert np.array_equal(read(path, Form(20_000, 1))[0], whole)
