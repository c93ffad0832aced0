"""Training of GM-DF: losses, the step over domains, batches, and a detector that learns."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from scipy.linalg import sqrtm
from torch import nn

from vision_cli.core.compute.training import LAST, Schedule, Trainer
from vision_cli.core.errors import InputError
from vision_cli.core.runs.runs import Run
from vision_cli.forgery_detect.networks.gmdf.detector import GmDf
from vision_cli.forgery_detect.networks.gmdf.encoder import VisionEncoder
from vision_cli.forgery_detect.networks.gmdf.masked import MaskedDecoder
from vision_cli.forgery_detect.networks.gmdf.prompts import PromptEncoder, Prompts
from vision_cli.forgery_detect.training.faces import domain_measures, standardise
from vision_cli.forgery_detect.training.gmdf.batches import PairedBatches
from vision_cli.forgery_detect.training.gmdf.losses import prompt_contrast, squared_wasserstein
from vision_cli.forgery_detect.training.gmdf.meta import JOINT, META, PRETRAINING, MetaLearner, Terms
from vision_cli.forgery_detect.training.gmdf.task import (
    GmDfTask,
    detector_state,
    logits_of,
    prototypes,
    take_over,
)
from vision_cli.forgery_detect.training.paired_loss import paired_loss
from vision_cli.forgery_detect.values import Examples

CPU = torch.device("cpu")
SIDE = 16


def faces_of(sources, domains=3, *, clue=60):
    """Make pairs of faces in turn from each domain; a fake has a bright square, and coherence of its own."""
    rng = np.random.default_rng(7)
    count = 2 * sources
    labels, source = np.arange(count) % 2, np.arange(count) // 2
    domain = source % domains
    images = (
        rng.integers(60, 120, (count, 3, SIDE, SIDE), dtype=np.uint8)
        + (20 * domain).astype(np.uint8)[:, None, None, None]
    )
    images[1::2] = images[::2]
    images[1::2, :, 8:, 8:] += np.uint8(clue)
    coherence = rng.normal(3, 2, (count, 4)).astype(np.float32)
    names = tuple("abcdef"[:domains])
    blank = ("",) * count
    return Examples(
        images, np.zeros((count, 3, 1, 1), np.uint8), coherence, labels, source, domain, names, blank, blank, blank
    )


def detector_of(domains=("a", "b", "c"), experts=2):
    torch.manual_seed(3)
    encoder = VisionEncoder(side=SIDE, patch=8, width=12, depth=2, heads=2, expert_dim=4, experts=experts, condition=5)
    prompts = PromptEncoder(len(domains), 8, width=8, depth=1, heads=2)
    return GmDf(encoder, prompts, domains=domains, features=4, condition=5, outputs=8, levels=(1, 2), reduced=4)


def decoder_of():
    torch.manual_seed(4)
    return MaskedDecoder(12, patches=4, patch=8, width=8, depth=1, heads=2)


def task_of(examples=None, plan=META, *, experts=2, validation=None, batch_size=12):
    examples = examples or faces_of(12)
    detector = detector_of(examples.domain_names, experts)
    return GmDfTask(detector, decoder_of(), examples, validation, plan, CPU, seed=0, batch_size=batch_size)


def gaussian_distance(one, other):
    """Return the squared 2-Wasserstein distance of two Gaussians from their covariances."""
    s, t = np.cov(one.T), np.cov(other.T)
    root = sqrtm(s)
    cross = sqrtm(root @ t @ root).real
    return ((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(s + t - 2 * cross)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(8, 30), st.integers(8, 30))
def test_factored_distance_is_the_closed_form(seed, count, other_count):
    rng = np.random.default_rng(seed)
    one = rng.normal(size=(count, 5)) @ rng.normal(size=(5, 5))
    other = rng.normal(size=(other_count, 5)) @ rng.normal(size=(5, 5)) + rng.normal(size=5)
    found = float(squared_wasserstein(torch.from_numpy(one), torch.from_numpy(other)))
    assert found == pytest.approx(gaussian_distance(one, other), rel=1e-6, abs=1e-6)


def test_factored_distance_is_that_of_pot():
    ot = pytest.importorskip("ot.gaussian")
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=(40, 6)), 1.5 * rng.normal(size=(30, 6)) + 0.3
    wanted = ot.bures_wasserstein_distance(one.mean(0), other.mean(0), np.cov(one.T), np.cov(other.T))
    found = squared_wasserstein(torch.from_numpy(one), torch.from_numpy(other))
    assert float(found) == pytest.approx(float(wanted) ** 2, abs=1e-6)


def test_distance_of_small_batches_has_a_derivative():
    generator = torch.Generator().manual_seed(2)
    # Fewer rows than features, and rows that are alike: singular values of 0.
    one, other = (torch.randn(4, 16, generator=generator, dtype=torch.float64) for _ in range(2))
    one[1] = one[0]
    one.requires_grad_()
    squared_wasserstein(one, other).backward()
    assert torch.isfinite(one.grad).all()
    step = 1e-5 * torch.randn(4, 16, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        rise = squared_wasserstein(one + step, other) - squared_wasserstein(one - step, other)
    assert float(rise) == pytest.approx(2 * float((one.grad * step).sum()), rel=1e-3)
    same = other.clone().requires_grad_()
    assert float(squared_wasserstein(same, other).detach()) == pytest.approx(0, abs=1e-6)


def test_paired_loss_is_of_the_differences_of_pairs():
    logits = torch.tensor([1.0, 3.0, 0.5, -2.0, 7.0])
    labels, sources = torch.tensor([0, 1, 1, 0, 1]), torch.tensor([0, 0, 0, 1, 2])
    wanted = nn.functional.softplus(torch.tensor([-2.0, 0.5])).mean()
    torch.testing.assert_close(paired_loss(logits, labels, sources), wanted)
    # What all faces of an original share drops out; without pairs nothing is left.
    shift = torch.tensor([4.0, 4, 4, -3, 1])
    torch.testing.assert_close(paired_loss(logits + shift, labels, sources), wanted)
    assert float(paired_loss(logits, labels, torch.arange(5))) == 0


def test_prompt_contrast_is_least_for_the_own_prompt():
    features = nn.functional.normalize(torch.randn(3, 2, 16, generator=torch.Generator().manual_seed(1)), dim=-1)
    prompts = Prompts(features, torch.tensor([0.07, 0.08, 0.09]))
    domains, labels = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1])
    own = features[1:].flatten(0, 1)
    found = prompt_contrast(3 * own, prompts, domains, labels)
    assert float(found) < 0.1
    assert float(prompt_contrast(own.roll(1, 0), prompts, domains, labels)) > 3
    scores = own @ own.T / torch.tensor([0.08, 0.08, 0.09, 0.09])
    wanted = -(scores.log_softmax(1).diagonal() + scores.log_softmax(0).diagonal()).mean() / 2
    torch.testing.assert_close(found, wanted)


def test_faces_come_in_pairs_of_each_domain_in_turn():
    examples = faces_of(12)
    batches = task_of(examples).batches
    rows = [batches.pairs.row(number) for number in range(24)]
    labels, sources = examples.labels[rows], examples.sources[rows]
    np.testing.assert_array_equal(labels, [0, 1] * 12)
    np.testing.assert_array_equal(sources[::2], sources[1::2])
    np.testing.assert_array_equal(examples.domains[rows][::2], [0, 1, 2] * 4)
    assert sorted(sources[1::2]) == list(range(12))
    assert rows == [batches.pairs.row(number) for number in range(24)]
    assert sorted(batches.meta_test(step) for step in range(3, 6)) == [0, 1, 2]


def test_a_pair_is_varied_alike_and_wildcards_are_a_share():
    task = task_of(faces_of(12, clue=0), dataclasses.replace(META, wildcard=0.5))
    batch = task.load(range(240))
    torch.testing.assert_close(batch.image[::2], batch.image[1::2])
    torch.testing.assert_close(batch.weights[::2], batch.weights[1::2])
    assert 0.3 < float(batch.weights[:, 0].mean()) < 0.7
    named = batch.weights[:, 0] == 0
    torch.testing.assert_close(batch.weights[named, 1:].argmax(dim=1), batch.domains[named])
    assert batch.seen.shape == (240, 2)
    part = task.load(range(120, 240))
    torch.testing.assert_close(part.image, batch.image[120:])
    torch.testing.assert_close(part.seen, batch.seen[120:])


def test_domains_of_one_class_are_drawn_too():
    examples = faces_of(12)
    kept = (examples.domains != 1) | (examples.labels == 1)
    arrays = {name: getattr(examples, name)[kept] for name in ("images", "coherence", "labels", "sources", "domains")}
    batches = task_of(dataclasses.replace(examples, **arrays)).batches
    batch = batches.load(range(24))
    assert set(batch.labels[batch.domains == 1].tolist()) == {1}
    assert set(batch.labels[batch.domains == 2].tolist()) == {0, 1}


def test_one_domain_and_one_class_are_refused():
    with pytest.raises(InputError, match=r"faces of 1 domain found \(a\); GM-DF needs two domains"):
        task_of(faces_of(6, domains=1))
    assert task_of(faces_of(6, domains=1), JOINT, experts=0).batches.domains == [0]
    examples = faces_of(6)
    with pytest.raises(InputError, match="real faces alone among the 12 training faces"):
        task_of(dataclasses.replace(examples, labels=np.zeros(12, np.int64)))


class OneNumber(nn.Module):
    """Stands for objective and detector: the loss of a batch is ``a / 2 (theta - t)^2``, t the mean of its images."""

    def __init__(self, theta, curvature):
        super().__init__()
        self.detector = nn.Module()
        self.detector.theta = nn.Parameter(torch.tensor(theta, dtype=torch.float64))
        self.detector.expert_names = lambda: ("theta",)
        self.curvature = curvature

    def forward(self, batch, is_masked=True):
        loss = self.curvature / 2 * (self.detector.theta - batch.image.mean()) ** 2
        zero = loss.new_zeros(())
        return Terms(loss, zero, zero, zero, zero, self.detector.theta * batch.image.double())


@pytest.mark.parametrize("is_second_order", [False, True])
def test_a_step_over_domains_by_hand(is_second_order):
    theta, a, beta, train, test = 3.0, 4.0, 0.1, 1.0, 2.0
    batch = task_of(faces_of(12, domains=2)).load(range(8))
    image = torch.where(batch.domains == batch.meta_test, test, train)[:, None].double()
    plan = dataclasses.replace(META, inner_rate=beta, is_second_order=is_second_order, alignment=0.0, meta_train=0.0)
    learner = MetaLearner(detector_of(), None, plan)
    learner.objective = OneNumber(theta, a)
    losses = learner(dataclasses.replace(batch, image=image))
    stepped = theta - beta * a * (theta - train)
    assert float(losses["loss"].detach()) == pytest.approx(a / 2 * (stepped - test) ** 2)
    losses["loss"].backward()
    # Through the inner step the derivative of theta' is 1 - beta a; first order takes it for 1.
    factor = 1 - beta * a if is_second_order else 1.0
    assert float(learner.objective.detector.theta.grad) == pytest.approx(a * (stepped - test) * factor)
    assert float(losses["unaligned"]) == 0


@pytest.mark.parametrize(
    ("plan", "experts"),
    [(META, 2), (dataclasses.replace(META, is_second_order=True), 2), (PRETRAINING, 0), (JOINT, 0)],
    ids=["first order", "second order", "pretraining", "joint"],
)
def test_every_trained_parameter_has_a_finite_derivative(plan, experts):
    task = task_of(plan=plan, experts=experts)
    before = {name: value.clone() for name, value in task.network.state_dict().items()}
    losses = task.training_step(task.network, task.load(range(12)))
    losses["loss"].backward()
    trained = {name: value for name, value in task.network.named_parameters() if value.requires_grad}
    assert all(value.grad is not None and torch.isfinite(value.grad).all() for value in trained.values())
    # The inner step is one of a copy.
    assert all(torch.equal(value, before[name]) for name, value in task.network.state_dict().items())
    assert ("objective.detector.encoder.conv1.weight" in trained) is plan.trains_encoder
    assert any(name.startswith("objective.decoder") for name in trained) is (plan.masked > 0)
    assert float(losses.get("unaligned", torch.zeros(()))) == 0


def test_second_order_differs_from_first():
    slopes = []
    for is_second_order in (False, True):
        task = task_of(plan=dataclasses.replace(META, inner_rate=0.5, is_second_order=is_second_order))
        task.training_step(task.network, task.load(range(12)))["loss"].backward()
        slopes.append(task.detector.encoder.experts[0].domain_norm.scale.weight.grad)
    assert not torch.allclose(*slopes)


def test_too_few_faces_of_a_domain_are_counted_not_aligned():
    task = task_of()
    batch = task.load(range(12))
    places = torch.arange(12)
    single = batch.chosen((batch.domains != batch.meta_test) | (places == places[batch.domains == batch.meta_test][0]))
    losses = task.training_step(task.network, single)
    assert float(losses["unaligned"]) == 1
    assert float(losses["alignment"]) == 0
    assert torch.isfinite(losses["loss"])
    without = task.training_step(task.network, batch.chosen(batch.domains != batch.meta_test))
    assert without.keys() == losses.keys()
    assert float(without["unaligned"]) == 1
    assert torch.isfinite(without["loss"])


def trained(task, steps, rate=1e-3):
    optimiser = torch.optim.AdamW([one for one in task.network.parameters() if one.requires_grad], rate)
    losses = []
    for step in range(steps):
        loss = task.training_step(task.network, task.load(range(12 * step, 12 * step + 12)))["loss"]
        losses.append(float(loss.detach()))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return losses


@pytest.mark.slow
def test_pretraining_then_experts_learn_what_is_seen_at_once():
    examples = faces_of(24)
    pretraining = task_of(examples, PRETRAINING, experts=0)
    losses = trained(pretraining, 40)
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    task = task_of(examples, validation=examples)
    take_over(task.detector, pretraining.detector)
    frozen = task.detector.encoder.conv1.weight.clone()
    trained(task, 20)
    assert torch.equal(task.detector.encoder.conv1.weight, frozen)
    measures = task.validation_step(task.network)
    assert measures["auc"] > 0.95
    assert set(measures) == {"auc", "auc_a", "auc_b", "auc_c"}
    task.detector.set_prototypes(*prototypes(task.detector, examples, device=CPU))
    auto = logits_of(task.detector, examples, "auto", device=CPU)
    assert domain_measures(examples, auto)["auc"] > 0.9
    copy = detector_of()
    copy.load_state_dict(detector_state(task.network.state_dict()))
    np.testing.assert_array_equal(logits_of(copy, examples, "auto", device=CPU), auto)


def test_the_shared_loop_trains_it_and_resumes(tmp_path):
    schedule = Schedule(4, 12, 1e-3, validate_every=2, save_every=2, monitor="auc")
    last = {}
    for name, steps in (("whole", 4), ("parts", 2), ("parts", 4)):
        task = task_of(validation=faces_of(6))
        plan = dataclasses.replace(schedule, steps=steps)
        with Run.open(tmp_path / name, command="tiny train", options={}, resume=(tmp_path / name).exists()) as run:
            progress = Trainer(run, task, plan, samples=None, load=task.load).fit()
        last[name, steps] = load_file(tmp_path / name / LAST)
    assert {"loss", "alignment", "unaligned", "val_auc"} <= progress.rows[-1].keys()
    detector_of().load_state_dict(detector_state(last["whole", 4]))
    assert all(torch.equal(value, last["parts", 4][name]) for name, value in last["whole", 4].items())


def test_prototypes_are_the_means_of_the_domains():
    examples, detector = faces_of(70), detector_of()
    means, spread = prototypes(detector, examples, device=CPU)
    with torch.no_grad():
        tokens = detector.describe(torch.from_numpy(examples.images).float() / 255)
    wanted = torch.stack([tokens[examples.domains == place].mean(dim=0) for place in range(3)])
    torch.testing.assert_close(means, wanted, atol=1e-5, rtol=1e-5)
    distances = (tokens - wanted[torch.from_numpy(examples.domains)]).square().sum(dim=1)
    torch.testing.assert_close(spread, distances.mean(), atol=1e-5, rtol=1e-4)


def test_coherence_is_standardised_on_real_faces():
    examples, detector = faces_of(20), detector_of()
    examples.coherence[examples.labels == 1] += 50
    standardise(detector.coherence, examples)
    real = examples.coherence[examples.labels == 0]
    np.testing.assert_allclose(detector.coherence.mean.numpy(), real.mean(0), rtol=1e-5)
    np.testing.assert_allclose(detector.coherence.deviation.numpy(), real.std(0), rtol=1e-5)


def test_take_over_refuses_another_variant():
    other = detector_of(("a", "b"), experts=0)
    with pytest.raises((ValueError, RuntimeError)):
        take_over(detector_of(), other)


def test_domains_of_one_class_have_no_area():
    examples = faces_of(6)
    one_class = dataclasses.replace(examples, labels=np.where(examples.domains == 2, 1, examples.labels))
    assert set(domain_measures(one_class, examples.labels.astype(float))) == {"auc", "auc_a", "auc_b"}


def test_batches_are_drawn_over_all_processes_alike():
    examples = faces_of(12)
    batches = PairedBatches(examples, CPU, seed=0, batch_size=12, patches=4, hidden=0.5, wildcard=0.3)
    halves = [batches.load(range(start, start + 6)) for start in (12, 18)]
    assert halves[0].meta_test == halves[1].meta_test == batches.load(range(12, 24)).meta_test
