"""`vcli kan-fit predict` as it is typed, on tables and on images."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.kan_fit.fits import KEPT, kan_fit, rows_of


def test_a_model_predicts_another_table(tmp_path):
    (tmp_path / "new.csv").write_text("y,x,other\n0.5,0.25,9\n0,5,9\n", encoding="utf-8")
    done = kan_fit("predict", KEPT, "new.csv", "--interval", "0.9", "-o", "p", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows_extrapolated"] == 1
    assert "1 of 2 rows lie outside the range" in done.stderr
    rows = rows_of(tmp_path / "p" / "predictions.csv")
    assert float(rows[0]["yhat"]) == pytest.approx(np.exp(np.sin(np.pi * 0.25) + 0.25), abs=1e-4)
    assert float(rows[0]["lo"]) < float(rows[0]["yhat"]) < float(rows[0]["hi"])
    assert [row["extrapolated"] for row in rows] == ["0", "1"]


def test_its_predictions_are_those_of_the_run(trained, pictures, tmp_path):
    out, _ = trained
    done = kan_fit("predict", out, pictures, "-o", "p", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["images_with_class"] == 120
    before = {row["image"]: row for row in rows_of(out / "predictions.csv")}
    after = {row["image"]: row for row in rows_of(tmp_path / "p" / "predictions.csv")}
    assert set(before) < set(after)
    for name, row in before.items():
        assert after[name]["predicted"] == row["predicted"]
        assert float(after[name]["probability"]) == pytest.approx(float(row["probability"]), abs=1e-5)


def test_single_pictures_are_predicted(trained, pictures, tmp_path):
    done = kan_fit("predict", trained[0], pictures / "left" / "00.png", "-o", "p", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"run": "p", "images": 1}
    (row,) = rows_of(tmp_path / "p" / "predictions.csv")
    assert (row["label"], row["predicted"]) == ("", "left")
