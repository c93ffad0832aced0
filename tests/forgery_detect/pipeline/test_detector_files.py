"""Weight files of detectors, and scores that do not depend on the batch."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.core.compute.described_weights import write_described
from vision_cli.core.errors import InputError, UsageError
from vision_cli.forgery_detect.coherence import features, linear
from vision_cli.forgery_detect.networks.baselines import build_erm, build_linear
from vision_cli.forgery_detect.networks.clip.probe import ClipProbe
from vision_cli.forgery_detect.networks.clip.towers import ClipVision, VisionSizes
from vision_cli.forgery_detect.networks.gmdf.building import build_gmdf
from vision_cli.forgery_detect.networks.mfclip.building import build_mfclip
from vision_cli.forgery_detect.pipeline.about import About
from vision_cli.forgery_detect.pipeline.model_files import read_about, read_model, write_model
from vision_cli.forgery_detect.pipeline.scoring import as_batch
from vision_cli.forgery_detect.values import FaceInput

FEATURES = 6
NANO = About("mfclip", "nano", 112, 112, FEATURES, threshold=0.3, temperature=0.5, doubt=0.7)
TOWER = VisionSizes(side=32, patch=8, width=16, depth=1, heads=2, hidden=16, outputs=10)


def faces_of(count, side=112, patch=112, features=FEATURES, seed=0):
    rng = np.random.default_rng(seed)
    return [
        FaceInput(
            rng.random((3, side, side), np.float32),
            rng.random((3, patch, patch), np.float32),
            rng.standard_normal(features).astype(np.float32),
        )
        for _ in range(count)
    ]


def network_of(kind):
    torch.manual_seed(3)
    match kind:
        case "mfclip":
            network, about = build_mfclip("nano", features=FEATURES), NANO
        case "erm":
            network, about = build_erm("nano", features=FEATURES), replace(NANO, method="erm")
        case "erm-without-noise":
            network = build_mfclip("nano", features=FEATURES, has_noise=False)
            about = replace(NANO, method="erm", has_noise=False)
        case "linear":
            network, about = build_linear(features=FEATURES), replace(NANO, method="linear", variant="")
        case _:
            network = ClipProbe(ClipVision(TOWER), features=FEATURES)
            numbers = {name: value for name, value in asdict(TOWER).items() if name != "activation"}
            about = About("linear", "clip", 32, 16, FEATURES, tower=numbers)
    with torch.no_grad():
        for name, weights in network.named_parameters():
            if name.startswith(("classifier.", "evidence.", "probe.", "coherence.weight")):
                weights.normal_()
        # A feature that is constant on real faces must survive the file.
        network.coherence.set_statistics(torch.zeros(FEATURES), torch.tensor([1.0] * 5 + [0]))
    return network.eval(), about


KINDS = ("mfclip", "erm", "erm-without-noise", "linear", "clip")


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for kind in KINDS:
        network, about = network_of(kind)
        write_model(folder / f"{kind}.safetensors", about, network.state_dict())
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_gives_the_detector_back(stored, kind):
    network, about = network_of(kind)
    loaded = read_model(stored / f"{kind}.safetensors")
    assert loaded.about == about
    faces = faces_of(3, about.side, about.patch)
    scores = loaded.score(faces, heat=True)
    with torch.no_grad():
        judged = network(*as_batch(faces, FEATURES))
    wanted = (judged.logit.numpy() - about.threshold) / about.temperature
    np.testing.assert_allclose([one.logit for one in scores], wanted, atol=0.03)
    assert {one.domain for one in scores} == {""}
    for one, heat in zip(scores, judged.heat, strict=True):
        if kind == "linear":
            assert one.heat is None
        else:
            np.testing.assert_allclose(one.heat, heat.numpy(), atol=0.02)
    assert all(one.heat is None for one in loaded.score(faces))


@given(st.permutations(range(5)), st.integers(1, 5))
@settings(max_examples=5)
def test_scores_do_not_depend_on_batch_or_order(stored, order, size):
    loaded = read_model(stored / "mfclip.safetensors")
    faces = faces_of(5)
    whole = loaded.score(faces, heat=True)
    turned = loaded.score([faces[place] for place in order], heat=True, batch_size=size)
    for place, one in zip(order, turned, strict=True):
        assert one.logit == pytest.approx(whole[place].logit, abs=1e-5)
        np.testing.assert_allclose(one.heat, whole[place].heat, atol=1e-5)


def test_no_faces_have_no_scores(stored):
    assert read_model(stored / "erm.safetensors").score([]) == []


def test_a_file_of_nano_is_small(stored):
    assert (stored / "mfclip.safetensors").stat().st_size < 4 * 2**20


@pytest.mark.parametrize("change", [{"side": 96}, {"patch": 32}])
def test_faces_of_another_size_are_refused(stored, change):
    loaded = read_model(stored / "mfclip.safetensors")
    with pytest.raises(InputError, match="expected"):
        loaded.score(faces_of(1, **change))


def test_other_features_are_refused(stored):
    with pytest.raises(InputError, match="weights for 6 features"):
        read_model(stored / "mfclip.safetensors").score(faces_of(1, features=4))


@pytest.mark.parametrize(
    "change",
    [
        {"method": "magic"},
        {"method": ["mfclip"]},
        {"variant": "huge"},
        {"side": 4},
        {"side": None},
        {"features": -1},
        {"temperature": 0},
        {"threshold": float("nan")},
        {"doubt": "much"},
        {"domains": "one"},
        {"domains": [1]},
        {"method": "linear", "variant": "clip"},
        {"tower": {"side": 3}},
        {"method": "gmdf"},
    ],
)
def test_a_description_of_no_detector_is_refused(tmp_path, change):
    path = tmp_path / "odd.safetensors"
    write_described(path, "forgery-detect", {**asdict(NANO), **change}, {"x": torch.zeros(1)})
    with pytest.raises(InputError, match="no weights of forgery-detect"):
        read_about(path)


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "odd.safetensors"
    write_model(path, NANO, build_erm("nano", features=2).state_dict())
    with pytest.raises(InputError, match=r"not the weights of its network: .*coherence\.weight"):
        read_model(path)


def test_a_tower_that_cannot_be_built_takes_no_memory(tmp_path):
    path = tmp_path / "odd.safetensors"
    numbers = {"side": 64000, "patch": 1, "width": 65535, "depth": 9000, "heads": 3, "hidden": 65535, "outputs": 9}
    about = replace(NANO, method="linear", variant="clip", tower=numbers | {"depth": 2})
    write_described(path, "forgery-detect", asdict(about), {"x": torch.zeros(1)})
    with pytest.raises(InputError, match="not the weights of its network"):
        read_model(path)
    write_described(path, "forgery-detect", asdict(replace(about, tower=numbers)), {"x": torch.zeros(1)})
    with pytest.raises(InputError, match="no weights of forgery-detect"):
        read_model(path)


@pytest.mark.parametrize("content", [b"", b"not weights", b"\x80\x02."])
def test_damaged_files_are_refused(tmp_path, content):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match="no weights of forgery-detect"):
        read_model(path)


def test_the_linear_model_of_coherence_is_read_alike(tmp_path):
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal((2, 20, len(features.NAMES))).astype(np.float32)
    model = linear.calibrated(linear.fit(real, fake + 0.3), real, fake, real)
    path = tmp_path / "coherence.safetensors"
    linear.write_model(path, model)
    loaded = read_model(path)
    assert loaded.about.method == "coherence"
    assert loaded.about.doubt == model.calibration.band
    faces = faces_of(4, loaded.about.side, loaded.about.patch, len(features.NAMES))
    found = loaded.score(faces, heat=True)
    np.testing.assert_allclose([one.logit for one in found], model.score(np.stack([one.coherence for one in faces])))
    assert found[0].heat is None


def test_gmdf_is_read_alike(tmp_path):
    about = About("gmdf", "nano", 112, 112, FEATURES, domains=("studio", "street"))
    network = build_gmdf("nano", domains=about.domains, features=FEATURES).eval()
    write_model(tmp_path / "gmdf.safetensors", about, network.state_dict())
    loaded = read_model(tmp_path / "gmdf.safetensors")
    faces = faces_of(3)
    found = loaded.score(faces, heat=True, batch_size=2)
    assert found[0].heat.shape == (7, 7)
    assert {one.domain for one in found} <= set(about.domains)
    assert {one.domain for one in loaded.score(faces, domain="street")} == {"street"}
    assert {one.domain for one in loaded.score(faces, domain="wildcard")} == {"wildcard"}
    turned = loaded.score(faces[::-1], batch_size=3)[::-1]
    np.testing.assert_allclose([one.logit for one in turned], [one.logit for one in found], atol=1e-5)
    with pytest.raises(UsageError, match="no such domain"):
        loaded.score(faces, domain="moon")
