"""Checkpoints of others: loaded strictly, or said what they are instead."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from vision_cli.core.errors import InputError, MissingError
from vision_cli.enhance_eval import networks
from vision_cli.enhance_eval.methods.building import build_method
from vision_cli.enhance_eval.methods.checking import enhance_checked
from vision_cli.enhance_eval.methods.learned.architectures import ARCHITECTURES
from vision_cli.enhance_eval.methods.learned.checkpoints import load_weights
from vision_cli.enhance_eval.methods.specs import parse_method
from vision_cli.enhance_eval.networks.sci import sci
from vision_cli.enhance_eval.networks.zero_dce_pp import zero_dce_pp

WEIGHTS = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "enhance-eval" / "weights"
needs_weights = pytest.mark.skipif(not WEIGHTS.is_dir(), reason="no official checkpoints in ../shared/data")


@pytest.fixture
def network():
    torch.manual_seed(0)
    return zero_dce_pp()


def saved(path, content):
    torch.save(content, path)
    return path


def differs(network, path):
    load_weights(network, path, "zero-dce++")


@pytest.mark.parametrize(
    "wrap",
    [lambda s: s, lambda s: {"epoch": 3, "state_dict": s}, lambda s: {"model": {"net": s}}],
    ids=["bare", "state_dict", "nested"],
)
def test_wrapped_and_prefixed_checkpoints_are_loaded(tmp_path, network, wrap):
    state = {f"module.{key}": one for key, one in network.state_dict().items()}
    other = zero_dce_pp()
    load_weights(other, saved(tmp_path / "a.pth", wrap(state)), "zero-dce++")
    assert all(torch.equal(one, other.state_dict()[key]) for key, one in network.state_dict().items())


def test_safetensors_are_loaded(tmp_path, network):
    from safetensors.torch import save_file

    save_file(network.state_dict(), tmp_path / "a.safetensors")
    load_weights(zero_dce_pp(), tmp_path / "a.safetensors", "zero-dce++")
    (tmp_path / "b.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{broken")
    with pytest.raises(InputError, match="not a checkpoint"):
        differs(network, tmp_path / "b.safetensors")


def test_a_checkpoint_of_another_architecture_names_the_keys(tmp_path, network):
    path = saved(tmp_path / "a.pth", sci().state_dict())
    with pytest.raises(
        InputError, match=r"keys differ: missing e_conv1.* and 25 more; unexpected calibrate.*"
    ) as raised:
        differs(network, path)
    assert "a checkpoint of zero-dce++ expected" in raised.value.message


def test_shapes_and_values_have_to_fit(tmp_path, network):
    state = network.state_dict()
    wrong = {**state, "e_conv1.point_conv.bias": torch.zeros(16)}
    with pytest.raises(InputError, match=r"e_conv1.point_conv.bias of shape \(16,\); \(32,\) of zero-dce"):
        differs(network, saved(tmp_path / "a.pth", wrong))
    bad = {**state, "e_conv1.point_conv.bias": torch.full((32,), torch.nan)}
    with pytest.raises(InputError, match=r"e_conv1\.point_conv\.bias holds NaN"):
        differs(network, saved(tmp_path / "b.pth", bad))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><html>not found</html>", "not a checkpoint but a page of HTML"),
        (b"\n <HTML>", "not a checkpoint but a page of HTML"),
        (b"version https://git-lfs.github.com/spec/v1\n", "not a checkpoint but a pointer of Git LFS"),
        (b'{"message": "Not Found"}', "not a checkpoint but a text of JSON"),
        (b"", "not a checkpoint but empty"),
        (b"\x80\x02garbage", "not a checkpoint"),
        (b"PK\x03\x04" + b"\0" * 60, "not a checkpoint"),
        (np.random.default_rng(0).bytes(300), "not a checkpoint"),
    ],
    ids=["page", "page after space", "pointer", "json", "empty", "pickle", "zip", "noise"],
)
def test_what_is_no_checkpoint_is_said(tmp_path, network, content, message):
    path = tmp_path / "a.pth"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        differs(network, path)


def test_a_truncated_checkpoint_is_no_checkpoint(tmp_path, network):
    path = saved(tmp_path / "a.pth", network.state_dict())
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="not a checkpoint"):
        differs(network, path)


def test_a_pickled_module_is_refused(tmp_path, network):
    with pytest.raises(InputError, match=r"a pickled module \(.*ZeroDCEPlusPlus.*\), which could run code"):
        differs(network, saved(tmp_path / "a.pth", network))


def test_a_checkpoint_without_tensors_is_refused(tmp_path, network):
    with pytest.raises(InputError, match="of other than tensors"):
        differs(network, saved(tmp_path / "a.pth", {"epoch": 3}))
    with pytest.raises(MissingError, match="no such file"):
        differs(network, tmp_path / "none.pth")


OFFICIAL = [
    ("zero-dce", "zero-dce/Epoch99.pth", 79_416),
    ("zero-dce++", "zero-dce++/Epoch99.pth", 10_561),
    *(("sci", f"sci/{name}.pt", None) for name in ("easy", "medium", "difficult")),
    *(("ruas", f"ruas/{name}.pt", 3_438) for name in ("dark", "lol", "upe")),
    ("pairlie", "pairlie/PairLIE.pth", 341_767),
    *(("iat", f"iat/best_Epoch_{name}.pth", None) for name in ("exposure", "lol", "lol_v1")),
]


@needs_weights
@pytest.mark.parametrize(("name", "file", "parameters"), OFFICIAL)
def test_official_checkpoints_load_strictly_and_enhance(name, file, parameters):
    method = build_method(parse_method(f"{name}:weights={WEIGHTS / file}"))
    if parameters is not None:
        assert sum(one.numel() for one in method.network.parameters()) == parameters
    picture = (0.15 * np.random.default_rng(0).random((30, 41, 3))).astype(np.float32)
    after = enhance_checked(method, picture, name="x")
    # The exposure checkpoint of IAT corrects in both directions.
    assert after.mean() > picture.mean() or "exposure" in file


@needs_weights
def test_sci_has_258_parameters_at_work():
    assert sum(one.numel() for one in sci().enhance.parameters()) == 258


@needs_weights
@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name != "curve"])
def test_learned_methods_take_pictures_of_any_size(name):
    file = next(file for known, file, _ in OFFICIAL if known == name)
    method = build_method(parse_method(f"{name}:weights={WEIGHTS / file}"))
    for shape in ((1, 1, 3), (1, 19, 3), (13, 1, 3), (2, 2, 3), (25, 37, 3)):
        picture = np.full(shape, 0.1, dtype=np.float32)
        assert enhance_checked(method, picture, name="x").shape == shape


def test_curve_is_built_by_its_module_and_loads_weights_by_name(tmp_path, network, monkeypatch):
    module = types.ModuleType("curve_net")
    module.build_curve_net = zero_dce_pp
    monkeypatch.setitem(sys.modules, "vision_cli.enhance_eval.networks.curve_net", module)
    monkeypatch.setattr(networks, "curve_net", module, raising=False)
    path = saved(tmp_path / "a.pth", network.state_dict())
    method = build_method(parse_method(f"curve:weights={path}+nlm"))
    picture = np.full((20, 24, 3), 0.1, dtype=np.float32)
    assert enhance_checked(method, picture, name="x").shape == picture.shape
    assert ARCHITECTURES["curve"].shipped == "night-curve"
