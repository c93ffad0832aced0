"""`vcli doctor` tells what works, and its exit code says whether all of it does."""

from __future__ import annotations

import json

import pytest

from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.housekeeping.doctor import command as doctor
from vision_cli.housekeeping.doctor.checks import Finding

GOOD = Finding("system", "python", "ok", "3.11")
ODD = Finding("disk", "hard links", "note", "not supported")
BAD = Finding("libraries", "torch", "problem", "not installed", "uv sync")


@pytest.mark.parametrize(("findings", "code"), [([GOOD, ODD], 0), ([GOOD, BAD], 4)], ids=["fit", "unfit"])
def test_the_exit_code_says_whether_every_command_can_work(monkeypatch, capsys, findings, code):
    monkeypatch.setattr(doctor, "_examine", lambda **_: findings)
    assert launch(app, ["doctor", "--json"]) == code
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["ok"] == (code == 0)
    assert [finding["level"] for finding in document["findings"]] == [finding.level for finding in findings]
    if code:
        assert captured.err == ("vcli: error: 1 of 2 checks failed: libraries/torch.\nhint: uv sync\n")


def test_this_machine_is_fit(capsys):
    assert launch(app, ["doctor", "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {finding["topic"] for finding in findings} >= {"system", "libraries", "torch", "formats", "disk"}
    formats = {finding["name"] for finding in findings if finding["topic"] == "formats"}
    assert formats == {"NIfTI", "MetaImage", "NRRD", "PNG", "TIFF", "DICOM", "MP4", "PLY", "PCD"}
    codecs = {finding["name"]: finding["level"] for finding in findings if finding["topic"] == "codecs"}
    assert {"H.264", "HEVC", "MPEG-4"} <= set(codecs)
    assert codecs["H.264"] == "ok"
    assert ("libraries", "open3d import", "ok") in {(f["topic"], f["name"], f["level"]) for f in findings}
