"""Arrays of an archive: their headers say what they take before they are read."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import InputTooLarge
from vision_cli.io import limits
from vision_cli.io.arrays import npy_header, npz_headers, read_arrays


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_read_as_their_headers_say(tmp_path, save):
    path = tmp_path / "a.npz"
    arrays = {"image": np.arange(12, dtype=np.int16).reshape(3, 4), "empty": np.empty((0, 2))}
    save(path, **arrays)
    headers = npz_headers(path)
    assert {name: (one.shape, one.dtype, one.nbytes) for name, one in headers.items()} == {
        "image": ((3, 4), np.int16, 24),
        "empty": ((0, 2), np.float64, 0),
    }
    for name, array in read_arrays(path, headers).items():
        np.testing.assert_array_equal(array, arrays[name])


def test_the_header_of_a_file_is_read_from_its_first_bytes(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((2, 5), np.float32))
    assert npy_header(path.read_bytes()[:128]) == ((2, 5), np.float32)


def test_objects_are_never_loaded(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, objects=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="array objects is a pickle of objects"):
        read_arrays(path, npz_headers(path))


def test_arrays_beyond_the_memory_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    np.savez(path, values=np.zeros(1000))
    monkeypatch.setattr(limits, "available_memory", lambda: 4000)
    with pytest.raises(InputTooLarge, match="1 arrays"):
        read_arrays(path, npz_headers(path))
