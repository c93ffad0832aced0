"""Equal weights have equal bytes."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load, save

from vision_cli.core.compute.tensor_bytes import tensor_bytes

TENSORS = {"b": torch.arange(6.0).reshape(2, 3), "a": torch.ones(1, dtype=torch.float16)}
ABOUT = {f"key{k}": f"grüße {k}" for k in range(8)}


def test_the_order_of_metadata_does_not_change_the_bytes():
    # The library orders by a random hash: eight keys come in one of 40,320 orders.
    made = {tensor_bytes(TENSORS, dict(items)) for items in (ABOUT.items(), reversed(ABOUT.items()), ABOUT.items())}
    assert len(made) == 1
    (content,) = made
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    assert list(header["__metadata__"].items()) == sorted(ABOUT.items())
    assert length % 8 == 0


@pytest.mark.parametrize("about", [None, {}, {"one": "1"}, ABOUT])
def test_the_library_reads_what_was_written(tmp_path, about):
    from safetensors import safe_open

    path = tmp_path / "w.safetensors"
    path.write_bytes(tensor_bytes(TENSORS, about))
    found = load(path.read_bytes())
    assert all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)
    with safe_open(path, framework="pt") as stored:
        assert (stored.metadata() or {}) == (about or {})


def test_without_metadata_the_bytes_are_those_of_the_library():
    assert tensor_bytes(TENSORS) == save(TENSORS)
