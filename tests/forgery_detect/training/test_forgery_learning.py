"""Detectors of all methods prepared, learned in memory, and calibrated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from vision_cli.core.errors import InputError, UsageError
from vision_cli.forgery_detect.coherence.features import NAMES
from vision_cli.forgery_detect.networks.clip.towers import ClipVision, VisionSizes
from vision_cli.forgery_detect.options.training import TrainOptions
from vision_cli.forgery_detect.pipeline.clip_files import ClipWeights
from vision_cli.forgery_detect.training.learning import Lesson, inputs_of, learn, learn_coherence, scores_of
from vision_cli.forgery_detect.training.preparation import about_of, prepare, train_in_memory
from vision_cli.forgery_detect.training.recipes import schedule_of
from vision_cli.forgery_detect.values import Examples, FaceInput

CPU = torch.device("cpu")
TOWER = VisionSizes(side=32, patch=8, width=16, depth=1, heads=2, hidden=16, outputs=10)


def examples_of(sources, side, patch, *, clue=0.8, seed=0, domains=("film", "arch")):
    """Make pairs whose fakes have a higher coherence in every feature."""
    rng = np.random.default_rng(seed)
    count = 2 * sources
    labels, source = np.arange(count) % 2, np.arange(count) // 2
    own = np.repeat(rng.normal(size=(sources, len(NAMES))), 2, axis=0)
    coherence = own + 0.3 * rng.normal(size=own.shape) + clue * labels[:, None]
    words = tuple("ddpm" if label else "" for label in labels)
    return Examples(
        rng.integers(0, 256, (count, 3, side, side), dtype=np.uint8),
        rng.integers(0, 256, (count, 3, patch, patch), dtype=np.uint8),
        coherence.astype(np.float32),
        labels.astype(np.int64),
        source.astype(np.int64),
        (source % len(domains)).astype(np.int64),
        domains,
        words,
        tuple("synthesis" if word else "" for word in words),
        tuple("diffusion" if word else "" for word in words),
    )


def lesson_of(about, sources=6, **how):
    learned, held_out = (examples_of(sources, about.side, about.patch, seed=seed, **how) for seed in (1, 2))
    return Lesson(learned, held_out)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (TrainOptions(), ("coherence", "", 16, 16, True)),
        (TrainOptions(method="mfclip", ablate="noise"), ("mfclip", "nano", 112, 112, False)),
        (TrainOptions(method="erm", variant="paper"), ("erm", "paper", 224, 112, True)),
        (TrainOptions(method="gmdf", expert_dim=9), ("gmdf", "nano", 112, 16, True)),
        (TrainOptions(method="linear"), ("linear", "", 16, 16, True)),
    ],
)
def test_a_detector_is_described_before_it_is_built(options, wanted):
    about = about_of(options)
    assert (about.method, about.variant, about.side, about.patch, about.has_noise) == wanted
    assert about.features == len(NAMES)
    assert about.expert_dim == options.expert_dim
    if options.method != "coherence":
        assert about_of(replace(options, ablate="coherence")).features == 0


@pytest.mark.parametrize(
    ("method", "variant", "message"),
    [("mfclip", "base", "--variant base: nano, vcli or paper of mfclip"), ("gmdf", "paper", "nano or base of gmdf")],
)
def test_a_size_that_a_method_lacks_is_refused(method, variant, message):
    with pytest.raises(UsageError, match=message):
        about_of(TrainOptions(method=method, variant=variant))


def clip_of(tower):
    tensors = {f"visual.{name}": value.clone() for name, value in tower.state_dict().items()}
    return ClipWeights("tiny", tensors, {"heads": TOWER.heads})


def test_clip_is_refused_by_methods_that_take_none():
    with pytest.raises(UsageError, match="--backbone: erm nano takes none"):
        about_of(TrainOptions(method="erm"), clip_of(ClipVision(TOWER)))


def test_coherence_tells_unseen_pairs_apart_and_shuffled_labels_nothing():
    lesson = lesson_of(about_of(TrainOptions()), 60)
    model = learn(lesson, TrainOptions(), seed=0, device=CPU)
    labels = lesson.held_out.labels
    logits = scores_of(model, inputs_of(lesson.held_out))
    assert np.mean(logits[labels == 1][:, None] > logits[labels == 0]) > 0.95
    # The band is set so that few of either class lie on its wrong side.
    assert (logits[labels == 0] > model.about.doubt).mean() <= 0.1
    assert (logits[labels == 1] < -model.about.doubt).mean() <= 0.1
    areas = []
    for seed in range(8):
        turned = np.repeat(np.random.default_rng(seed).random(60) < 0.5, 2)
        shuffled = replace(lesson.learned, labels=np.where(turned, 1 - lesson.learned.labels, lesson.learned.labels))
        weights = learn_coherence(replace(lesson, learned=shuffled)).weights
        sums = lesson.held_out.coherence @ weights
        areas.append(np.mean(sums[labels == 1][:, None] > sums[labels == 0]))
    assert abs(np.mean(areas) - 0.5) < 0.15


def test_portraits_of_a_studio_raise_the_threshold():
    lesson = lesson_of(about_of(TrainOptions()), 40)
    rows = lesson.held_out.coherence[lesson.held_out.labels == 1] + np.float32(1)
    nothing = np.zeros((3, 16, 16), np.float32)
    studio = tuple(FaceInput(nothing, nothing, row) for row in rows)
    plain, spared = (learn(replace(lesson, studio=some), TrainOptions(), seed=0, device=CPU) for some in ((), studio))
    assert (scores_of(plain, studio) > plain.about.doubt).mean() > 0.9
    assert (scores_of(spared, studio) > spared.about.doubt).mean() <= 0.1


NETWORKS = {
    "mfclip": TrainOptions(method="mfclip", steps=1, batch_size=4),
    "gmdf": TrainOptions(method="gmdf", steps=1, batch_size=4, pretraining=1, ablate="coherence"),
    "linear": TrainOptions(method="linear", steps=2, batch_size=4),
}


@pytest.mark.parametrize("method", NETWORKS)
def test_networks_are_learned_calibrated_and_repeat(method):
    options = NETWORKS[method]
    about = about_of(options)
    lesson = lesson_of(about, 2)
    steps = []
    model = learn(lesson, options, seed=0, device=CPU, advance=lambda: steps.append(1))
    assert len(steps) == options.steps + (options.pretraining or 0)
    assert (model.about.side, model.about.features) == (about.side, about.features)
    assert model.about.domains == (("film", "arch") if method == "gmdf" else ())
    assert model.about.temperature > 0
    faces = inputs_of(lesson.held_out)[:3]
    logits = scores_of(model, faces)
    assert np.isfinite(logits).all()
    if method == "linear":
        again = learn(lesson, options, seed=0, device=CPU)
        np.testing.assert_array_equal(scores_of(again, faces), logits)


def test_a_probe_of_clip_trains_its_head_alone():
    clip = clip_of(ClipVision(TOWER))
    options = NETWORKS["linear"]
    about = about_of(options, clip)
    assert (about.variant, about.side, about.tower["outputs"]) == ("clip", 32, 10)
    model = learn(lesson_of(about), options, seed=0, device=CPU, clip=clip)
    tower = model.scorer.network.tower.state_dict()
    assert all(torch.equal(value, clip.tensors[f"visual.{name}"]) for name, value in tower.items())
    assert np.isfinite(scores_of(model, inputs_of(examples_of(2, 32, 16)))).all()


def test_one_domain_is_refused_before_the_pretraining():
    options = NETWORKS["gmdf"]
    about = about_of(options)
    steps = []
    with pytest.raises(InputError, match=r"faces of 1 domain found \(film\); GM-DF needs two domains or more"):
        learn(lesson_of(about, domains=("film",)), options, seed=0, device=CPU, advance=lambda: steps.append(1))
    assert steps == []


def test_weights_of_the_best_validation_are_kept(monkeypatch):
    options = NETWORKS["linear"]
    lesson = lesson_of(about_of(options))
    schedule = replace(schedule_of(options, seed=0), steps=4, validate_every=1)
    values = iter([0.2, 0.9, 0.9, 0.1])
    states = []
    prepared = prepare(about_of(options), options, lesson.learned, lesson.held_out, schedule, CPU)

    def validation_step(network):
        states.append({name: value.clone() for name, value in network.state_dict().items()})
        return {"auc": next(values)}

    monkeypatch.setattr(prepared.task, "validation_step", validation_step)
    best = train_in_memory(prepared.task, schedule)
    # The first of equal ones.
    assert all(torch.equal(value, states[1][name]) for name, value in best.items())
    assert not all(torch.equal(value, states[3][name]) for name, value in best.items())
    detector = prepared.finish(best)
    assert not detector.training
    assert torch.equal(detector.coherence.weight, best["detector.coherence.weight"])
