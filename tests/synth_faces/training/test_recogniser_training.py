"""Training of recognisers: faces in memory, their variation, and a network that learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.core.command.console import Output
from vision_cli.core.errors import InputError
from vision_cli.synth_faces.pipeline.face_tables import FaceTable, chosen, cut_faces, joined
from vision_cli.synth_faces.pipeline.recogniser_files import About, as_batch, build_recogniser
from vision_cli.synth_faces.training.augmentation import vary
from vision_cli.synth_faces.training.method import split_persons
from vision_cli.synth_faces.training.recognising import RecogniserTask, targets_of, validation_measures
from vision_cli.synth_faces.values import FaceDataset, LabelledFace

SIDE = 32


class Held:
    """A picture that is there already."""

    def __init__(self, picture):
        self.picture = picture

    def read(self):
        return self.picture


def table_of(count, *, aus=None, **facts):
    """Make faces whose label is seen at once: a light or a dark band."""
    rng = np.random.default_rng(4)
    faces, cuts = [], []
    for number in range(count):
        is_smile = number % 2 == 0
        cut = rng.integers(90, 140, (SIDE, SIDE), dtype=np.uint8)
        cut[20:26] = 230 if is_smile else 10
        faces.append(
            LabelledFace(
                f"{number:03}",
                Held(np.repeat(cut[..., None], 3, axis=2)),
                expression="happiness" if is_smile else "neutral",
                subject=f"person {number // 2}",
                aus={} if aus is None else aus(number),
                **facts,
            )
        )
        cuts.append(cut)
    return FaceTable(FaceDataset("made", tuple(faces)), np.stack(cuts), np.zeros(count, bool))


def test_faces_are_cut_with_their_labels():
    made = table_of(4)
    (table,) = cut_faces(made.dataset, [SIDE], "none", Output(quiet=True))
    np.testing.assert_array_equal(table.cuts, made.cuts)
    np.testing.assert_array_equal(table.labels(("neutral", "happiness")), [1, 0, 1, 0])
    np.testing.assert_array_equal(table.labels(("happiness",)), [0, -1, 0, -1])
    np.testing.assert_array_equal(table.chances(("neutral", "happiness")), [[0, 1], [1, 0]] * 2)


def test_votes_count_before_the_label():
    votes = {"happiness": 0.6, "fear": 0.2, "anger": 0.2}
    table = table_of(1, votes=votes)
    np.testing.assert_allclose(table.chances(("happiness", "fear")), [[0.75, 0.25]])


def test_intensities_that_are_not_known_are_not_numbers():
    table = table_of(2, aus=lambda number: {"12": 3.0} if number else {"1": 2.0})
    np.testing.assert_array_equal(table.intensities(("12", "1")), [[np.nan, 2], [3, np.nan]])


def test_tables_are_joined_with_names_and_persons_apart():
    both = joined([table_of(2), table_of(2)])
    assert [face.name for face in both.faces] == ["0/000", "0/001", "1/000", "1/001"]
    assert sorted(set(both.subjects())) == ["0/person 0", "1/person 0"]
    assert both.cuts.shape == (4, SIDE, SIDE)
    assert [face.name for face in chosen(both, np.array([False, True, False, True])).faces] == ["0/001", "1/001"]


@pytest.mark.parametrize("count", [4, 60])
def test_all_faces_of_a_person_are_on_one_side(count):
    training, validation = split_persons(table_of(count), 0.2, seed=1)
    assert len(training.faces) + len(validation.faces) == count
    assert min(len(training.faces), len(validation.faces)) >= 2
    if count > 10:
        assert not set(training.subjects()) & set(validation.subjects())


def test_too_few_faces_are_refused():
    with pytest.raises(InputError, match="3 labelled faces; 4 or more expected"):
        split_persons(table_of(3), 0.2, seed=1)


def test_variation_depends_on_the_generator_of_a_face_alone():
    faces = as_batch(table_of(3).cuts)
    whole = vary(faces, [np.random.default_rng(number) for number in range(3)])
    alone = vary(faces[1:2], [np.random.default_rng(1)])
    torch.testing.assert_close(whole[1:2], alone, atol=1e-6, rtol=0)
    assert whole.shape == faces.shape
    assert 0 <= float(whole.min()) <= float(whole.max()) <= 1
    assert not torch.allclose(whole, faces, atol=0.05)


@pytest.mark.parametrize("what", ["expression", "aus"])
def test_a_network_learns_what_is_seen_at_once(what):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    table = table_of(40, aus=lambda number: {"12": 4.0 if number % 2 == 0 else 0.0})
    about = About(what, "judge", ("neutral", "happiness") if what == "expression" else ("12",), SIDE)
    network = build_recogniser(about, torch.Generator().manual_seed(0))
    task = RecogniserTask(network, about, table, table, torch.device("cpu"), seed=0)
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
    for step in range(12):
        network.train()
        loss = task.training_step(network, task.load(range(12 * step, 12 * step + 12)))["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    measures = validation_measures(network.eval(), about, table, torch.device("cpu"))
    assert measures["accuracy" if what == "expression" else "pearson"] > 0.9


def test_unknown_action_units_have_no_part_in_the_loss():
    table = table_of(4, aus=lambda number: {"12": 2.0} if number == 0 else {"1": 1.0})
    about = About("aus", "judge", ("12", "1"), SIDE)
    network = build_recogniser(about, torch.Generator().manual_seed(0)).eval()
    task = RecogniserTask(network, about, table, table, torch.device("cpu"), seed=0)
    batch = as_batch(table.cuts), torch.from_numpy(targets_of(table, about)).float()
    with torch.no_grad():
        loss = float(task.training_step(network, batch)["loss"])
        found = network(batch[0]).numpy()
    wanted = np.array([found[0, 0] - 2, found[1, 1] - 1, found[2, 1] - 1, found[3, 1] - 1])
    assert loss == pytest.approx(float((wanted**2).mean()), rel=1e-4)


def test_each_pass_takes_every_face_once():
    table = table_of(6)
    about = About("expression", "guide", ("neutral", "happiness"), SIDE)
    task = RecogniserTask(build_recogniser(about), about, table, table, torch.device("cpu"), seed=0)
    passes = [[task._place(number) for number in range(6 * k, 6 * k + 6)] for k in range(3)]
    assert all(sorted(places) == list(range(6)) for places in passes)
    assert passes[0] != passes[1]
