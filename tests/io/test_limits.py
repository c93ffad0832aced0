"""What does not fit into memory is damaged if the file cannot hold it, and too large if it can."""

from __future__ import annotations

import math

import pytest

from vision_cli.core.compute.devices import memory_within
from vision_cli.core.errors import InputError, InputTooLarge
from vision_cli.io import limits


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "available_memory", lambda: 10_000)
    (tmp_path / "a").write_bytes(bytes(10))
    return tmp_path / "a"


def test_what_fits_passes(path):
    limits.require_room(path, 10_000, "all of it", stored=1e9)
    limits.require_memory(path, (10, 10), 4)
    limits.require_memory_for(path, 100, 8)
    limits.require_bytes(path, 10, 10)


@pytest.mark.parametrize(("stored", "error"), [(10_320, InputTooLarge), (10_321, InputError)])
def test_a_file_that_cannot_hold_what_it_claims_is_damaged(path, stored, error):
    with pytest.raises(error, match=r"words of it, 0\.0 GiB") as caught:
        limits.require_room(path, 20_000, "words of it", stored=stored)
    assert type(caught.value) is error


def test_images_and_rows_say_what_they_claim(path):
    with pytest.raises(InputError, match=r"the header claims \(100, 100\) voxels"):
        limits.require_memory(path, (100, 100), 2)
    with pytest.raises(InputTooLarge, match="header declares 5000 rows"):
        limits.require_memory_for(path, 5000, 8, "rows")


def test_a_truncated_file_says_how_many_bytes_are_missing(path):
    with pytest.raises(InputError, match="10 bytes; 11 bytes by its header expected"):
        limits.require_bytes(path, 11, 10)


def test_a_file_unpacks_to_so_much_and_a_folder_to_anything(path):
    assert limits.most_unpacked(path) == 10 * limits.DEFLATE
    assert limits.most_unpacked(path.parent) == math.inf


def test_a_limit_of_the_process_bounds_what_readers_may_take(tmp_path):
    (tmp_path / "x").write_bytes(b"0" * 1000)
    with memory_within(1e6), pytest.raises(InputTooLarge, match=r"at most 0\.1 GiB of free memory expected"):
        limits.require_room(tmp_path / "x", 1e8, "a claim", most=1e9)
    limits.require_room(tmp_path / "x", 1e8, "a claim", most=1e9)
