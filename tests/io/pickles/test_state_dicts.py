"""Weights of other programs, by name."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from vision_cli.core.errors import InputError
from vision_cli.io.pickles.state_dicts import read_state_dict, without_prefixes

HINT = "Give another."
STATE = {"conv.weight": torch.arange(6.0).view(2, 3), "count": torch.tensor(4)}


class Hostile:
    def __reduce__(self):
        return print, ("run",)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_what_was_saved_is_read_in_single_precision(tmp_path, suffix):
    path = tmp_path / f"weights{suffix}"
    halves = {name: one.half() if one.is_floating_point() else one for name, one in STATE.items()}
    torch.save(halves, path) if suffix == ".pt" else save_file(halves, path)
    found = read_state_dict(path, hint=HINT)
    assert {name: one.dtype for name, one in found.items()} == {"conv.weight": torch.float32, "count": torch.int64}
    assert all(torch.equal(found[name], one) for name, one in STATE.items())


def test_wrappers_and_prefixes_are_taken_off(tmp_path):
    named = {f"module.clip.{name}": one for name, one in STATE.items()}
    torch.save({"model": {"state_dict": named}, "epoch": 3}, tmp_path / "weights.pt")
    found = read_state_dict(tmp_path / "weights.pt", hint=HINT, prefixes=("clip.", "module."))
    assert found.keys() == STATE.keys()


def test_a_prefix_of_some_names_stays():
    assert without_prefixes({"module.a": torch.ones(1), "b": torch.ones(1)}, ("module.",)).keys() == {"module.a", "b"}
    assert without_prefixes({}, ("module.",)) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged|no weights"),
        (b"PK\x03\x04 cut short", "damaged|no weights"),
        ([1, 2], "list found; tensors by name expected"),
        ({"a": 1}, "no tensors by name"),
        ({"a": Hostile()}, "more than tensors"),
        ({"a": torch.tensor([torch.inf])}, "not finite in a"),
    ],
    ids=["empty", "cut", "list", "numbers", "hostile", "infinite"],
)
def test_other_files_are_refused_and_nothing_in_them_runs(tmp_path, capsys, content, message):
    path = tmp_path / "weights.pt"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(InputError, match=message) as caught:
        read_state_dict(path, hint=HINT)
    assert "\n" not in caught.value.message
    assert "run" not in capsys.readouterr().out


def test_a_damaged_safetensors_file_is_told(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"no such thing")
    with pytest.raises(InputError, match="not in safetensors format"):
        read_state_dict(path, hint=HINT)
