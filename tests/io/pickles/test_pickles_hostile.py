"""Pickles made to do harm: none crashes the reader, has anything called, or takes memory that it does not hold."""

from __future__ import annotations

import pickle
import resource
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vision_cli.core.errors import InputError, InputTooLarge, VcliError
from vision_cli.io.pickles.pickles import load_arrays, load_tensors

LIMIT = 3 << 30
"""Bytes of address space of the fuzzed process; torch alone takes a part of it."""


def name(module, word):
    return b"c" + module.encode() + b"\n" + word.encode() + b"\n"


def dtype(word=b"f8", state=b"(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"):
    return name("numpy", "dtype") + b"(X" + struct.pack("<I", len(word)) + word + b"K\x00K\x01tR" + state


def array(shape, kind, content):
    empty = name("numpy.core.multiarray", "_reconstruct") + b"(" + name("numpy", "ndarray") + b"(K\x00tC\x01btR"
    return empty + b"(K\x01" + shape + kind + b"\x89" + content + b"tb"


def stored(content):
    return b"B" + struct.pack("<I", len(content)) + content


OBJECTS = dtype(b"O", b"")
POINTER = name("numpy", "ndarray") + b"((I1\nt" + OBJECTS + b"C\x08" + b"A" * 8 + b"tR"
HOSTILE = {
    "an object at an address": b"\x80\x03" + name("numpy", "ndarray") + b"(" + POINTER + b"tR.",
    "an address as a scalar": b"\x80\x03"
    + name("numpy.core.multiarray", "scalar")
    + b"("
    + OBJECTS
    + b"C\x08AAAAAAAAtR.",
    "a type as an array": b"\x80\x03" + name("numpy", "dtype") + b"(" + name("numpy", "ndarray") + b"tR(K\x03tb.",
    "more values than bytes": b"\x80\x03" + array(b"(M\xff\xfft", dtype(), stored(b"A" * 8)) + b".",
    "fewer values than bytes": b"\x80\x03" + array(b"(K\x00t", dtype(), stored(b"A" * 8)) + b".",
    "a negative size": b"\x80\x03" + array(b"(J\xff\xff\xff\xffJ\xff\xff\xff\xfft", dtype(), stored(b"A" * 8)) + b".",
    "a type of negative width": b"\x80\x03" + array(b"(K\x01t", dtype(b"f-8"), stored(b"A" * 8)) + b".",
    "a type with fields": b"\x80\x03"
    + array(
        b"(K\x01t", dtype(state=b"(K\x03X\x01\x00\x00\x00<N(X\x01\x00\x00\x00atNK\x08K\x00K\x00tb"), stored(b"A" * 8)
    )
    + b".",
    "bytes that are not there": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"A.",
    "a text that is not there": b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b"A.",
    "a state on a list": b"\x80\x03](K\x01tb.",
    "a call of a number": b"\x80\x03K\x01)R.",
    "a list as a key": b"\x80\x03}]K\x01s.",
    "a deep tuple as a key": b"\x80\x03}" + b")" + b"\x85" * 2_000_000 + b"K\x01s.",
    "lists in lists": b"\x80\x03" + b"]" * 200_000 + b"a" * 199_999 + b".",
    "an extension": b"\x80\x02\x82\x01.",
    "a buffer outside": b"\x80\x05\x97.",
    "no stack": b"\x80\x03R.",
    "a mark alone": b"\x80\x03(.",
}


@pytest.mark.parametrize("load", [load_arrays, load_tensors])
@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_pickle_is_refused_or_stands_for_nothing(tmp_path, content, load):
    (tmp_path / "x.pickle").write_bytes(content)
    with suppress(InputError):
        # What an array of objects would hold is never looked at.
        assert type(load(tmp_path / "x.pickle")).__name__ == "Other"


def test_a_place_in_the_memo_far_away_costs_nothing(tmp_path):
    (tmp_path / "x.pickle").write_bytes(b"\x80\x03K\x07r\xff\xff\xff\xff0j\xff\xff\xff\xff.")
    assert load_arrays(tmp_path / "x.pickle") == 7


def test_many_arrays_of_the_same_bytes_are_refused(tmp_path):
    content = stored(b"\0" * 80_000) + b"q\x000" + dtype() + b"q\x010("
    content += array(b"(M\x10't", b"h\x01", b"h\x00") * 50 + b"l."
    (tmp_path / "x.pickle").write_bytes(b"\x80\x03" + content)
    with pytest.raises(InputError, match="arrays of more bytes than the file has"):
        load_arrays(tmp_path / "x.pickle")


def test_objects_beyond_the_memory_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("vision_cli.io.pickles.pickles.available_memory", lambda: 1_000_000)
    (tmp_path / "x.pickle").write_bytes(b"\x80\x03(" + b"]" * 100_000 + b"l.")
    with pytest.raises(InputTooLarge, match=r"more objects than fit into 0\.0 GiB"):
        load_arrays(tmp_path / "x.pickle")


class Tensor:
    """Pickles as a tensor of four values with any place for them."""

    def __init__(self, *place):
        self.place = place

    def __reduce__(self):
        storage = torch.arange(4.0)._typed_storage()
        return torch._utils._rebuild_tensor_v2, (storage, *self.place, False, {})


@pytest.mark.parametrize(
    "place",
    [(0, (5,), (1,)), (1, (4,), (1,)), (-1, (2,), (1,)), (0, (2, 2), (4, 1)), (0, (2,), (-1,)), (0, (2,), (1, 1))],
)
def test_a_tensor_that_reaches_beyond_its_values_is_refused(tmp_path, place):
    (tmp_path / "x.pickle").write_bytes(pickle.dumps(Tensor(*place)))
    with pytest.raises(InputError, match="not a pickle that can be read"):
        load_tensors(tmp_path / "x.pickle")


def test_a_tensor_repeated_beyond_the_memory_is_refused(tmp_path):
    (tmp_path / "x.pickle").write_bytes(pickle.dumps(Tensor(0, (1 << 45,), (0,))))
    with pytest.raises(InputTooLarge, match="GiB of free memory expected"):
        load_tensors(tmp_path / "x.pickle")


# The fuzzed process: this file, run as a program.

PIECES = [
    *(name(module, word) for module in ("numpy.core.multiarray", "numpy._core.numeric") for word in ("_reconstruct",)),
    name("numpy.core.multiarray", "scalar"),
    name("numpy._core.numeric", "_frombuffer"),
    name("numpy", "ndarray"),
    name("numpy", "dtype"),
    name("_codecs", "encode"),
    name("torch._utils", "_rebuild_tensor_v2"),
    name("torch.storage", "_load_from_bytes"),
    name("collections", "OrderedDict"),
    dtype(),
    OBJECTS,
    POINTER,
    array(b"(K\x01t", dtype(), stored(b"A" * 8)),
    *(bytes([code]) for code in b"()]}.02NRbtlde\x81\x85\x86\x87\x88\x89\x94asuo"),
    *(b"h" + bytes([k]) for k in range(4)),
    *(b"q" + bytes([k]) for k in range(4)),
    *(b"K" + bytes([k]) for k in (0, 1, 8, 255)),
    b"J\xff\xff\xff\xff",
    b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00",
    *(b"X" + struct.pack("<I", len(word)) + word for word in (b"O", b"f8", b"u1", b"<", b"V9", b"latin1", b"C", b"")),
    *(b"C" + bytes([size]) + b"A" * size for size in (0, 1, 8, 64)),
    b"U\x02f8",
    b"S'f8'\n",
    b"r\xff\xff\xff\xff",
    b"\x8e" + struct.pack("<Q", 1 << 40),
]
WHOLE = [
    pickle.dumps(content, protocol)
    for protocol in range(6)
    for content in (
        np.arange(6, dtype=">i2").reshape(2, 3),
        {"a": [np.float32(3), "x"]},
        torch.arange(6.0).reshape(2, 3),
    )
]

PROGRAMS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=30).map(lambda pieces: b"\x80\x03" + b"".join(pieces) + b"."),
    st.tuples(st.sampled_from(WHOLE), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=4)).map(
        lambda chosen: damaged(*chosen)
    ),
    st.binary(max_size=60),
)


def damaged(content, changes):
    changed = bytearray(content)
    for place, value in changes:
        changed[place % len(changed)] = value
    return bytes(changed)


def fuzz(path: Path) -> None:
    """Read pickles made of the opcodes and names that arrays need; what is refused is refused in one way."""

    @settings(max_examples=1500, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(PROGRAMS)
    def read(content):
        path.write_bytes(content)
        for load in (load_arrays, load_tensors):
            with suppress(VcliError):
                touch(load(path))

    read()


def touch(value):
    """Use each value as a reader of arrays would."""
    if isinstance(value, np.ndarray | np.generic | torch.Tensor):
        repr(value)
        value.sum()
    elif isinstance(value, list | tuple):
        # A list may hold itself.
        for one in value:
            if not isinstance(one, list | tuple | dict):
                touch(one)


@pytest.mark.slow
def test_pickles_of_chance_neither_crash_nor_take_memory(tmp_path):
    command = [sys.executable, __file__, str(tmp_path / "x.pickle")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=300)
    assert (done.returncode, done.stdout) == (0, "read\n"), done.stderr[-2000:]


if __name__ == "__main__":
    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + LIMIT, used + LIMIT))
    fuzz(Path(sys.argv[1]))
    print("read")
