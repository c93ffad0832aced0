"""What the report of evaluate says."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.synth_faces.evaluation.recognition import recognition
from vision_cli.synth_faces.evaluation.set_measures import Measure, SetMeasures
from vision_cli.synth_faces.runs.finish_evaluate import verdict_of
from vision_cli.synth_faces.values import EXPRESSIONS


def measured(share, classes):
    """Make the measures of 100 faces with the first two labels, of which a share is named rightly."""
    labels = np.arange(100) % 2
    predicted = np.where(np.arange(100) < 100 * share, labels, 1 - labels)
    found = recognition(predicted, labels, classes, resamples=100)
    smiles = Measure("paired_smiles_au12", 0.98, faces=51)
    return SetMeasures((smiles,), found, None, None, (), ())


@pytest.mark.parametrize(
    ("share", "classes", "level"),
    [
        (0.41, EXPRESSIONS, "good"),
        (0.25, EXPRESSIONS, "caution"),
        (0.1, EXPRESSIONS, "bad"),
        (0.95, EXPRESSIONS[:2], "good"),
        (0.5, EXPRESSIONS[:2], "bad"),
    ],
)
def test_chance_is_that_of_the_classes_of_the_judge_not_of_the_labels_that_occur(share, classes, level):
    assert verdict_of(measured(share, classes), 100)[0] == level


def test_the_verdict_says_by_what_smiles_were_scored():
    words = verdict_of(measured(0.5, EXPRESSIONS), 100)[1]
    assert "By AU 12, the smile scores above the neutral face of 98.0 % of 51 persons." in words
