from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.core.errors import InputError
from vision_cli.io.volumes.volumes import write_volume
from vision_cli.phantoms.brains.brains import Difference, brain_pair
from vision_cli.register.data.layouts import Collection, ImageFile, ListedPair
from vision_cli.register.optimisation.losses import LocalCorrelation
from vision_cli.register.training import dataset
from vision_cli.register.training.dataset import build_dataset

CPU = torch.device("cpu")
MOVED = Difference(deform_mm=0, shift_mm=14, angle_deg=10, stretch=0.02)


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    """Six images of three heads, each twice: turned, shifted and stored otherwise; all with labels."""
    directory = tmp_path_factory.mktemp("heads")
    for number in range(3):
        pair = brain_pair(number, (32, 38, 32), (6.0, 6.0, 6.0), difference=MOVED, moving_axcodes="PIR")
        for name, values, labels, vox2ras in (
            (f"f{number}", pair.fixed, pair.fixed_labels, pair.fixed_vox2ras),
            (f"m{number}", pair.moving, pair.moving_labels, pair.moving_vox2ras),
        ):
            write_volume(directory / f"{name}.nii.gz", values, vox2ras)
            write_volume(directory / f"{name}-labels.nii.gz", labels, vox2ras)
    return directory


def file(heads, name, subset=None, labels=True):
    return ImageFile(name, heads / f"{name}.nii.gz", heads / f"{name}-labels.nii.gz" if labels else None, subset)


def gathered(collection, **options):
    return build_dataset(collection, **{"spacing": None, "longest_sides": {3: 32}, **options})


def test_images_of_a_collection_lie_in_the_frame_of_the_first(heads):
    found = gathered(Collection((file(heads, "f0"), file(heads, "m0"), file(heads, "f1"))))
    assert tuple(found.images.shape) == (3, *found.images.shape[1:])
    assert max(found.images.shape[1:]) == 32
    assert not any(n % 16 for n in found.images.shape[1:])
    fixed, moving, _ = found.images.float()
    assert -float(LocalCorrelation(fixed, 5)(moving)) > 0.45
    same = (found.labels[0] == found.labels[1])[found.labels[0] > 0].mean()
    assert same > 0.5
    assert set(found.matrices) == {"m0", "f1"}


@pytest.mark.slow
def test_with_labels_one_is_held_out_of_three_and_none_without(heads):
    names = ("f0", "f1", "f2", "m0")
    labelled = gathered(Collection(tuple(file(heads, name) for name in names)))
    assert labelled.training == ((0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1))
    assert labelled.validation == ((3, 0),)
    plain = gathered(Collection(tuple(file(heads, name, labels=False) for name in names)))
    assert len(plain.training) == 12
    assert plain.validation == ()
    assert plain.labels is None
    two = gathered(Collection(tuple(file(heads, name) for name in names)), val_fraction=0.5)
    assert two.training == ((0, 1), (1, 0))
    assert two.validation == ((2, 3), (3, 2))


@pytest.mark.parametrize(("share", "validated"), [(0.0, 0), (0.01, 1), (0.25, 1), (0.4, 2), (0.5, 2), (0.75, 3)])
def test_a_share_of_the_pairs_is_validated_on_and_at_least_one(heads, share, validated):
    pairs = tuple(ListedPair(name, name) for name in ("f0", "f1", "f2", "m0"))
    files = tuple(file(heads, pair.fixed) for pair in pairs)
    found = gathered(Collection(files, pairs, aligned=True), val_fraction=share)
    assert (len(found.training), len(found.validation)) == (4 - validated, validated)


def test_a_division_of_the_data_counts_before_the_share(heads):
    files = (file(heads, "f0", "validation"), file(heads, "f1"), file(heads, "f2"), file(heads, "m0"))
    found = gathered(Collection(files, aligned=True), val_fraction=0.5)
    assert {number for pair in found.training for number in pair} == {1, 2, 3}
    assert found.validation == ((0, 1),)


def test_the_atlas_moves_in_every_pair(heads):
    files = (file(heads, "f0", "train"), file(heads, "f1", "train"), file(heads, "f2", "validation"))
    found = gathered(Collection((*files, file(heads, "m0")), atlas="m0"))
    assert found.training == ((0, 3), (1, 3))
    assert found.validation == ((2, 3),)


def test_images_of_the_test_set_are_not_read(heads):
    files = (file(heads, "f0", "train"), file(heads, "f1", "train"), ImageFile("t", heads / "absent.nii", None, "test"))
    assert len(gathered(Collection(files)).images) == 2


def test_listed_pairs_lie_in_the_frames_of_their_fixed_images(heads):
    files = tuple(file(heads, f"{side}{number}") for number in range(2) for side in "fm")
    pairs = (ListedPair("f0", "m0", "train"), ListedPair("m1", "f1", "validation"))
    found = gathered(Collection(files, pairs))
    assert found.training == ((0, 1),)
    assert found.validation == ((2, 3),)
    for fixed, moving in (*found.training, *found.validation):
        one, other = found.images[fixed].float(), found.images[moving].float()
        assert -float(LocalCorrelation(one, 5)(other)) > 0.45
        # The head lies in the middle of its frame.
        middle = torch.nonzero(one > 0.2).float().mean(0) / torch.tensor(one.shape)
        assert float((middle - 0.5).abs().max()) < 0.12


def test_alignments_that_are_known_are_not_sought_again(heads, monkeypatch):
    collection = Collection((file(heads, "f0"), file(heads, "m0")))
    first = gathered(collection)
    monkeypatch.setattr(dataset.affine, "register_linear", None)
    again = gathered(collection, known=first.matrices)
    assert torch.equal(first.images, again.images)


@pytest.mark.parametrize(("aligned", "align"), [(True, None), (False, False)])
def test_aligned_images_are_taken_as_they_are(heads, monkeypatch, aligned, align):
    monkeypatch.setattr(dataset.affine, "register_linear", None)
    found = gathered(Collection((file(heads, "f0"), file(heads, "f1")), aligned=aligned), align=align)
    assert found.matrices == {}


def test_the_spacing_that_is_asked_for_is_that_of_all(heads):
    found = gathered(Collection((file(heads, "f0"), file(heads, "f1"))), spacing=8.0)
    assert found.spacing == 8.0


def test_an_example_has_the_labels_that_are_chosen_of_those_that_both_have(heads):
    found = gathered(Collection((file(heads, "f0"), file(heads, "m0"))))
    shared = found.shared_labels((0, 1))
    assert 0 not in shared
    example = found.example((0, 1), CPU, shared[:3])
    assert tuple(example.fixed_soft_labels.shape) == (3, *found.images.shape[1:])
    assert example.displacement_voxels is None
    np.testing.assert_array_equal(example.moving_soft_labels[1].numpy(), found.labels[1] == shared[1])


@pytest.mark.parametrize(
    "collection",
    [
        lambda heads: Collection((file(heads, "f0"),)),
        lambda heads: Collection((file(heads, "f0", "validation"), file(heads, "f1", "validation"))),
        lambda heads: Collection((file(heads, "f0", "test"),)),
        lambda heads: Collection((file(heads, "f0"), file(heads, "m0")), (ListedPair("f0", "m0", "test"),)),
    ],
    ids=["one image", "all to validate on", "images of the test set", "pairs of the test set"],
)
def test_nothing_to_train_on_is_refused(heads, collection):
    with pytest.raises(InputError, match="to train on expected"):
        gathered(collection(heads))
