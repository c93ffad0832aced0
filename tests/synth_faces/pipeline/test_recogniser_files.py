"""Weight files of recognisers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.core.compute.described_weights import write_described
from vision_cli.core.errors import InputError
from vision_cli.synth_faces.pipeline.recogniser_files import (
    About,
    as_batch,
    build_recogniser,
    read_about,
    read_recogniser,
    write_recogniser,
)

KINDS = (
    About("expression", "guide", ("neutral", "happiness"), 32),
    About("expression", "judge", ("neutral", "anger", "fear"), 40),
    About("aus", "guide", ("12", "1"), 32),
    About("aus", "judge", ("12",), 48),
)


@pytest.fixture(params=KINDS, ids=lambda about: f"{about.role}-{about.what}")
def stored(request, tmp_path):
    about = request.param
    network = build_recogniser(about, torch.Generator().manual_seed(1))
    path = tmp_path / "weights.safetensors"
    write_recogniser(path, about, network.state_dict())
    return path, about, network.eval()


def test_a_file_gives_the_network_back(stored):
    path, about, network = stored
    loaded = read_recogniser(path, what=about.what)
    assert loaded.about == about
    faces = [np.random.default_rng(k).integers(0, 255, (about.side, about.side), dtype=np.uint8) for k in range(3)]
    outputs, features = loaded.recognise(faces)
    with torch.no_grad():
        raw = network(as_batch(np.stack(faces)))
    wanted = raw.softmax(1) if about.what == "expression" else raw.clamp(0, 5)
    np.testing.assert_allclose(outputs, wanted.numpy(), atol=0.02)
    assert features.shape == (3, network.trunk.width)


def test_a_recogniser_of_something_else_is_refused(stored):
    path, about, _ = stored
    other = "aus" if about.what == "expression" else "expression"
    with pytest.raises(InputError, match=f"one of {other} expected"):
        read_recogniser(path, what=other)


@pytest.mark.parametrize(
    "change", [{"what": "poses"}, {"names": []}, {"names": ["smug"]}, {"side": 4}, {"side": None}, {"role": 3}]
)
def test_a_description_of_no_recogniser_is_refused(tmp_path, change):
    document = {"what": "expression", "role": "judge", "names": ["fear"], "side": 32, **change}
    path = tmp_path / "odd.safetensors"
    write_described(path, "synth-faces", document, {"x": torch.zeros(1)})
    with pytest.raises(InputError, match="no weights of synth-faces"):
        read_about(path)


def test_weights_of_another_shape_are_refused(tmp_path):
    about = KINDS[0]
    path = tmp_path / "odd.safetensors"
    write_described(path, "synth-faces", vars(about), {"head.weight": torch.zeros(7, 7)})
    with pytest.raises(InputError, match="weights"):
        read_recogniser(path)
