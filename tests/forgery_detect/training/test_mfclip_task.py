"""Tests of `vision_cli.forgery_detect.training.mfclip`: batches, a step, and that it learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.networks.baselines import build_linear
from vision_cli.forgery_detect.networks.mfclip.building import build_guide, build_mfclip
from vision_cli.forgery_detect.training.faces import standardise
from vision_cli.forgery_detect.training.mfclip.batches import FaceBatches, prompts_of
from vision_cli.forgery_detect.training.mfclip.learning import ERM, LINEAR, MFCLIP, PAPER, FaceLearner
from vision_cli.forgery_detect.training.mfclip.task import FaceTask, detector_state, logits_of
from vision_cli.forgery_detect.values import Examples

_CPU = torch.device("cpu")


def _examples(count: int = 12, features: int = 4) -> Examples:
    """Draw pairs: fakes are smoother in their patch, and their coherence is higher."""
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1], count // 2)
    images = rng.integers(0, 256, (count, 3, 112, 112)).astype(np.uint8)
    patches = rng.integers(0, 256, (count, 3, 112, 112))
    smooth = (patches + np.roll(patches, 1, axis=3)) // 2
    patches = np.where(labels[:, None, None, None] == 1, smooth, patches).astype(np.uint8)
    coherence = rng.normal(size=(count, features)) + labels[:, None]
    return Examples(
        images,
        patches,
        coherence.astype(np.float32),
        labels.astype(np.int64),
        (np.arange(count) // 2).astype(np.int64),
        np.zeros(count, np.int64),
        ("one",),
        tuple(("", "ddpm", "", "simswap")[n % 4] for n in range(count)),
        tuple(("", "synthesis", "", "swap")[n % 4] for n in range(count)),
        tuple(("", "diffusion", "", "gan")[n % 4] for n in range(count)),
    )


@pytest.fixture(scope="module")
def examples() -> Examples:
    """Draw faces."""
    return _examples()


def _task(method: str, examples: Examples) -> FaceTask:
    draw = torch.Generator().manual_seed(0)
    guide = None
    if method == "linear":
        detector, plan = build_linear(features=4), LINEAR
    else:
        detector, plan = build_mfclip("nano", features=4, generator=draw), ERM
        if method in {"mfclip", "paper"}:
            guide = build_guide("nano", prompts_of(examples)[0], generator=draw)
            plan = MFCLIP if method == "mfclip" else PAPER
    standardise(detector.coherence, examples)
    return FaceTask(detector, guide, examples, examples, plan, _CPU, seed=3)


def test_a_pair_is_of_one_original_and_mirrored_alike(examples):
    batches = FaceBatches(examples, _CPU, seed=0)
    batch = batches.load(range(12))
    assert len(batch) == 12
    assert batch.labels.tolist() == [0, 1] * 6
    assert torch.equal(batch.sources[::2], batch.sources[1::2])
    assert len(batch.sources.unique()) == 6
    mirrored = []
    for place in range(12):
        row = batches.pairs.row(place)
        image = torch.from_numpy(examples.images[row]).float() / 255
        patch = torch.from_numpy(examples.patches[row]).float() / 255
        is_mirrored = torch.equal(batch.image[place], image.flip(-1))
        assert is_mirrored or torch.equal(batch.image[place], image)
        assert torch.equal(batch.patch[place], patch.flip(-1) if is_mirrored else patch)
        mirrored.append(is_mirrored)
    assert mirrored[::2] == mirrored[1::2]
    assert 0 < sum(mirrored) < 12
    prompts, places = prompts_of(examples)
    assert len(prompts) == 3
    assert batch.prompts.tolist() == [int(places[batches.pairs.row(number)]) for number in range(12)]


def test_a_batch_is_the_same_in_parts(examples):
    batches = FaceBatches(examples, _CPU, seed=0)
    whole, part = batches.load(range(8)), batches.load(range(4, 8))
    assert torch.equal(whole.patch[4:], part.patch)
    assert torch.equal(whole.prompts[4:], part.prompts)


def test_one_class_is_refused(examples):
    with pytest.raises(InputError, match="real faces alone among the 12 training faces"):
        FaceBatches(replace(examples, labels=np.zeros(12, np.int64)), _CPU, seed=0)


def test_a_guide_of_other_faces_is_refused(examples):
    guide = build_guide("nano", prompts_of(examples)[0][:2])
    with pytest.raises(ValueError, match="guide of 2 prompts, faces of 3"):
        FaceTask(build_mfclip("nano", features=4), guide, examples, None, MFCLIP, _CPU, seed=0)
    with pytest.raises(ValueError, match="needs a guide"):
        FaceLearner(build_linear(features=4), None, MFCLIP)


@pytest.mark.slow
def test_mfclip_learns_in_twelve_steps(examples):
    task = _task("mfclip", examples)
    torch.manual_seed(0)
    optimiser = torch.optim.Adam(task.network.parameters(), 1e-3)
    losses = []
    for step in range(12):
        found = task.training_step(task.network, task.load(range(4)))
        optimiser.zero_grad()
        found["loss"].backward()
        if not step:
            missing = [name for name, value in task.network.named_parameters() if value.grad is None]
            assert not missing
        optimiser.step()
        losses.append({name: float(value.detach()) for name, value in found.items()})
    for name in ("loss", "classes", "paired", "contrast"):
        assert np.mean([row[name] for row in losses[-3:]]) < np.mean([row[name] for row in losses[:3]]), name
    first = losses[0]
    parts = 1.5 * first["classes"] + first["paired"] + first["contrast"] + first["prediction"]
    assert first["loss"] == pytest.approx(parts, rel=1e-5)
    state = detector_state(task.network.state_dict())
    assert set(state) == set(task.detector.state_dict())


@pytest.mark.parametrize("method", ["paper", "erm", "linear"])
def test_every_method_has_finite_losses_and_measures(examples, method):
    task = _task(method, examples)
    found = task.training_step(task.network, task.load(range(4)))
    assert all(torch.isfinite(value) for value in found.values())
    assert ("contrast" in found) == (method == "paper")
    found["loss"].backward()
    assert task.detector.coherence.weight.grad.abs().max() > 0
    measures = task.validation_step(task.network)
    assert set(measures) == {"auc", "auc_one"}
    assert task.detector.training


def test_linear_detector_learns_the_coherence(examples):
    task = _task("linear", examples)
    optimiser = torch.optim.Adam(task.network.parameters(), 0.05)
    for step in range(30):
        optimiser.zero_grad()
        task.training_step(task.network, task.load(range(12 * step, 12 * step + 12)))["loss"].backward()
        optimiser.step()
    assert task.validation_step(task.network)["auc"] > 0.85
    scores = logits_of(task.detector, examples, device=_CPU)
    assert scores.shape == (12,)
    assert scores[1::2].mean() > scores[::2].mean()
