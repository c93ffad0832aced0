"""`adapt` writes weights, scores of held-out clips and a report."""

from __future__ import annotations

from safetensors.torch import load_file

from tests.rppg_adapt.conftest import (
    embedded_pictures,
    read_json,
    report_verdict,
    vcli,
)


def test_a_network_is_adapted_to_a_cache(generated, trained, tmp_path):
    words = ("--frames", 64, "--epochs", 2, "--batch-size", 2, "--adapt-fraction", 0.6, "-q")
    run = tmp_path / "adapted"
    assert vcli("adapt", generated / "cache", "--weights", trained / "weights.safetensors", *words, "-o", run) == 0
    assert embedded_pictures(run) == 2
    found = read_json(run / "metrics.json")
    assert found["clips_adapted_to"] == 2
    assert found["clips_tested"] == 1
    assert "adapted_mae_bpm" in found
    level, said = report_verdict(run)
    assert f"Mean error on the held-out clip: {found['source_mae_bpm']:.1f} bpm" in said
    assert said.startswith("The source weights were kept") == bool(found["kept_source"])
    assert level == "caution" if found["kept_source"] else level in {"caution", "bad"}
    assert set(load_file(run / "weights.safetensors")) == set(load_file(trained / "weights.safetensors"))
