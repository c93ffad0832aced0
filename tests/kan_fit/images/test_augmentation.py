"""Augmentations are chosen by validation, where the classes allow them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tests.kan_fit.fits import rows_of
from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.core.runs.records import read_metrics, read_run
from vision_cli.kan_fit.images import selection
from vision_cli.kan_fit.images.augmentation import likelihood_gain, probe_images, reduced_images
from vision_cli.kan_fit.images.data import Images

WORDS = ("--batch-size", "16", "--val-fraction", "0.3", "--no-compare", "--no-pictures", "-q")


def bars(kind):
    """Return images of a bar: upright or level anywhere, or upright in one of two neighbouring columns."""
    rng = np.random.default_rng(3)
    pixels, labels = rng.integers(0, 60, (300, 8, 8), dtype=np.uint8), rng.integers(0, 2, 300)
    for image, label in zip(pixels, labels, strict=True):
        row, column = rng.integers(1, 6, 2)
        bar = (slice(row, row + 3), column + 1) if label else (row + 1, slice(column, column + 3))
        image[bar if kind == "direction" else (slice(None), 3 + label)] += 150
    return pixels, labels


def classified(tmp_path, kind, *words):
    pixels, labels = bars(kind)
    np.savez(tmp_path / "d.npz", x=pixels, y=labels)
    words = ("classify", str(tmp_path / "d.npz"), *WORDS, *words, "-o", str(tmp_path / "o"))
    assert launch(app, ["kan-fit", *words]) == 0
    return read_run(tmp_path / "o").document, read_metrics(tmp_path / "o")


@pytest.mark.parametrize(("kind", "kept"), [("direction", "shift"), ("place", "none")])
def test_images_are_shifted_where_the_class_is_not_the_place(tmp_path, monkeypatch, kind, kept):
    monkeypatch.setattr(selection, "_PROBE_SHARE_WITHOUT_TRIALS", 0.4)
    words = ("--arch", "dense", "--channels", "4", "--pool", "bspline", "--epochs", "25")
    document, metrics = classified(tmp_path, kind, *words)
    plain, shifted = document["augmentation"]["trials"]
    assert document["augmentation"]["kept"] == metrics["augment"] == kept
    assert (plain["kept"], shifted["kept"]) == (kept == "none", kept == "shift")
    assert shifted["gain"] == pytest.approx(plain["val_nll"] - shifted["val_nll"], abs=1e-6)
    assert (shifted["gain"] > shifted["gain_error"]) == (kept == "shift")
    assert rows_of(tmp_path / "o" / "history.csv")[-1]["phase"] == "final"


def test_an_augmentation_that_is_given_is_not_tried(tmp_path):
    words = ("--arch", "cnn", "--channels", "2", "--epochs", "1", "--augment", "basic")
    document, metrics = classified(tmp_path, "place", *words)
    assert document["augmentation"] == {"kept": "basic", "trials": []}
    assert metrics["augment"] == "basic"
    assert {row["phase"] for row in rows_of(tmp_path / "o" / "history.csv")} == {"final"}


def test_large_images_are_probed_at_a_lower_resolution():
    pixels = np.arange(100 * 30 * 28, dtype=np.uint32).reshape(100, 30, 28, 1).astype(np.uint8)
    images = Images(pixels, np.repeat([0, 1], [80, 20]), tuple(map(str, range(100))))
    small = probe_images(images, 0.05, 0)
    # A fifth of each class, but eight images or more.
    assert np.bincount(small.labels).tolist() == [16, 8]
    assert small.pixels.shape[1:] == (15, 14, 1)
    number = int(small.names[0])
    assert small.pixels[0, 0, 0, 0] == np.rint(pixels[number, :2, :2].mean())
    assert reduced_images(small) is small


def test_the_gain_is_the_mean_of_the_images_with_its_standard_error():
    before, after = torch.zeros(3, 2), torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    gains = [math.log(2) - math.log(1 + math.exp(-1))] * 2 + [0]
    gain, error = likelihood_gain(before, after, torch.tensor([0, 1, 0]))
    assert gain == pytest.approx(np.mean(gains))
    assert error == pytest.approx(np.std(gains) / 3**0.5)
