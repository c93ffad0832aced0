"""The file of whole records is written with what it was fitted to."""

from __future__ import annotations

import json
import sys

from vision_cli.rppg_adapt.runs.calibration import overall_calibration


def test_the_document_says_what_it_was_fitted_to(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["overall_calibration", "--records", "12", "--seed", "3"])
    overall_calibration.main()
    document = json.loads(capsys.readouterr().out)
    assert (document["records"], document["seed"], len(document["gray_trace"])) == (12, 3, 3)
