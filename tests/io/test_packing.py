from __future__ import annotations

import gzip
import zlib

import h5py
import numpy as np
import pytest

from vision_cli.io import packing

CONTENTS = [b"", b"x", bytes(range(256)) * 5000]


@pytest.mark.parametrize("content", CONTENTS)
def test_gzip_reads_what_is_packed(content):
    assert gzip.decompress(packing.pack(content)) == content


@pytest.mark.parametrize("content", CONTENTS)
def test_the_same_content_gives_the_same_bytes_without_name_and_time(content):
    packed = packing.pack(content)
    assert packed == packing.pack(content)
    flags, time = packed[3], packed[4:8]
    assert flags == 0
    assert time == bytes(4)


@pytest.mark.parametrize("content", CONTENTS)
def test_the_size_is_counted_without_the_content(tmp_path, content):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(content) + gzip.compress(b"second member"))
    assert packing.unpacked_size(path) == len(content) + 13


def damaged_checksum(packed):
    return packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]


DAMAGES = {
    "end cut off": lambda packed: packed[:-20],
    "half cut off": lambda packed: packed[: len(packed) // 2],
    "wrong checksum": damaged_checksum,
    "not packed": lambda _packed: b"plain text, not packed at all",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_not_counted(tmp_path, damage):
    path = tmp_path / "x.gz"
    path.write_bytes(damage(gzip.compress(zlib.compress(bytes(range(256)) * 40))))
    with pytest.raises(Exception, match=r".+"):
        packing.unpacked_size(path)


def test_hdf5_reads_a_packed_chunk(tmp_path):
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    with h5py.File(tmp_path / "f.h5", "w") as file:
        stored = file.create_dataset("a", values.shape, values.dtype, chunks=(500,), compression=1, shuffle=True)
        for start in (0, 500):
            stored.id.write_direct_chunk((start,), packing.pack_chunk(values[start : start + 500]))
    with h5py.File(tmp_path / "f.h5") as file:
        assert np.array_equal(file["a"][()], values)
