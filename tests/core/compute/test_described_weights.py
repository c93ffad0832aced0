"""Weight files that say how their network is built."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from vision_cli.core.compute.described_weights import halved, load_tensors, read_description, write_described
from vision_cli.core.errors import InputError


def test_what_is_written_is_read(tmp_path):
    path, tensors = tmp_path / "a.safetensors", halved(nn.Linear(2, 3).state_dict())
    write_described(path, "task", {"side": 3, "names": ["a"]}, tensors)
    assert read_description(path, "task") == {"side": 3, "names": ["a"]}
    network = nn.Linear(2, 3)
    load_tensors(network, load_file(path), path, hint="h")
    torch.testing.assert_close(network.weight, tensors["weight"].float())


def test_other_files_say_nothing(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"no such format")
    with pytest.raises(ValueError, match=r"[Hh]eader"):
        read_description(path, "task")
    save_file({"x": torch.zeros(1)}, path, {"other": "{}", "task": "[1]"})
    with pytest.raises(ValueError, match="no entry 'mine' in its metadata"):
        read_description(path, "mine")
    with pytest.raises(ValueError, match="entry 'task' is no object"):
        read_description(path, "task")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": torch.full((3, 2), torch.nan)}, "numbers that are not finite in weight"),
        ({"weight": torch.zeros(3, 3)}, "weights of another shape"),
        ({"more": torch.zeros(1)}, "more unexpected"),
        ({"bias": None}, "bias missing"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    tensors = {**nn.Linear(2, 3).state_dict(), **change}
    kept = {name: value for name, value in tensors.items() if value is not None}
    with pytest.raises(InputError, match=message):
        load_tensors(nn.Linear(2, 3), kept, Path("a"), hint="h")


def test_parts_that_lie_elsewhere_may_be_missing():
    load_tensors(nn.Linear(2, 3), {"weight": torch.zeros(3, 2)}, Path("a"), hint="h", may_lack=("bias",))
