"""The files of a pair."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from vision_cli.register.options.pair_files import PairExtras, PairFiles


def test_the_given_files_are_listed_with_the_images_first():
    files = PairFiles(moving=Path("m"), fixed=Path("f"), moving_points=Path("p"), fixed_label=Path("l"))
    assert list(files.given().items()) == [
        ("fixed", Path("f")),
        ("moving", Path("m")),
        ("fixed_label", Path("l")),
        ("moving_points", Path("p")),
    ]


def test_labels_come_before_masks_and_landmarks():
    kinds = [field.name.rpartition("_")[2] for field in fields(PairExtras)]
    assert kinds == ["label", "label", "mask", "mask", "points", "points", "space"]
