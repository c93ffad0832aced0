"""Pickles are read as data: tensors and arrays come back, and nothing that a file names is called."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from vision_cli.core.errors import InputError
from vision_cli.io.pickles.pickles import Other, load_arrays, load_tensors


def dump(path, content):
    with path.open("wb") as stream:
        pickle.dump(content, stream)
    return path


def test_tensors_and_what_holds_them_come_back(tmp_path):
    content = {"a": {0: torch.arange(6.0).reshape(2, 3)}, "fs": 30, "b": [np.arange(4)], "c": "text"}
    found = load_tensors(dump(tmp_path / "x.pickle", content))
    assert torch.equal(found["a"][0], content["a"][0])
    np.testing.assert_array_equal(found["b"][0], np.arange(4))
    assert (found["fs"], found["c"]) == (30, "text")


class Runs:
    def __init__(self, directory):
        self.directory = str(directory)

    def __reduce__(self):
        return os.mkdir, (self.directory,)


@pytest.mark.parametrize("load", [load_arrays, load_tensors])
def test_what_runs_is_named_and_not_run(tmp_path, load):
    path = dump(tmp_path / "x.pickle", {"a": Runs(tmp_path / "ran")})
    with pytest.raises(InputError, match=r"names posix\.mkdir, which is no data"):
        load(path)
    assert not (tmp_path / "ran").exists()


def test_a_pickle_inside_a_tensor_does_not_run_either(tmp_path):
    class Inside:
        def __reduce__(self):
            return torch.storage._load_from_bytes, (pickle.dumps(Runs(tmp_path / "ran")),)

    path = dump(tmp_path / "x.pickle", [Inside()])
    with pytest.raises(InputError, match="not a pickle that can be read"):
        load_tensors(path)
    assert not (tmp_path / "ran").exists()


def test_arrays_alone_know_no_tensors(tmp_path):
    path = dump(tmp_path / "x.pickle", torch.zeros(2))
    with pytest.raises(InputError, match="NumPy arrays alone expected"):
        load_arrays(path)


@pytest.mark.parametrize("load", [load_arrays, load_tensors])
def test_no_pickle_and_no_file_are_refused(tmp_path, load):
    (tmp_path / "x.pickle").write_bytes(b"text")
    with pytest.raises(InputError, match="not a pickle that can be read"):
        load(tmp_path / "x.pickle")
    with pytest.raises(InputError, match="no such file"):
        load(tmp_path / "none")


ARRAYS = [
    *(np.arange(12).reshape(3, 4).astype(kind) for kind in ("u1", "<i2", ">i4", "i8", "<f2", ">f4", "f8", "c8", "?")),
    np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
    np.arange(24.0).reshape(2, 3, 4).transpose(1, 2, 0),
    np.arange(10)[::-2],
    np.zeros((0, 3), np.float32),
    np.array(5.0),
]


@pytest.mark.parametrize("load", [load_arrays, load_tensors])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_all_types_and_protocols_come_back_as_python_reads_them(tmp_path, protocol, load):
    content = {
        "arrays": ARRAYS,
        "numbers": (np.float32(2.5), np.int64(-3), np.bool_(True)),
        7: [None, True, 1 << 70, 0.5],
    }
    (tmp_path / "x.pickle").write_bytes(pickle.dumps(content, protocol))
    found = load(tmp_path / "x.pickle")
    expected = pickle.loads((tmp_path / "x.pickle").read_bytes())
    for mine, theirs in zip(found["arrays"], expected["arrays"], strict=True):
        assert mine.dtype == theirs.dtype.newbyteorder("=")
        assert mine.flags.writeable
        assert mine.flags.f_contiguous == theirs.flags.f_contiguous
        np.testing.assert_array_equal(mine, theirs)
    assert found["numbers"] == expected["numbers"]
    assert [type(n) for n in found["numbers"]] == [type(n) for n in expected["numbers"]]
    assert found[7] == expected[7]


def test_what_is_shared_stays_shared_and_a_list_may_hold_itself(tmp_path):
    array, circle = np.arange(3), []
    circle.append(circle)
    found = load_arrays(dump(tmp_path / "x.pickle", [array, array, circle]))
    assert found[0] is found[1]
    assert found[2][0] is found[2]


@pytest.mark.parametrize(
    "content",
    [
        # What Python 2.7 and NumPy 1.16 write of {'data': np.uint8([[0, 127, 200, 255]]), 'labels': [6]}.
        (
            b"(dp0\nS'labels'\np1\n(lp2\nI6\nasS'data'\np3\ncnumpy.core.multiarray\n_reconstruct\np4\n(cnumpy\nndarray\np5\n"
            b"(I0\ntp6\nS'b'\np7\ntp8\nRp9\n(I1\n(I1\nI4\ntp10\ncnumpy\ndtype\np11\n(S'u1'\np12\nI0\nI1\ntp13\nRp14\n(I3\n"
            b"S'|'\np15\nNNNI-1\nI-1\nI0\ntp16\nbI00\nS'\\x00\\x7f\\xc8\\xff'\np17\ntp18\nbs."
        ),
        (
            b"\x80\x02}q\x01(U\x06labelsq\x02]q\x03K\x06aU\x04dataq\x04cnumpy.core.multiarray\n_reconstruct\nq\x05cnumpy\n"
            b"ndarray\nq\x06K\x00\x85U\x01b\x87Rq\x07(K\x01K\x01K\x04\x86cnumpy\ndtype\nq\x08U\x02u1K\x00K\x01\x87Rq\x09(K\x03"
            b"U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x04\x00\x7f\xc8\xfftbu."
        ),
    ],
    ids=["protocol 0", "protocol 2"],
)
def test_pickles_of_python_2_are_read(tmp_path, content):
    (tmp_path / "x.pickle").write_bytes(content)
    for encoding in ("bytes", "latin1"):
        expected = pickle.loads(content, encoding=encoding)
        found = load_arrays(tmp_path / "x.pickle", encoding=encoding)
        assert list(found) == list(expected) == ([b"labels", b"data"] if encoding == "bytes" else ["labels", "data"])
        for mine, theirs in zip(found.values(), expected.values(), strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_tensors_of_all_types_come_back(tmp_path, protocol):
    names = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
    whole = torch.arange(24).reshape(2, 3, 4)
    tensors = [whole.to(getattr(torch, name)) for name in names]
    tensors += [
        whole[1, ::2].T.float(),
        whole.float()[:, 1],
        torch.zeros(0, 3),
        torch.tensor(2.5),
        torch.ones(1).expand(5),
    ]
    (tmp_path / "x.pickle").write_bytes(pickle.dumps(tensors, protocol))
    for mine, theirs in zip(load_tensors(tmp_path / "x.pickle"), tensors, strict=True):
        assert (mine.dtype, mine.shape, mine.stride()) == (theirs.dtype, theirs.shape, theirs.stride())
        assert torch.equal(mine, theirs)


def test_arrays_of_objects_and_types_stand_for_nothing(tmp_path):
    found = load_arrays(dump(tmp_path / "x.pickle", [np.array([{}, 1]), np.array(["a"]), np.zeros(1, [("a", "f4")])]))
    assert found == [Other("array of no numbers")] * 3


OUTPUTS = Path(__file__).parents[4] / "shared/data/rppg-adapt/toolbox/PURE_PURE_UBFC_deepphys_outputs.pickle"


@pytest.mark.skipif(not OUTPUTS.is_file(), reason="no outputs of rPPG-Toolbox in ../shared/data")
def test_outputs_of_rppg_toolbox_are_what_torch_reads():
    found = load_tensors(OUTPUTS)
    with OUTPUTS.open("rb") as stream:
        expected = pickle.load(stream)
    assert list(found) == list(expected)
    chunks = [(name, part) for name in expected["predictions"] for part in expected["predictions"][name]]
    assert chunks
    for name, part in chunks:
        assert torch.equal(found["predictions"][name][part], expected["predictions"][name][part])
