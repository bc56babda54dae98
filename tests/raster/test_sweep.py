"""The recurrence over rows and diagonals: its gradient, its order, half precision."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seriatim.raster.sweep import Line, diagonals, rows, sweep

SIZES = pytest.mark.parametrize(("height", "width"), [(3, 4), (4, 2), (1, 3), (3, 1), (1, 1)])
KINDS = pytest.mark.parametrize(
    ("lines", "directions", "taps"),
    [(rows, 1, 3), (rows, 1, 5), (diagonals, 2, 2)],
    ids=["rows", "rows-5", "diagonals"],
)


def inputs(
    height: int, width: int, directions: int, taps: int, batch: int = 2, h: int = 2
) -> tuple[list[Tensor], Tensor]:
    torch.manual_seed(0)
    maps = [torch.randn(batch, height * width, 4 * h, requires_grad=True) for _ in range(directions)]
    return maps, torch.randn(directions, taps * h, 4 * h, requires_grad=True)


def one_by_one(maps: list[Tensor], weight: Tensor, lines: list[Line]) -> Tensor:
    """The same, cell by cell, as the paper's equations read."""
    h, taps = weight.shape[2] // 4, weight.shape[1] * 4 // weight.shape[2]
    result = torch.zeros(len(maps), *maps[0].shape[:2], h)
    for d, x in enumerate(maps):
        hidden: dict[int, Tensor] = {}
        cells: dict[int, Tensor] = {}
        nothing = torch.zeros(x.shape[0], h)
        for first, last, pixels in lines:
            before = dict(hidden)
            for number, pixel in zip(range(first, last), range(x.shape[1])[pixels[d]], strict=True):
                near = [before.get(number - taps // 2 + t, nothing) for t in range(taps)]
                gates = x[:, pixel] + torch.cat(near, -1) @ weight[d]
                o, f, i = gates[:, : 3 * h].sigmoid().chunk(3, -1)
                cells[number] = f * cells.get(number, nothing) + i * gates[:, 3 * h :].tanh()
                hidden[number] = result[d, :, pixel] = o * cells[number].tanh()
    return result


@SIZES
@KINDS
@pytest.mark.usefixtures("float64")
def test_every_line_is_its_cells_one_by_one(height, width, lines, directions, taps) -> None:
    maps, weight = inputs(height, width, directions, taps)
    with torch.no_grad():
        expected = one_by_one(maps, weight, lines(height, width))
        torch.testing.assert_close(sweep(maps, weight, lines(height, width)), expected)


@SIZES
@KINDS
@pytest.mark.usefixtures("float64")
def test_the_gradient_is_that_of_small_differences(height, width, lines, directions, taps) -> None:
    maps, weight = inputs(height, width, directions, taps, batch=1, h=1)
    where = lines(height, width)
    assert torch.autograd.gradcheck(lambda weight, *maps: sweep(maps, weight, where), (weight, *maps))


@pytest.mark.parametrize(("height", "width"), [(3, 4), (4, 2), (1, 3), (3, 1), (1, 1)])
def test_diagonals_pass_every_pixel_once_and_behind_what_it_reads(height: int, width: int) -> None:
    for d, mirrored in enumerate((False, True)):
        time = {}
        for t, (first, last, pixels) in enumerate(diagonals(height, width)):
            for row, pixel in zip(range(first, last), range(height * width)[pixels[d]], strict=True):
                assert pixel // width == row
                time[pixel] = t
        assert sorted(time) == list(range(height * width))
        for pixel, t in time.items():
            row, column = divmod(pixel, width)
            beside = column + 1 if mirrored else column - 1
            assert row == 0 or time[pixel - width] == t - 1
            assert not 0 <= beside < width or time[row * width + beside] == t - 1


def test_in_half_precision_states_stay_whole() -> None:
    maps, weight = inputs(3, 4, 2, 2)
    half = [m.bfloat16() for m in maps]
    with torch.autocast("cpu", torch.bfloat16):
        y = sweep(half, weight, diagonals(3, 4))
    assert y.dtype == torch.float32
    torch.testing.assert_close(y, sweep([m.float() for m in half], weight, diagonals(3, 4)))
    y.sum().backward()
    assert all(m.grad is not None and m.grad.dtype == torch.float32 for m in maps)
