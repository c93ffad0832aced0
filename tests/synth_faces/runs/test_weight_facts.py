"""Facts of weight files of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save_file

from vision_cli.core.compute.weights import resolve_weights
from vision_cli.core.errors import InputError
from vision_cli.synth_faces.runs.weight_facts import facts_of


@pytest.mark.parametrize(
    ("name", "kind", "fact"),
    [
        ("mini-sd", "text-to-face model", ("side_px", 64)),
        ("mini-sd-au", "adapter of action units", ("action_units", 41)),
        ("mini-sd-anno", "annotator", ("blocks", "up")),
        ("fer-judge", "recogniser of expressions", ("role", "judge")),
        ("au-guide", "recogniser of action units", ("role", "guide")),
    ],
)
def test_each_shipped_kind_says_what_it_is(name, kind, fact):
    shipped = resolve_weights("default", "synth-faces", name)
    facts = facts_of(shipped.path)
    assert facts["kind"] == kind
    assert facts[fact[0]] == fact[1]
    # Running statistics and counters of normalisation are numbers of the file, and no parameters of the card.
    assert facts["parameters"] >= shipped.card.parameters


def test_an_annotator_names_its_model():
    model = resolve_weights("default", "synth-faces", "mini-sd")
    annotator = resolve_weights("default", "synth-faces", "mini-sd-anno")
    assert facts_of(annotator.path)["model_sha256"] == model.sha256


def test_a_file_of_another_program_is_refused(tmp_path):
    save_file({"a": np.zeros(2, np.float32)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="no weights of synth-faces"):
        facts_of(tmp_path / "other.safetensors")
