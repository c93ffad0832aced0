"""`vcli kan-fit fit` and `predict` of a text target of three classes."""

from __future__ import annotations

import json

import pytest
from sklearn.datasets import load_iris

from tests.kan_fit.fits import kan_fit, rows_of
from vision_cli.core.runs.records import read_metrics


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    """A finished fit of the species of iris, its table, and the command."""
    directory = tmp_path_factory.mktemp("iris")
    loaded = load_iris(as_frame=True)
    frame = loaded.data.assign(species=loaded.target_names[loaded.target])
    frame.to_csv(directory / "iris.csv", index=False)
    words = ("--width", "0", "--refine", "5", "--pool", "bspline", "--restarts", "1")
    done = kan_fit("fit", "iris.csv", *words, "-o", "run", cwd=directory)
    assert done.returncode == 0, done.stderr
    return directory, done


@pytest.mark.slow
def test_species_are_classified_and_compared(iris):
    directory, done = iris
    found = read_metrics(directory / "run")
    # Logistic regression has 27 of these 30 rows right.
    assert found["test_accuracy"] >= 27 / 30
    assert found["val_accuracy"] >= 27 / 30
    assert found["test_nll"] < 0.4
    assert "species is text of 3 classes: setosa, versicolor, virginica" in done.stderr
    assert "The network classifies" in done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split()[:4] == ["model", "parameters", "test", "accuracy"]
    assert [line.split()[0] for line in lines[2:7]] == ["S-KAN", "MLP", "gradient", "logistic", "most"]
    counts = rows_of(directory / "run" / "confusion.csv")
    right = sum(int(row[row["true"]]) for row in counts)
    assert right / 30 == pytest.approx(found["test_accuracy"])
    page = (directory / "run" / "report.html").read_text(encoding="utf-8")
    assert "test rows rightly" in page


@pytest.mark.slow
def test_classes_are_predicted_and_explained_one_by_one(iris, tmp_path):
    directory, _ = iris
    done = kan_fit("predict", directory / "run", directory / "iris.csv", "-o", "p", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["accuracy"] > 0.95
    before = {row["row"]: row for row in rows_of(directory / "run" / "predictions.csv")}
    after = {row["row"]: row for row in rows_of(tmp_path / "p" / "predictions.csv")}
    assert len(after) == 150
    for number, row in before.items():
        assert (after[number]["y"], after[number]["class"]) == (row["y"], row["class"])
        assert float(after[number]["p_setosa"]) == pytest.approx(float(row["p_setosa"]), abs=1e-9)
    chances = [sum(float(row[name]) for name in row if name.startswith("p_")) for row in after.values()]
    assert chances == pytest.approx([1] * 150)
    refused = kan_fit(
        "predict", directory / "run", directory / "iris.csv", "--interval", "0.9", "-o", "q", cwd=tmp_path
    )
    assert (refused.returncode, "--interval 0.9 with a model of classes" in refused.stderr) == (2, True)
    whole = kan_fit("explain", directory / "run", "-o", "e", cwd=tmp_path)
    assert whole.returncode == 3
    assert "classes/1 (setosa), classes/2 (versicolor)" in whole.stderr
    one = kan_fit("explain", directory / "run" / "classes" / "1", "-o", "e1", "--json", cwd=tmp_path)
    assert one.returncode == 0, one.stderr
