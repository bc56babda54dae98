"""Pictures of audio: waveform and spectrogram, with axes.

Drawn with Pillow, since they are written at every evaluation and must not need the optional matplotlib.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from seriatim.data.arrays import Int16
from seriatim.drawing.sheets import save
from seriatim.errors import UserError

_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 8, 22  # pixels around the plot, for the axes
_WIDTH, _HEIGHT = 900, 220
_WINDOW = 0.025  # seconds per column of a spectrogram
_RANGE = 80.0  # decibels below the loudest that are distinguished
_PAPER, _INK, _LINE, _WAVE = (255, 255, 255), (60, 60, 60), (225, 225, 225), (38, 84, 140)
_HEAT = np.array(
    [(0, 0, 0), (40, 12, 84), (112, 20, 100), (184, 44, 72), (236, 104, 32), (250, 188, 60), (255, 255, 216)]
)
"""Colours of equal steps in decibels, from silence to the loudest, increasingly light."""


def waveform(x: Int16, rate: int) -> NDArray[np.uint8]:
    """(H, W, 3): the lowest and highest sample of each pixel column, one plot per channel."""
    tracks = _tracks(x)
    sheets: list[NDArray[np.uint8]] = []
    for samples in tracks:
        cuts = np.linspace(0, len(samples), _WIDTH + 1).astype(np.int64)[:-1].clip(0, len(samples) - 1)
        after = samples[np.append(cuts[1:], len(samples) - 1)]  # the line continues to the next column
        low = np.minimum(np.minimum.reduceat(samples, cuts), after)
        high = np.maximum(np.maximum.reduceat(samples, cuts), after)
        rows = (32767 - np.arange(_HEIGHT) * (65535 / (_HEIGHT - 1)))[:, None]
        step = 65535 / (_HEIGHT - 1) / 2
        inked = (rows <= high + step) & (rows > low - step)
        plot = np.where(inked[..., None], np.array(_WAVE, np.uint8), np.array(_PAPER, np.uint8))
        sheets.append(_framed(plot, len(samples) / rate, [(0.0, "1"), (0.5, "0"), (1.0, "-1")]))
    return np.concatenate(sheets)


def spectrogram(x: Int16, rate: int) -> NDArray[np.uint8]:
    """(H, W, 3): power by frequency, down to 80 dB below the maximum, in Hann windows of 25 ms.

    There is one window per pixel column, at its centre, so that a long recording is subsampled.
    """
    sheets: list[NDArray[np.uint8]] = []
    for samples in _tracks(x):
        decibels = levels(samples, rate, _WIDTH)
        scaled = ((decibels - decibels.max()) / _RANGE + 1).clip(0, 1) * (len(_HEAT) - 1)
        at = np.linspace(scaled.shape[1] - 1, 0, _HEIGHT)  # the highest frequency on top
        below, on = np.floor(at).astype(np.int64), at % 1
        tall = scaled[:, below] * (1 - on) + scaled[:, np.minimum(below + 1, scaled.shape[1] - 1)] * on
        steps = np.arange(len(_HEAT))
        plot = np.stack([np.interp(tall.T, steps, _HEAT[:, c]) for c in range(3)], -1).astype(np.uint8)
        ticks = [(1 - share, f"{rate / 2000 * share:.3g} kHz") for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
        sheets.append(_framed(plot, len(samples) / rate, ticks))
    return np.concatenate(sheets)


def levels(x: Int16, rate: int, columns: int) -> NDArray[np.float64]:
    """(columns, F) power in decibels in windows of 25 ms, evenly spaced over samples (T,)."""
    width = max(16, 2 * round(_WINDOW * rate / 2))
    centres = ((np.arange(columns) + 0.5) * len(x) / columns).astype(np.int64)
    frames = np.pad(x, width // 2)[centres[:, None] + np.arange(width)] / 32768
    hann = np.sin(np.pi * (np.arange(width) + 0.5) / width) ** 2
    power = np.abs(np.fft.rfft(frames * hann)) ** 2
    return 10 * np.log10(power + 1e-10)


def save_waveform(x: Int16, path: Path, rate: int) -> None:
    """Save `waveform` as a picture; the suffix determines the format."""
    save(waveform(x, rate), path)


def save_spectrogram(x: Int16, path: Path, rate: int) -> None:
    """Save `spectrogram` as a picture; the suffix determines the format."""
    save(spectrogram(x, rate), path)


def _tracks(x: Int16) -> list[Int16]:
    if not len(x) or x.ndim > 2:
        raise UserError(f"audio of shape {x.shape} cannot be drawn; give (samples,) or (samples, 2), not empty")
    return [x] if x.ndim == 1 else list(x.T)


def _framed(plot: NDArray[np.uint8], seconds: float, ticks: list[tuple[float, str]]) -> NDArray[np.uint8]:
    """A plot with a time axis below and `ticks` (fraction from the top, label) on the left."""
    height, width = plot.shape[:2]
    sheet = Image.new("RGB", (_LEFT + width + _RIGHT, _TOP + height + _BOTTOM), _PAPER)
    sheet.paste(Image.fromarray(plot), (_LEFT, _TOP))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default()
    draw.rectangle((_LEFT - 1, _TOP - 1, _LEFT + width, _TOP + height), outline=_LINE)
    for down, word in ticks:
        y = _TOP + down * (height - 1)
        draw.line((_LEFT - 4, y, _LEFT - 1, y), fill=_INK)
        draw.text((_LEFT - 7, y), word, fill=_INK, font=font, anchor="rm")
    step = _step(seconds)
    for i in range(int(seconds / step) + 1):
        across = _LEFT + i * step / seconds * (width - 1)
        draw.line((across, _TOP + height, across, _TOP + height + 3), fill=_INK)
        draw.text((across, _TOP + height + 5), f"{i * step:.6g} s", fill=_INK, font=font, anchor="mt")
    return np.asarray(sheet)


def _step(seconds: float) -> float:
    """A round tick spacing in seconds (1, 2 or 5 times a power of ten) for 4 to 10 ticks."""
    power = 10.0 ** np.floor(np.log10(seconds / 4))
    return float(max(times * power for times in (1, 2, 5) if times * power <= seconds / 4))
