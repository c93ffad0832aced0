from __future__ import annotations

import struct

import pytest

from vision_cli.io.volumes import itk_hdf5 as hdf5


def old_file(path, length):
    """Write the start of a file with a superblock of version 0, as long as asked for."""
    superblock = b"\x89HDF\r\n\x1a\n" + bytes(16) + struct.pack("<3Q", 0, 0, 96)
    path.write_bytes(superblock + bytes(length - len(superblock)))


@pytest.mark.parametrize(("length", "whole"), [(96, True), (120, True), (95, False)])
def test_a_file_shorter_than_its_superblock_says_is_not_whole(tmp_path, length, whole):
    old_file(tmp_path / "f.h5", length)
    assert hdf5.is_whole(tmp_path / "f.h5") is whole


@pytest.mark.parametrize(
    "content", [b"", b"\x89HDF\r\n\x1a\n", b"words that are no HDF5 file, however long they go on"]
)
def test_what_is_not_hdf5_is_not_whole(tmp_path, content):
    (tmp_path / "f.h5").write_bytes(content)
    assert hdf5.is_whole(tmp_path / "f.h5") is False
