"""The working grid follows spacing, preset and memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.core.errors import ResourceError
from vision_cli.register.optimisation.images import Image
from vision_cli.register.pipeline.resolution import work_grid
from vision_cli.register.transforms.fields import Grid

PLENTY = 1e11


@pytest.fixture
def ball():
    """A bright ball of 40 mm diameter in a box of 64 x 64 x 32 voxels of 1 x 1 x 2 mm."""
    shape, spacing = (64, 64, 32), np.array([1.0, 1.0, 2.0])
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    distance = np.linalg.norm((index - (np.array(shape) - 1) / 2) * spacing, axis=-1)
    return Image(torch.tensor(distance < 20).float(), Grid(shape, np.diag([*spacing, 1.0])))


def test_the_grid_is_a_box_around_the_foreground_at_the_spacing_of_the_image(ball):
    grid, notes = work_grid(ball, spacing=None, halved=False, max_memory=PLENTY)
    np.testing.assert_allclose(grid.spacing, [1, 1, 2])
    assert all(20 <= size <= 23 for size in np.array(grid.shape) * grid.spacing / 2)
    assert notes == ()


def test_the_fast_preset_halves_the_resolution_and_leaves_thick_slices(ball):
    grid, _ = work_grid(ball, spacing=None, halved=True, max_memory=PLENTY)
    np.testing.assert_allclose(grid.spacing, 2, rtol=0.05)


def test_a_requested_spacing_is_used(ball):
    grid, _ = work_grid(ball, spacing=4.0, halved=True, max_memory=PLENTY)
    np.testing.assert_allclose(grid.spacing, 4, rtol=0.1)


def test_a_memory_limit_makes_the_grid_coarser_with_a_note(ball):
    free, _ = work_grid(ball, spacing=None, halved=False, max_memory=PLENTY)
    limited, notes = work_grid(ball, spacing=None, halved=False, max_memory=7.655e8)
    assert np.prod(limited.shape) < np.prod(free.shape)
    assert "to stay within memory" in notes[0]


def test_a_memory_limit_below_every_grid_is_refused(ball):
    with pytest.raises(ResourceError, match=r"--max-memory: 0\.50 GB found"):
        work_grid(ball, spacing=None, halved=False, max_memory=5e8)


def test_the_grid_does_not_depend_on_the_memory_that_is_free(ball, monkeypatch):
    grids = []
    for free in (1e11, 9e8):
        monkeypatch.setattr("vision_cli.register.pipeline.resolution.available_memory", lambda free=free: free)
        grids.append(work_grid(ball, spacing=None, halved=False, max_memory=None)[0])
    assert grids[0].shape == grids[1].shape


@pytest.mark.parametrize(("free", "hint"), [(7.66e8, "--max-memory 0.76"), (1e8, "Free memory.")])
def test_too_little_free_memory_is_refused_without_naming_an_option_that_was_not_given(ball, monkeypatch, free, hint):
    monkeypatch.setattr("vision_cli.register.pipeline.resolution.available_memory", lambda: free)
    with pytest.raises(
        ResourceError, match=r"^memory: 0\.\d+ GB free found; about 0\.\d+ GB expected at 1\.00 mm"
    ) as refused:
        work_grid(ball, spacing=None, halved=False, max_memory=None)
    assert hint in refused.value.hint
