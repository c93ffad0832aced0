from __future__ import annotations

import io
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vision_cli.core.errors import InputError
from vision_cli.io.volumes.volumes import read_volume, write_volume


def test_archives_are_read_by_their_keys(tmp_path, values, grid):
    labels = np.arange(120).reshape(6, 5, 4)
    np.savez(tmp_path / "a.npz", vol=values, seg=labels)
    image = read_volume(tmp_path / "a.npz")
    np.testing.assert_array_equal(image.data, values)
    np.testing.assert_array_equal(image.vox2ras, np.eye(4))
    assert "1 mm" in image.notes[0]
    np.testing.assert_array_equal(read_volume(tmp_path / "a.npz", kind="labels").data, labels)
    np.savez(tmp_path / "b.npz", **{"any/thing": values}, vox2ras=grid("LIA"))
    np.testing.assert_array_equal(read_volume(tmp_path / "b.npz").vox2ras, grid("LIA"))
    np.savez(tmp_path / "c.npz", vol_data=values[..., :1], vox2ras=grid("LAS"))
    flat = read_volume(tmp_path / "c.npz")
    np.testing.assert_array_equal(flat.vox2ras, [[-1, 0, -20], [0, 1, 31], [0, 0, 1]])


def test_arrays_that_are_no_image_are_refused(tmp_path, values):
    for match, arrays in {
        "arrays a, b; vol or vol_data": {"a": values, "b": values},
        "arrays none": {},
        "array vol of type object": {"vol": np.array([{}], dtype=object)},
        "array vol of type complex128": {"vol": values.astype(complex)},
        r"vox2ras of shape \(3, 3\); \(4, 4\) expected": {"vol": values, "vox2ras": np.eye(3)},
        r"array of shape \(3,\)": {"vol": np.arange(3)},
    }.items():
        np.savez(tmp_path / "a.npz", **arrays)
        with pytest.raises(InputError, match=match):
            read_volume(tmp_path / "a.npz")


def test_a_header_that_claims_more_than_memory_or_file_is_refused_before_reading(tmp_path):
    for size, match in ((30000, "claims"), (500, "cut short, 228 bytes; 500000000 bytes")):
        header = io.BytesIO()
        shape = {"descr": "<f4", "fortran_order": False, "shape": (size, size, size)}
        np.lib.format.write_array_header_1_0(header, shape)
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("vol.npy", header.getvalue() + bytes(100))
        with pytest.raises(InputError, match=match):
            read_volume(tmp_path / "a.npz")


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0, 1), st.integers(1, 255))
def test_whatever_byte_is_wrong_the_values_are_right_or_refused(tmp_path, values, place, flip):
    path = tmp_path / "a.npz"
    write_volume(path, values, np.eye(4))
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= flip
    path.write_bytes(content)
    with suppress(InputError):
        np.testing.assert_array_equal(read_volume(path).data, values)
