"""Pickles are read as data: tensors and arrays come back, and nothing that a file names is called."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
import torch

from vision_cli.core.errors import InputError
from vision_cli.io.pickles import load_arrays, load_tensors


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
