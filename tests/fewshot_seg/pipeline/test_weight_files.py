"""Weight files: what is written is read, and what does not fit is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.fewshot_seg.gate.test_gate import lessons
from tests.fewshot_seg.pipeline.small import SMALL, small_network
from tests.fewshot_seg.scenes import scene, support
from vision_cli.core.errors import InputError, UsageError
from vision_cli.fewshot_seg.gate.training import grow_gate
from vision_cli.fewshot_seg.networks import building
from vision_cli.fewshot_seg.pipeline.methods import make_method
from vision_cli.fewshot_seg.pipeline.weight_files import (
    About,
    Method,
    ablation_of,
    count_parameters,
    read_about,
    read_method,
    write_method,
)


@pytest.fixture
def known(monkeypatch):
    """Make the smallest network one that files may name."""
    monkeypatch.setattr(building, "VARIANTS", {**building.VARIANTS, SMALL: building.build_smallest})


@pytest.fixture
def written(tmp_path, known):
    path = tmp_path / "method.safetensors"
    gate = grow_gate(lessons(places=6), trees=3, extra_name="tavp")
    write_method(path, About(SMALL, 64), small_network().network.state_dict(), gate)
    return path


def test_a_file_gives_network_and_gate_again(written):
    method = read_method(written)
    assert read_about(written) == About(SMALL, 64, candidates=method.gate.candidates)
    own = small_network().network.state_dict()
    for name, value in method.network.network.state_dict().items():
        torch.testing.assert_close(value, own[name].half().float())
    assert method.gate.candidates[4:] == ("tavp", "pixels")
    counted = count_parameters(written)
    assert counted["network_parameters"] == sum(value.numel() for value in own.values() if value.is_floating_point())
    assert counted["gate_parameters"] > 0


def test_what_is_read_segments(written):
    found = make_method("tap", Method(read_method(written).network, None)).learn([support(0)]).segment(scene(1)[0])
    assert found.mask.shape == (64, 64)
    assert 0 <= found.presence <= 1


def test_bytes_of_a_file_are_the_same_again(written, tmp_path):
    first = written.read_bytes()
    gate = grow_gate(lessons(places=6), trees=3, extra_name="tavp")
    write_method(written, About(SMALL, 64), small_network().network.state_dict(), gate)
    assert written.read_bytes() == first


def test_a_file_may_hold_a_gate_alone(tmp_path):
    write_method(tmp_path / "gate.safetensors", About(), {}, grow_gate(lessons(), trees=2))
    method = read_method(tmp_path / "gate.safetensors")
    assert method.network is None
    assert method.gate is not None
    for one in lessons(5):
        assert method.gate.judge(one.measured) == grow_gate(lessons(), trees=2).judge(one.measured)


def change(path, **tensors):
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        about = file.metadata()
    found = {**load_file(path), **tensors}
    save_file({name: value for name, value in found.items() if value is not None}, path, about)


def test_what_does_not_fit_is_refused(written):
    name = "tavp.presence.mlp.0.weight"
    own = load_file(written)[name]
    change(written, **{name: own[:, :3].contiguous()})
    with pytest.raises(InputError, match="weights of another shape"):
        read_method(written)
    change(written, **{name: None})
    with pytest.raises(InputError, match=f"{name} missing"):
        read_method(written)
    change(written, **{name: torch.full_like(own, torch.nan)})
    with pytest.raises(InputError, match="numbers that are not finite"):
        read_method(written)
    change(written, **{name: own, "more": torch.zeros(1)})
    with pytest.raises(InputError, match="more unexpected"):
        read_method(written)
    change(written, **{"more": None, "gate.gain.roots": None})
    with pytest.raises(InputError, match=r"no gate of fewshot-seg \(gain\.roots: missing"):
        read_method(written)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    path.write_bytes(b"not a file of numbers")
    with pytest.raises(InputError, match=r"other\.safetensors: no weights of fewshot-seg"):
        read_about(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(InputError, match=r"other\.safetensors: no weights of fewshot-seg"):
        read_about(path)
    write_method(path, About("huge", 64), {}, None)
    with pytest.raises(InputError, match="network 'huge'"):
        read_method(path)


def test_an_encoder_of_sam_must_be_given_where_it_is_not_in_the_file(tmp_path, written):
    path = tmp_path / "tavp.safetensors"
    write_method(path, About("vit_b", 1024, has_encoder=False), {}, None)
    with pytest.raises(UsageError, match="trained on the encoder of SAM"):
        read_method(path)
    with pytest.raises(UsageError, match="has an encoder of its own"):
        read_method(written, sam=path)


def test_ablations_by_name():
    found = ablation_of(("fusion", "prompts"))
    assert (found.fusion, found.prompts, found.dense_prompt) == (False, "fixed", True)
    assert ablation_of(()).prompts == "generated"


def test_gates_of_other_counts_of_candidates_are_refused():
    gate = grow_gate(lessons(), trees=2)
    with pytest.raises(ValueError, match="1 candidates; 4 or 6 expected"):
        type(gate).from_arrays(gate.arrays(), ("mix",))
    assert np.isfinite(gate.arrays()["gain.number"]).all()
