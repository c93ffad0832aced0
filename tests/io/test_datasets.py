"""Data sets of HDF5 and MATLAB files: read as they are stored, refused before they take memory."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from vision_cli.core.errors import InputError, InputTooLarge
from vision_cli.io import limits
from vision_cli.io.datasets import hdf5_array, require_hdf5_room, require_mat_room

VALUES = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("folder/values", data=VALUES, compression="gzip")
        file.create_dataset("text", data="words")
        file.create_dataset("unwritten", shape=(1000,), dtype="f8", chunks=(10,))
    return tmp_path / "a.h5"


def test_values_are_read_as_they_are_stored(path):
    require_hdf5_room(path)
    with h5py.File(path) as file:
        np.testing.assert_array_equal(hdf5_array(path, file["folder/values"]), VALUES)


@pytest.mark.parametrize("name", ["text", "folder"])
def test_what_is_not_an_array_of_numbers_is_refused(path, name):
    with h5py.File(path) as file, pytest.raises(InputError, match=f"/{name} holds no array of numbers"):
        hdf5_array(path, file[name])


@pytest.mark.parametrize(("name", "error"), [("unwritten", InputError), ("folder/values", InputTooLarge)])
def test_values_beyond_the_memory_are_refused(path, monkeypatch, name, error):
    monkeypatch.setattr(limits, "available_memory", lambda: 300)
    with h5py.File(path) as file, pytest.raises(error, match="claims"):
        hdf5_array(path, file[name])


def test_a_packed_matlab_file_is_counted(tmp_path, monkeypatch):
    path = tmp_path / "a.mat"
    savemat(path, {"values": np.zeros(100_000)}, do_compression=True)
    require_mat_room(path)
    monkeypatch.setattr(limits, "available_memory", lambda: 1_000_000)
    with pytest.raises(InputTooLarge, match="unpacks to"):
        require_mat_room(path)


def test_a_damaged_matlab_file_is_refused_and_another_file_passes(tmp_path):
    path = tmp_path / "a.mat"
    savemat(path, {"values": np.zeros(1000)}, do_compression=True)
    content = bytearray(path.read_bytes())
    content[136:150] = bytes(14)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged packed data"):
        require_mat_room(path)
    path.write_bytes(b"words" * 100)
    require_mat_room(path)
