"""Training on episodes: batches, losses against their equations, and a few steps on the smallest shapes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import configure
from vision_cli.core.compute.training import Schedule, fit
from vision_cli.core.runs.runs import Run
from vision_cli.fewshot_seg.networks.building import build_smallest
from vision_cli.fewshot_seg.networks.tavp import Ablation
from vision_cli.fewshot_seg.training.batches import make_batch
from vision_cli.fewshot_seg.training.episodes import DECODER, EpisodeTask
from vision_cli.fewshot_seg.training.losses import contrast, cross_entropy, dice_loss, orthogonality, overlap
from vision_cli.fewshot_seg.training.objective import STANDARD, TrainedPart, losses
from vision_cli.fewshot_seg.training.style import in_style_of

SIDE = 64


@dataclass(frozen=True)
class Annotated:
    picture: np.ndarray
    mask: np.ndarray
    ignored: np.ndarray | None = None


@dataclass(frozen=True)
class Episode:
    supports: tuple[Annotated, ...]
    query: Annotated


def draw(rng, side, colour, ground, *, absent=False):
    """Return a disc of a colour on a ground, with noise."""
    rows, columns = np.mgrid[:side, :side]
    centre, radius = rng.uniform(0.3, 0.7, 2) * side, rng.uniform(0.15, 0.3) * side
    mask = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2
    if absent:
        mask[:] = False
    picture = np.where(mask[..., None], colour, ground) + rng.normal(0, 5, (side, side, 3))
    return Annotated(np.clip(picture, 0, 255).astype(np.uint8), mask)


def discs(rng, *, side, shots):
    colour, ground = rng.uniform(0, 255, (2, 3))
    supports = tuple(draw(rng, side, colour, ground) for _ in range(shots))
    return Episode(supports, draw(rng, side, colour, ground, absent=rng.random() < 0.1))


def make_task(**changes):
    torch.manual_seed(0)
    network = changes.pop("network", None) or build_smallest(has_transformer=False)
    settings = {"side": SIDE, "batch_size": 4, "shots": (1, 2), "validation": 6, **changes}
    return EpisodeTask(network, discs, torch.device("cpu"), **settings)


def test_a_batch_follows_from_seed_and_numbers_alone():
    first, second = make_task(seed=3).load([4, 5]), make_task(seed=3).load([4, 5])
    other = make_task(seed=4).load([4, 5])
    assert all(torch.equal(getattr(first, name), getattr(second, name)) for name in vars(first))
    assert not torch.equal(first.query, other.query)
    assert first.images.shape[:1] + first.images.shape[2:] == (2, 3, SIDE, SIDE)


def test_all_episodes_of_a_step_have_as_many_supports_on_any_number_of_processes():
    task = make_task(shots=(1, 5))
    counts = [task.load([4 * step + part]).images.shape[1] for step in range(8) for part in range(4)]
    assert all(len(set(counts[start : start + 4])) == 1 for start in range(0, 32, 4))
    assert set(counts) <= set(range(1, 6))
    assert len(set(counts)) > 1


def test_ignored_pixels_count_in_no_loss():
    task = make_task()
    rng = np.random.default_rng(0)
    episode = discs(rng, side=SIDE, shots=1)
    ignored = np.zeros((SIDE, SIDE), bool)
    ignored[:20] = True
    flipped = episode.query.mask ^ ignored
    plain, changed = (
        make_batch(
            [Episode(episode.supports, Annotated(episode.query.picture, mask, ignored))], [np.random.default_rng(1)]
        )
        for mask in (episode.query.mask, flipped)
    )
    with torch.no_grad():
        computed = task.network.eval()(plain)
        first, second = losses(computed, plain, STANDARD), losses(computed, changed, STANDARD)
    assert {name: float(value) for name, value in first.items()} == pytest.approx(
        {name: float(value) for name, value in second.items()}, abs=1e-6
    )


def test_a_picture_takes_the_colours_of_another_and_keeps_its_edges():
    rng = np.random.default_rng(0)
    own, donor = (
        draw(rng, SIDE, np.array(colour), np.array(ground)).picture.astype(np.float32)
        for colour, ground in (((200, 40, 40), (20, 20, 20)), ((90, 120, 200), (140, 160, 120)))
    )
    styled = in_style_of(own, donor, np.random.default_rng(1))
    assert styled.dtype == np.float32
    assert (
        np.abs(styled.mean((0, 1)) - donor.mean((0, 1))).max()
        < 40
        < np.abs(own.mean((0, 1)) - donor.mean((0, 1))).max()
    )
    assert np.corrcoef(styled[..., 0].ravel(), own[..., 0].ravel())[0, 1] > 0.7


def test_losses_are_those_of_their_equations():
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(2, 4, 4)), (rng.random((2, 4, 4)) > 0.5).astype(float)
    known = (rng.random((2, 4, 4)) > 0.3).astype(float)
    chance = 1 / (1 + np.exp(-logits))
    entropy = -(target * np.log(chance) + (1 - target) * np.log(1 - chance))
    tensors = [torch.from_numpy(values) for values in (logits, target, known)]
    assert float(cross_entropy(*tensors)) == pytest.approx((entropy * known).sum() / known.sum())
    dice = [
        1 - (2 * (c * t * k).sum() + 1) / ((c * k).sum() + (t * k).sum() + 1)
        for c, t, k in zip(chance, target, known, strict=True)
    ]
    assert float(dice_loss(*tensors)) == pytest.approx(np.mean(dice))
    found, wanted, seen = logits > 0, target > 0, known > 0
    ious = [(f & w & s).sum() / ((f | w) & s).sum() for f, w, s in zip(found, wanted, seen, strict=True)]
    assert overlap(*tensors).tolist() == pytest.approx(ious)
    empty = torch.zeros(1, 4, 4)
    assert overlap(empty - 1, empty, empty + 1).tolist() == [1.0]
    assert float(dice_loss(empty - 100, empty, empty + 1)) == pytest.approx(0)


def test_contrast_is_infonce_over_the_allowed_negatives():
    rng = np.random.default_rng(0)
    anchors, positives, negatives = (rng.normal(size=(n, 5)) for n in (2, 2, 3))
    allowed = np.array([[True, False, True], [True, True, True]])

    def unit(rows):
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    near = np.exp((unit(anchors) * unit(positives)).sum(1) / 0.1)
    far = (np.exp(unit(anchors) @ unit(negatives).T / 0.1) * allowed).sum(1)
    found = contrast(*(torch.from_numpy(one) for one in (anchors, positives, negatives, allowed)))
    assert float(found) == pytest.approx(float(-np.log(near / (near + far)).mean()))
    assert float(contrast(*(torch.ones(1, 3),) * 3, torch.zeros(1, 1, dtype=torch.bool))) == 0


def test_orthogonality_is_the_squared_cosine():
    c, d = torch.tensor([[1.0, 0.0], [1.0, 1.0]]), torch.tensor([[0.0, 2.0], [1.0, 0.0]])
    assert float(orthogonality(c, d)) == pytest.approx(0.25)


def test_the_loss_is_the_weighted_sum_of_its_parts():
    task = make_task()
    with torch.no_grad():
        parts = task.training_step(task.network, task.load([0, 1, 2, 3]))
    factors = {"mask": 1.0, **vars(STANDARD)}
    assert set(parts) == {"loss", *factors}
    total = sum(factor * float(parts[name]) for name, factor in factors.items())
    assert float(parts["loss"]) == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize(
    ("ablation", "missing"),
    [
        (Ablation(contrastive=False), {"contrast"}),
        (Ablation(domain_prototype=False), {"orthogonality"}),
        (Ablation(False, False, False, False, False, "fixed"), {"contrast", "orthogonality"}),
    ],
    ids=["contrast", "domain", "all"],
)
def test_an_ablation_leaves_out_its_losses(ablation, missing):
    task = make_task(network=build_smallest(has_transformer=False, ablation=ablation))
    parts = task.training_step(task.network, task.load([0, 1]))
    assert {"loss", "mask", *vars(STANDARD)} - set(parts) == missing
    parts["loss"].backward()
    idle = [key for key, one in task.network.named_parameters() if one.requires_grad and one.grad is None]
    assert idle == []


def test_a_frozen_encoder_is_neither_trained_nor_saved():
    network = build_smallest()
    before = {key: tensor.clone() for key, tensor in network.backbone.state_dict().items()}
    part = TrainedPart(network, freezes_encoder=True)
    assert {key.split(".")[0] for key in part.state_dict()} == {"tavp"}
    assert set(part.state_dict()) <= set(network.state_dict())
    assert any(key.startswith(DECODER) for key in part.state_dict())
    task = make_task(network=network, freezes_encoder=True)
    optimiser = torch.optim.SGD(task.network.parameters(), 0.1)
    task.training_step(task.network, task.load([0, 1]))["loss"].backward()
    optimiser.step()
    after = network.backbone.state_dict()
    assert all(torch.equal(after[key], tensor) for key, tensor in before.items())


@pytest.mark.parametrize("has_transformer", [True, False], ids=["transformer", "convolutions"])
def test_ten_steps_lower_the_loss(tmp_path, has_transformer):
    torch.manual_seed(0)
    task = make_task(network=build_smallest(has_transformer=has_transformer))
    with torch.no_grad():
        before = task.validation_step(task.network.eval())
    schedule = Schedule(
        10, 4, 3e-3, warm_up=2, clip_norm=1.0, validate_every=10, save_every=10, monitor="iou",
        rate_factors={DECODER: 0.5},
    )  # fmt: skip
    with Run.open(tmp_path / "run", command="fewshot-seg train", options={}) as run:
        progress = fit(run, task, schedule, samples=None, compute=configure("cpu"), output=Output(quiet=True))
    with torch.no_grad():
        after = task.validation_step(task.network.eval())
    assert progress.step == 10
    assert after["loss"] < before["loss"] - 0.02
    assert 0 <= after["presence"] <= 1
    assert progress.rows[-1]["val_loss"] == pytest.approx(after["loss"], rel=1e-4)
    assert 0 <= progress.rows[-1]["val_iou"] <= 1
