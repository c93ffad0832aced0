"""Arrays and batches of images in their file formats."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.kan_fit.images.formats import as_pixels, read_cifar_binary, read_idx

PATH = Path("d.npz")


@pytest.mark.parametrize("scale", [1, 255])
def test_real_numbers_become_bytes(scale):
    values = np.linspace(0, scale, 12).reshape(3, 2, 2)
    assert as_pixels(PATH, "x", values).ravel().tolist() == np.rint(np.linspace(0, 255, 12)).tolist()


def test_channels_first_become_channels_last():
    values = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)
    assert np.array_equal(as_pixels(PATH, "x", values), values.transpose(0, 2, 3, 1))


def test_a_binary_batch_must_be_whole_records(tmp_path):
    (tmp_path / "b.bin").write_bytes(bytes([7]) + bytes(3072))
    stored = read_cifar_binary(tmp_path / "b.bin", 1)
    assert (stored.pixels.shape, stored.labels.tolist()) == ((1, 32, 32, 3), [7])
    with pytest.raises(InputError, match="3073 bytes found; a multiple of 3074 expected"):
        read_cifar_binary(tmp_path / "b.bin", 2)


def test_labels_are_not_taken_for_images(tmp_path):
    (tmp_path / "labels").write_bytes(struct.pack(">HBBI", 0, 8, 1, 2) + b"ab")
    assert read_idx(tmp_path / "labels", (1,)).tolist() == [97, 98]
    with pytest.raises(InputError, match="magic 0x00000801 found; 0x00000803 or 0x00000804 expected"):
        read_idx(tmp_path / "labels", (3, 4))
