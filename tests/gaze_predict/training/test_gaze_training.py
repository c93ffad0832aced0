"""Training on readings: targets, changes of films, losses against their equations, and a few steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy, norm

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import configure
from vision_cli.core.compute.training import Schedule, fit
from vision_cli.core.errors import InputError
from vision_cli.core.runs.runs import Run
from vision_cli.gaze_predict.networks.building import build_smallest
from vision_cli.gaze_predict.networks.gem import Ablation
from vision_cli.gaze_predict.text.tokenizer import Tokenizer
from vision_cli.gaze_predict.training.augmentation import Warp
from vision_cli.gaze_predict.training.batches import make_batch
from vision_cli.gaze_predict.training.gaze import GazeTask, measures
from vision_cli.gaze_predict.training.losses import (
    STANDARD,
    divergence,
    duration_cost,
    losses,
    matching_cost,
    stop_cost,
)
from vision_cli.gaze_predict.training.readings import to_eight

SIDE = 64
TOKENIZER = Tokenizer.default()


def make_task(source, network=None, **changes):
    torch.manual_seed(0)
    network = network or build_smallest(TOKENIZER.rows)
    return GazeTask(network, source, TOKENIZER, torch.device("cpu"), **{"side": SIDE, "validation": 8, **changes})


@settings(max_examples=60)
@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, float("nan")]), min_size=1, max_size=20))
def test_eight_points_are_the_longest_in_the_order_of_time(durations):
    times = np.array(durations)
    found = to_eight(np.stack([np.arange(len(times)), np.arange(len(times))], 1), times)
    numbers = found.points[:, 0].astype(int)
    assert found.points.shape == (8, 2)
    assert (np.diff(numbers) >= 0).all()
    assert found.length == min(len(times), 8)
    assert found.is_whole == (len(times) <= 8)
    np.testing.assert_array_equal(found.durations, times[numbers].astype(np.float32))
    known = np.nan_to_num(times, nan=-1)
    if len(times) >= 8:
        assert len(set(numbers)) == 8
        left_out = known[[n for n in range(len(times)) if n not in numbers]]
        assert len(left_out) == 0 or known[numbers].min() >= left_out.max()
    else:
        assert set(numbers) == set(range(len(times)))
        repeated = [n for n in set(numbers) if (numbers == n).sum() > 1]
        assert repeated == [int(known.argmax())]


def test_a_path_without_fixation_is_an_error():
    with pytest.raises(InputError, match="without a fixation"):
        to_eight(np.zeros((0, 2)), np.zeros(0))


def test_points_and_pictures_move_together():
    rng = np.random.default_rng(0)
    for _ in range(5):
        warp = Warp.random(rng)
        x, y = rng.uniform(0.3, 0.7, 2)
        rows, columns = (np.mgrid[:80, :120] + 0.5) / np.array([80, 120])[:, None, None]
        bell = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 0.04**2))
        moved = warp.picture(bell, edge=False).astype(float)
        centre = [(moved * axis).sum() / moved.sum() for axis in (columns, rows)]
        np.testing.assert_allclose(centre, warp.points(np.array([[x, y]]))[0], atol=0.004)


def test_a_film_is_never_mirrored():
    rng = np.random.default_rng(0)
    warps = [Warp.random(rng) for _ in range(200)]
    assert all(np.linalg.det(warp.matrix) > 0 for warp in warps)
    angles = [np.rad2deg(np.arctan2(warp.matrix[1, 0], warp.matrix[0, 0])) for warp in warps]
    assert 8 < max(angles) <= 10
    assert -10 <= min(angles) < -8


def test_a_batch_follows_from_seed_and_numbers_alone(spots):
    first, second = (make_task(spots, seed=3, sentences=2, augments=True).load([4, 5]) for _ in range(2))
    other = make_task(spots, seed=4, sentences=2, augments=True).load([4, 5])
    assert all(
        torch.equal(getattr(first, name).nan_to_num(), getattr(second, name).nan_to_num()) for name in vars(first)
    )
    assert not torch.equal(first.films, other.films)
    assert first.films.shape == (2, 1, SIDE, SIDE)
    assert first.which.tolist() == [0, 0, 1, 1]
    torch.testing.assert_close(first.density.sum((1, 2)), torch.ones(4))


def test_the_density_of_a_batch_is_where_the_points_are(spots):
    batch = make_task(spots, augments=True).load(list(range(8)))
    y, x = (np.mgrid[: SIDE // 4, : SIDE // 4] + 0.5) / (SIDE // 4)
    for density, points in zip(batch.density.numpy(), batch.points.numpy(), strict=True):
        centre = [(density * axis).sum() for axis in (x, y)]
        np.testing.assert_allclose(centre, points.mean(0), atol=0.08)


def test_sentences_are_left_out_as_often_as_asked(spots):
    films = [spots(np.random.default_rng(number), side=16, sentences=4) for number in range(100)]
    rngs = [np.random.default_rng(number) for number in range(100)]
    mask = make_batch(films, rngs, TOKENIZER, without_text=0.25).mask
    assert 0.19 < float((mask.sum(1) == 1).float().mean()) < 0.31


@pytest.mark.parametrize("value", [0, -1, np.nan])
def test_a_density_that_is_none_is_an_error(spots, value):
    film = spots(np.random.default_rng(0), side=16, sentences=1)
    broken = replace(film, readings=(replace(film.readings[0], density=np.full((16, 16), value)),))
    with pytest.raises(InputError, match="density of gaze"):
        make_batch([broken], [np.random.default_rng(0)], TOKENIZER)


def test_ends_are_known_for_whole_paths_only(spots):
    film = spots(np.random.default_rng(0), side=16, sentences=1)
    for count, wanted in ((3, [0, 0, 1] + [None] * 5), (8, [0] * 7 + [1]), (9, [0] * 8)):
        reading = replace(film.readings[0], points=np.full((count, 2), 0.5), durations=np.full(count, np.nan))
        batch = make_batch([replace(film, readings=(reading,))], [np.random.default_rng(0)], TOKENIZER)
        assert [None if np.isnan(one) else one for one in batch.ends[0].tolist()] == wanted
        assert batch.log_durations.isnan().all()


def test_losses_are_those_of_their_equations():
    rng = np.random.default_rng(0)
    truth, predicted = (rng.dirichlet(np.ones(12), 3).reshape(3, 3, 4) for _ in range(2))
    truth[0, 0] = 0
    truth /= truth.sum((1, 2), keepdims=True)
    found = divergence(torch.from_numpy(predicted).log(), torch.from_numpy(truth))
    assert float(found) == pytest.approx(
        np.mean([entropy(t.ravel(), p.ravel()) for t, p in zip(truth, predicted, strict=True)])
    )
    mean, spread, logs = rng.normal(size=(2, 8)), rng.uniform(0.3, 1, (2, 8)), rng.normal(size=(2, 8))
    logs[0, 3:] = np.nan
    wanted = -np.nanmean(norm.logpdf(logs, mean, spread)) - 0.5 * np.log(2 * np.pi)
    assert float(duration_cost(*map(torch.from_numpy, (mean, spread, logs)))) == pytest.approx(wanted)
    nothing = torch.full((2, 8), torch.nan)
    assert float(duration_cost(torch.zeros(2, 8), torch.ones(2, 8), nothing)) == 0
    chance, ends = rng.uniform(0.1, 0.9, (2, 8)), (rng.random((2, 8)) < 0.3).astype(float)
    ends[1, 2:] = np.nan
    wanted = -np.nanmean(ends * np.log(chance) + (1 - ends) * np.log(1 - chance))
    logits = torch.from_numpy(np.log(chance / (1 - chance)))
    assert float(stop_cost(logits, torch.from_numpy(ends))) == pytest.approx(wanted)
    assert float(matching_cost(torch.log(torch.full((2, 8, 8), 1 / 8)))) == pytest.approx(np.log(8))


@pytest.mark.parametrize("matches", [True, False])
def test_the_loss_is_the_weighted_sum_of_its_parts(spots, matches):
    ablation = Ablation() if matches else Ablation(graph=False, matching=False)
    task = make_task(spots, build_smallest(TOKENIZER.rows, ablation=ablation), sentences=2)
    with torch.no_grad():
        parts = task.training_step(task.network, task.load([0, 1]))
    factors = {"density": 1.0, **vars(STANDARD)}
    assert set(factors) - set(parts) == (set() if matches else {"matching"})
    total = sum(factors[name] * float(part) for name, part in parts.items() if name != "loss")
    assert float(parts["loss"]) == pytest.approx(total, rel=1e-5)


def test_measures_of_the_truth_are_the_best(spots):
    task = make_task(spots)
    batch = task.load([0, 1, 2])
    with torch.no_grad():
        answer = task.network.eval()(batch.films, batch.which, batch.tokens, batch.mask)
    best = replace(answer, log_density=batch.density.clamp(min=1e-12).log(), points=batch.points)
    found = measures(best, batch, SIDE)
    torch.testing.assert_close(found[:, 0], torch.ones(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(found[:, 2:], torch.zeros(3, 2), atol=1e-4, rtol=0)
    assert (found[:, 1] > measures(answer, batch, SIDE)[:, 1]).all()
    flat = replace(answer, log_density=torch.zeros_like(batch.density))
    assert measures(flat, batch, SIDE)[:, :2].abs().max() == 0


def test_frozen_parts_stay_as_they_are(spots):
    task = make_task(spots, frozen=("image_encoder.",))
    before = {name: one.clone() for name, one in task.network.named_parameters()}
    optimiser = torch.optim.SGD(task.network.parameters(), 0.1)
    losses_of = task.training_step(task.network.train(), task.load([0, 1]))
    losses_of["loss"].backward()
    optimiser.step()
    changed = {
        name.split(".")[0] for name, one in task.network.named_parameters() if not torch.equal(one, before[name])
    }
    assert changed == {"text_encoder", "neck", "decoder", "projector", "head", "behaviour"}


@pytest.mark.parametrize("ablation", [Ablation(), Ablation(False, False, False)], ids=["whole", "nothing"])
def test_a_few_steps_learn_the_side_that_a_sentence_names(spots, tmp_path, ablation):
    torch.manual_seed(0)
    task = make_task(spots, build_smallest(TOKENIZER.rows, ablation=ablation), sentences=2, without_text=0.0)
    with torch.no_grad():
        before = task.validation_step(task.network.eval())
    schedule = Schedule(steps=60, batch_size=4, learning_rate=5e-3, clip_norm=1.0, validate_every=60, monitor="nss")
    with Run.open(tmp_path / "run", command="gaze-predict train", options={}) as run:
        progress = fit(run, task, schedule, samples=None, compute=configure("cpu"), output=Output(quiet=True))
    after = progress.rows[-1]
    assert after["val_nss"] > before["nss"] + 0.5
    assert after["val_kld"] < before["kld"]
    left, right = (TOKENIZER.encode(f"{side} nodule").ids for side in ("left", "right"))
    film = task.load([0]).films
    tokens = torch.tensor([left, right])
    with torch.no_grad():
        answer = task.network.eval()(film, torch.zeros(2, dtype=torch.long), tokens, torch.ones_like(tokens) > 0)
    shares = answer.log_density.flatten(1).softmax(1).unflatten(1, (16, 16)).sum(1)
    centres = shares @ ((torch.arange(16) + 0.5) / 16)
    assert centres[0] > centres[1] + 0.1


def test_dropout_follows_from_the_batch_alone(spots):
    task = make_task(spots)
    first, second = task.load([0, 1]), task.load([2, 3])
    task.network.train()
    with torch.no_grad():
        costs = [float(task.training_step(task.network, batch)["loss"]) for batch in (first, second, first)]
        other = replace(first, seed=first.seed + 1)
        assert float(task.training_step(task.network, other)["loss"]) != costs[0]
    assert costs[0] == costs[2] != costs[1]


def test_losses_take_an_answer_of_half_precision(spots):
    task = make_task(spots)
    batch = task.load([0, 1])
    with torch.autocast("cpu", torch.bfloat16):
        answer = task.network(batch.films, batch.which, batch.tokens, batch.mask, batch.points)
        parts = losses(answer, batch)
    assert all(torch.isfinite(part) for part in parts.values())
