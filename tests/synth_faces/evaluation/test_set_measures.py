"""All measures of a set."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.synth_faces.evaluation.control import SeriesPlace
from vision_cli.synth_faces.evaluation.set_measures import Judged, measure_set
from vision_cli.synth_faces.pipeline.face_tables import FaceTable
from vision_cli.synth_faces.values import FaceDataset, LabelledFace

CLASSES = ("neutral", "happiness")


def judged(count=24, *, layout="csv", right=1.0, shift=0.0, seed=0):
    """Make a set whose judge is right in a share of the faces."""
    rng = np.random.default_rng(seed)
    faces = tuple(
        LabelledFace(f"{n:03}", None, CLASSES[n % 2], aus={"12": 4.0 * (n % 2)}, subject=f"p{n // 2}")
        for n in range(count)
    )
    smiles = np.arange(count) % 2
    named = np.where(np.arange(count) < right * count, smiles, 1 - smiles)
    probabilities = np.stack([1 - 0.8 * named, 0.8 * named + 0.0], axis=1)
    return Judged(
        table=FaceTable(FaceDataset(layout, faces), np.zeros((count, 32, 32), np.uint8), np.ones(count, bool)),
        space="fer",
        features=rng.standard_normal((count, 4)) + shift,
        classes=CLASSES,
        probabilities=probabilities,
        au_names=("12", "1"),
        intensities=np.stack([4.0 * named, rng.uniform(0, 1, count)], axis=1),
        labels=[face.expression for face in faces],
        facts=[{"sex": "female" if n % 3 else "male"} for n in range(count)],
    )


def values(found):
    return {one.name: one.value for one in found.measures}


def test_recognition_and_action_units_have_their_values():
    found = measure_set(judged(right=0.75), None, resamples=50, seed=0)
    numbers = values(found)
    assert numbers["fer_accuracy"] == 0.75
    assert numbers["au_mean_pearson"] == pytest.approx(0.5, abs=1e-9)
    assert {one.attribute for one in found.balance} == {"label", "sex"}
    assert not any(name.startswith(("fd_", "kid_")) for name in numbers)


def test_distances_are_named_after_the_judge_and_never_fid():
    near = values(measure_set(judged(), judged(seed=1), resamples=20, seed=0))
    far = values(measure_set(judged(), judged(seed=1, shift=3.0), resamples=20, seed=0))
    assert "fid" not in near
    assert near["fd_fer"] < 2 < far["fd_fer"]
    assert near["kid_fer_x1000"] < far["kid_fer_x1000"]
    assert near["coverage_fer"] > far["coverage_fer"]


def test_few_faces_have_no_distances_and_a_note():
    found = measure_set(judged(), judged(4), resamples=20, seed=0)
    assert "fd_fer" not in values(found)
    assert "too few" in found.notes[0]


def test_portraits_have_paired_smiles():
    numbers = values(measure_set(judged(layout="portraits"), None, resamples=20, seed=0))
    assert numbers["paired_smiles_happiness"] == 1.0
    assert numbers["smile_auc_au12"] == 1.0
    real = values(measure_set(judged(), judged(layout="portraits", seed=2), resamples=20, seed=0))
    assert real["real_paired_smiles_happiness"] == 1.0


def test_labels_that_the_judge_does_not_know_are_not_scored():
    one = judged()
    strangers = tuple(LabelledFace(face.name, None, "fear") for face in one.table.faces)
    table = FaceTable(FaceDataset("csv", strangers), one.table.cuts, one.table.is_found)
    found = measure_set(Judged(**{**vars(one), "table": table}), None, resamples=20, seed=0)
    assert found.recognition is None
    assert "fer_accuracy" not in values(found)


def test_a_unit_whose_rise_the_judge_does_not_see_has_a_note_and_no_leakage():
    one = judged(12)
    places = [SeriesPlace("12", f"p{n // 2}", 5.0 * (n % 2)) for n in range(12)]
    seen = measure_set(Judged(**{**vars(one), "places": places}), None, resamples=20, seed=0)
    assert values(seen)["control_mean_linearity"] == pytest.approx(1)
    assert not seen.notes
    flat = one.intensities * [0.0, 1.0]
    unseen = measure_set(Judged(**{**vars(one), "places": places, "intensities": flat}), None, resamples=20, seed=0)
    assert np.isinf(values(unseen)["control_mean_leakage"])
    assert unseen.notes[0].startswith("AU 12: ")
