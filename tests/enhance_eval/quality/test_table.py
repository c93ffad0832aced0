"""The table of measures."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import UsageError
from vision_cli.enhance_eval.quality.table import (
    DEFAULT_MEASURES,
    MEASURES,
    choose_measures,
    measure_picture,
    niqe_measure,
)


def pictures():
    rng = np.random.default_rng(0)
    reference = rng.random((100, 110, 3), dtype=np.float32)
    source = (0.2 * reference).astype(np.float32)
    return np.clip(2.5 * source, 0, 1), reference, source


def test_there_are_fifteen_and_more_of_our_own():
    assert len(MEASURES) >= 15
    assert set(DEFAULT_MEASURES) <= set(MEASURES)
    assert "niqe" not in MEASURES
    assert "brisque" not in MEASURES


def test_every_measure_gives_a_number():
    picture, reference, source = pictures()
    values = measure_picture(picture, tuple(MEASURES.values()), reference=reference, source=source)
    assert list(values) == list(MEASURES)
    assert all(isinstance(one, float) and np.isfinite(one) for one in values.values())


def test_the_better_picture_scores_better():
    """Each score against the reference prefers the reference to the dark input."""
    _, reference, source = pictures()
    source = np.clip(source + np.random.default_rng(1).normal(0, 0.02, source.shape), 0, 1).astype(np.float32)
    for one in MEASURES.values():
        if one.needs == "reference":
            good, bad = one.function(reference, reference), one.function(source, reference)
            assert (good > bad) == one.larger_is_better, one.name


def test_what_needs_a_partner_is_left_out_without_it():
    picture, reference, source = pictures()
    chosen = choose_measures(["psnr", "loe", "mean_luma"])
    assert list(measure_picture(picture, chosen)) == ["mean_luma"]
    assert list(measure_picture(picture, chosen, source=source)) == ["loe", "mean_luma"]
    assert list(measure_picture(picture, chosen, reference=reference)) == ["psnr", "mean_luma"]


def test_names_and_groups_choose_measures():
    assert [one.name for one in choose_measures(["default"])] == list(DEFAULT_MEASURES)
    assert len(choose_measures(["all"])) == len(MEASURES)
    with pytest.raises(UsageError, match="--metrics: psnrr found; names of psnr") as raised:
        choose_measures(["psnrr"])
    assert "psnr" in raised.value.hint
    with pytest.raises(UsageError, match="niqe found") as raised:
        choose_measures(["niqe"])
    assert "parameter files" in raised.value.hint


def test_niqe_with_parameters_of_a_file(tmp_path):
    from vision_cli.enhance_eval.quality.niqe_models import shipped_niqe, write_niqe

    write_niqe(tmp_path / "p.safetensors", shipped_niqe())
    measure = niqe_measure(tmp_path / "p.safetensors")
    picture, *_ = pictures()
    assert measure.name == "niqe"
    assert measure.function(picture) == pytest.approx(MEASURES["niqe_vcli"].function(picture))
