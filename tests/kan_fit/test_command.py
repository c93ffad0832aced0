"""`vcli kan-fit` as it is typed: faults of every verb, help."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.cli import app
from vision_cli.core.command.invoke import launch

TABLE_FAULTS = {
    "nothing": (("fit",), 2, "no input given; DATA, --function or --expr expected"),
    "no file": (("fit", "none.csv"), 3, "none.csv: no such file"),
    "two sources": (("fit", "t.csv", "--function", "xy"), 2, "more than one of DATA, --function, --expr and --sample"),
    "folds": (("fit", "t.csv", "--test", "t.csv", "--folds", "3"), 2, "--folds with --test or a function found"),
    "range alone": (("fit", "--range", "0:1"), 2, "--range without --expr"),
    "no space": (("fit", "--pool", "chebi"), 2, "--pool: chebi found"),
    "no function": (("fit", "--function", "besel"), 2, "--function: besel found"),
    "no formula": (("fit", "--expr", "sin("), 2, "--expr: the end at character 5"),
    "division": (("fit", "--expr", "1/x", "--range", "x=0:0.0000001", "--expr", "1/floor(x)"), 3, "not finite at"),
    "width": (("fit", "--width", "a"), 2, "--width: a found"),
    "refine": (("fit", "--refine", "10,5"), 2, "--refine: 10,5 found"),
    "budget": (("fit", "--budget", "soon"), 2, "--budget: soon found; a time such as 120s, 5m or 1h expected."),
    "share": (("fit", "--test-fraction", "1.5"), 2, "Invalid value for '--test-fraction'"),
    "target": (("fit", "t.csv", "--target", "strenght"), 3, "no column strenght"),
    "no model": (("predict", "nowhere", "t.csv"), 3, "nowhere"),
    "format": (("explain", "fit", "--save", "gif"), 2, "--save: gif found"),
    "device": (("fit", "--function", "xy", "--device", "cuda"), 2, "cuda"),
}


IMAGE_FAULTS = {
    "nothing": (("classify",), 2, "no input given; DATA expected"),
    "two sources": (("classify", "d", "--sample"), 2, "both DATA and --sample found"),
    "float16": (("classify", "d", "--precision", "float16", "--device", "cpu"), 2, "--precision float16 on cpu"),
    "no data": (("classify", "nowhere"), 3, "nowhere: no such file"),
    "format": (("classify", "d", "--layout", "idx"), 3, "no IDX images"),
    "size": (("classify", "d", "--resize", "a"), 2, "--resize: a found"),
    "channels": (("classify", "d", "--channels", "0"), 2, "--channels: 0 found"),
    "deep": (("classify", "d", "--channels", "2,2,2,2"), 2, "4 convolutions on images of 8 x 8 pixels"),
    "shape": (("predict", "run", "other.npz"), 3, "images of 5 x 4 pixels, 1 channels found; 8 x 8, 1"),
    "table": (("explain", "run"), 3, "kan-fit classifier found; kan-fit table expected"),
    "few": (("classify", "few.npz"), 3, "cannot be divided"),
}


def refused(capsys, words, code, message, out):
    assert launch(app, ["kan-fit", *words, "-o", str(out), "-q"]) == code
    errors = capsys.readouterr().err.splitlines()
    assert errors[0].startswith("vcli: error: ")
    assert message in errors[0]
    assert len(errors) <= 2


@pytest.mark.parametrize("fault", TABLE_FAULTS)
def test_faults_of_tables_are_one_line_and_a_code(table, capsys, monkeypatch, fault, tmp_path):
    monkeypatch.chdir(table.parent)
    if fault == "device" and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    refused(capsys, *TABLE_FAULTS[fault], tmp_path / "o")


@pytest.mark.parametrize("fault", IMAGE_FAULTS)
def test_faults_of_images_are_one_line_and_a_code(trained, capsys, monkeypatch, fault, tmp_path):
    monkeypatch.chdir(trained[0].parent)
    np.savez("other.npz", x=np.zeros((6, 4, 5), np.uint8), y=np.arange(6) % 2)
    np.savez("few.npz", x=np.zeros((6, 8, 8), np.uint8), y=np.arange(6) % 2)
    refused(capsys, *IMAGE_FAULTS[fault], tmp_path / "o")


def test_help_names_the_sample_where_nothing_is_given(capsys):
    assert launch(app, ["kan-fit"]) == 2
    assert "`vcli kan-fit --sample`" in capsys.readouterr().err
    assert launch(app, ["kan-fit", "classify"]) == 2
    assert "`vcli kan-fit classify --sample`" in capsys.readouterr().err
