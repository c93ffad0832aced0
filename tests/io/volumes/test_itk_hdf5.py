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


def header(checksum=None):
    """An object header of version 2 with times and 13 bytes of messages."""
    body = b"OHDR\x02\x20" + b"time" * 4 + b"\x0d" + b"some messages"
    return body + (hdf5._checksum(body) if checksum is None else checksum)


def test_times_are_cleared_under_a_valid_checksum_and_only_there(tmp_path):
    path = tmp_path / "f.h5"
    path.write_bytes(b"before" + header() + b"between" + header(b"none") + b"after")
    hdf5.clear_times(path)
    cleared = header().replace(b"time" * 4, bytes(16))[:-4]
    expected = cleared + hdf5._checksum(cleared)
    assert path.read_bytes() == b"before" + expected + b"between" + header(b"none") + b"after"


def test_a_header_without_times_or_cut_by_the_end_is_left_alone(tmp_path):
    path = tmp_path / "f.h5"
    content = b"OHDR\x02\x00 no times here" + header()[:30]
    path.write_bytes(content)
    hdf5.clear_times(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize(("text", "expected"), [(b"", 0xDEADBEEF), (b"Four score and seven years ago", 0x17770551)])
def test_the_checksum_is_lookup3(text, expected):
    # The values that the self-test of lookup3.c prints.
    assert hdf5._checksum(text) == struct.pack("<I", expected)
