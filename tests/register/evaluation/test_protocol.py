from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.core.errors import InputError
from vision_cli.io.tables.tables import read_csv_table
from vision_cli.phantoms.brains.brains import Difference, brain_pair
from vision_cli.register.data.layouts import Collection, ImageFile, ListedPair, read_collection
from vision_cli.register.evaluation.protocol import pairs_of_subset, protocol_table
from vision_cli.register.networks.winet import WiNet
from vision_cli.register.pipeline.weights import describe_network

BENT = Difference(deform_mm=3, correlation_mm=40, shift_mm=0, angle_deg=0, stretch=0)


@pytest.fixture(scope="module")
def ixi(tmp_path_factory):
    """A tree in IXI's layout: an atlas and three subjects with some of its labels."""
    directory = tmp_path_factory.mktemp("ixi")
    structures = read_ixi_structures(directory)
    for number in range(4):
        pair = brain_pair(number, (24, 28, 24), (8.0, 8.0, 8.0), difference=BENT)
        folder = directory / ("." if number == 0 else "Test")
        folder.mkdir(exist_ok=True)
        numbers = sorted(label for own in structures.values() for label in own)
        labels = np.take([0, *numbers], pair.fixed_labels % 12).astype(np.uint8)
        name = "atlas.pkl" if number == 0 else f"subject_{number}.pkl"
        (folder / name).write_bytes(pickle.dumps((pair.fixed.astype(np.float32), labels)))
    return directory


def read_ixi_structures(directory):
    probe = directory / "probe"
    (probe / "Train").mkdir(parents=True)
    for path in (probe / "atlas.pkl", probe / "Train" / "subject_1.pkl"):
        path.write_bytes(b"")
    return read_collection(probe, "ixi").structures


def evaluate(*words):
    return launch(app, ["register", "evaluate", *map(str, words)])


QUICK = ("--layout", "ixi", "--method", "optimize", "--iters", "3", "--threads", "1")


def test_a_data_set_is_scored_by_structure(ixi, tmp_path, capfd):
    out = tmp_path / "run"
    assert evaluate(ixi, *QUICK, "--l2r-compat", "-o", out) == 0
    shown = capfd.readouterr().out
    assert "thalamus" in shown
    assert "WiNet-diff, published" in shown
    rows = read_csv_table(out / "items.csv", ("id", "dice", "dice_affine", "folds_pct", "sdlogj", "sdlogj_l2r"))
    assert [row["id"] for row in rows] == [f"Test subject_{n}-atlas" for n in (1, 2, 3)]
    structures = read_collection(ixi, "ixi").structures
    named = [key.removeprefix("dice ") for key in rows[0] if key.startswith("dice ")]
    assert set(named) <= set(structures)
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["items"] == 3
    assert metrics["dice thalamus_mean"] == pytest.approx(np.mean([float(row["dice thalamus"]) for row in rows]))
    assert 0 < metrics["dice_affine_mean"] <= 1


def test_shards_do_a_part_each(ixi, tmp_path):
    for number in (1, 2):
        assert evaluate(ixi, *QUICK, "--shard", f"{number}/2", "-o", tmp_path / "run") == 0
    done = [
        row["id"] for path in sorted((tmp_path / "run").rglob("items.csv")) for row in read_csv_table(path, ("id",))
    ]
    assert sorted(done) == [f"Test subject_{n}-atlas" for n in (1, 2, 3)]


@pytest.mark.slow
def test_a_network_alone_is_scored_too(ixi, tmp_path):
    network = WiNet(3, 1, longest_side=32)
    save_file(network.state_dict(), tmp_path / "w.safetensors", describe_network(network))
    words = ("--layout", "ixi", "--method", "network", "--weights", tmp_path / "w.safetensors", "--threads", "1")
    torch.manual_seed(0)
    assert evaluate(ixi, *words, "-o", tmp_path / "run") == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["dice_mean"] == pytest.approx(metrics["dice_affine_mean"], abs=0.02)


def test_a_pair_without_labels_fails_alone(ixi, tmp_path, capfd):
    (tmp_path / "Test").mkdir()
    for name in ("atlas.pkl", "Test/subject_1.pkl"):
        (tmp_path / name).write_bytes((ixi / name).read_bytes())
    (tmp_path / "Test" / "subject_2.pkl").write_bytes(pickle.dumps((np.random.default_rng(0).random((8, 8, 8)),)))
    assert evaluate(tmp_path, *QUICK, "-o", tmp_path / "run") == 6
    assert "1 of 2 items failed" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("collection", "pairs"),
    [
        (
            Collection(
                (ImageFile("a", None, None, "test"), ImageFile("b", None, None, "test"), ImageFile("z", None)),
                atlas="z",
            ),
            [("a", "z"), ("b", "z")],
        ),
        (
            Collection(tuple(ImageFile(name, None, None, "test") for name in "abc")),
            [("a", "b"), ("b", "c"), ("c", "a")],
        ),
        (
            Collection((), (ListedPair("a", "b", "train"), ListedPair("c", "d", "test"))),
            [("c", "d")],
        ),
    ],
    ids=["atlas", "each with the next", "listed"],
)
def test_the_pairs_of_a_subset(collection, pairs):
    assert [(pair.fixed, pair.moving) for pair in pairs_of_subset(collection, "test")] == pairs


def test_a_subset_without_pairs_is_refused():
    with pytest.raises(InputError, match="no pairs of the subset validation"):
        pairs_of_subset(Collection((ImageFile("a", None, None, "test"),)), "validation")


def test_neither_data_nor_labels_is_wrong_usage(capfd):
    assert evaluate() == 2
    assert "either DATA, or --fixed-label and --moving-label" in capfd.readouterr().err


def test_a_data_set_whose_pairs_all_failed_has_a_table_without_values(tmp_path):
    (tmp_path / "items.csv").write_text("id\n", encoding="utf-8")
    assert protocol_table(tmp_path, "oasis").rows == [("all structures", None, None, None)]


def test_the_table_of_a_data_set_leaves_out_what_was_not_measured(tmp_path):
    text = "id,dice thalamus,dice cortex,folds_grid_pct\n1-2,0.5,,1.0\n1-3,0.7,0.9,3.0\n"
    (tmp_path / "items.csv").write_text(text, encoding="utf-8")
    rows = protocol_table(tmp_path, "oasis").rows
    assert rows[0] == ("thalamus", pytest.approx(0.6), pytest.approx(0.1), None)
    assert rows[1][:3] == ("cortex", 0.9, 0.0)
    assert rows[2][3] == 2.0
