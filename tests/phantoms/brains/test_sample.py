from __future__ import annotations

import csv
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from vision_cli.phantoms.brains.heads import LABEL_NAMES
from vision_cli.phantoms.brains.sample import write_sample

COMMITTED = Path(__file__).parents[3] / "sample_data" / "register"
NAMES = ("fixed", "moving", "fixed_labels", "moving_labels")


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sample") / "new"
    write_sample(directory)
    return directory


def read(directory, name):
    image = nib.load(directory / f"{name}.nii.gz")
    return np.asarray(image.dataobj), image


def test_the_sample_is_smaller_than_a_megabyte():
    assert sum(path.stat().st_size for path in COMMITTED.iterdir()) < 1_000_000


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_committed_sample_is_what_the_command_makes(regenerated, name):
    (old, old_image), (new, new_image) = read(COMMITTED, name), read(regenerated, name)
    np.testing.assert_array_equal(old_image.affine, new_image.affine)
    assert old.dtype == new.dtype == np.uint8
    assert old.shape == new.shape == (96, 112, 96)
    # Another processor rounds sines and products its own way, which tips a voxel that stands on a border.
    assert (old != new).mean() < 1e-3


@pytest.mark.slow
def test_the_committed_names_are_those_of_the_labels(regenerated):
    assert (COMMITTED / "labels.csv").read_bytes() == (regenerated / "labels.csv").read_bytes()
    with (COMMITTED / "labels.csv").open(newline="") as file:
        assert {int(row["label"]): row["name"] for row in csv.DictReader(file)} == LABEL_NAMES


def test_files_hold_no_time_so_that_they_come_out_the_same():
    for name in NAMES:
        header = (COMMITTED / f"{name}.nii.gz").read_bytes()[:8]
        assert header[4:8] == b"\0\0\0\0"


def test_images_are_dark_in_the_air_and_headers_say_where_they_are():
    for name, codes in (("fixed", ("R", "A", "S")), ("moving", ("L", "A", "S"))):
        data, image = read(COMMITTED, name)
        labels, label_image = read(COMMITTED, f"{name}_labels")
        assert nib.aff2axcodes(image.affine) == codes
        np.testing.assert_array_equal(image.affine, label_image.affine)
        np.testing.assert_allclose(image.get_qform(), image.get_sform(), atol=1e-4)
        assert not data[:3].any()
        assert set(np.unique(labels)) == {0, *LABEL_NAMES}


def test_the_sample_is_found_with_all_its_files():
    from vision_cli.core.samples import find_sample

    files = find_sample("register").files
    assert {"fixed", "moving", "fixed_label", "moving_label"} <= set(files)
