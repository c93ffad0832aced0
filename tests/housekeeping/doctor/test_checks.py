"""The doctor's checks: what they find is so, and what is wrong has a cure."""

from __future__ import annotations

from importlib import metadata
from types import SimpleNamespace

import pytest

from vision_cli.housekeeping.doctor import checks
from vision_cli.housekeeping.doctor.checks import Finding


def test_the_system_is_described():
    assert [finding.name for finding in checks.check_system()] == ["python", "platform", "cores", "memory"]


def test_installed_libraries_are_inside_their_ranges():
    findings = list(checks.check_libraries(deep=False))
    assert {"torch", "numpy", "typer"} <= {finding.name for finding in findings}
    assert [finding for finding in findings if finding.level != "ok"] == []


def test_a_missing_library_is_a_problem_with_a_cure(monkeypatch):
    monkeypatch.setattr(metadata, "requires", lambda _: ["no-such-library>=1"])
    assert list(checks.check_libraries(deep=False)) == [
        Finding("libraries", "no-such-library", "problem", "not installed", "uv sync")
    ]


def test_a_library_outside_its_range_is_a_problem(monkeypatch):
    monkeypatch.setattr(metadata, "requires", lambda _: ["typer<0.1"])
    (finding,) = checks.check_libraries(deep=False)
    assert finding.level == "problem"
    assert finding.found == f"{metadata.version('typer')}; <0.1 expected"


def test_a_library_of_an_extra_may_be_absent(monkeypatch):
    monkeypatch.setattr(metadata, "requires", lambda _: ['no-such-library>=1; extra == "dicom"'])
    assert list(checks.check_libraries(deep=False)) == []


def test_a_library_that_cannot_be_imported_is_found_by_the_deep_check(monkeypatch):
    monkeypatch.setattr(metadata, "requires", lambda _: ["typer", "jinja2"])
    monkeypatch.setitem(checks._MODULES, "jinja2", "no_such_module")
    working, broken = checks.check_libraries(deep=True)
    assert working.level == "ok"
    assert "imported in" in working.found
    assert broken.level == "problem"
    assert "No module named 'no_such_module'" in broken.found


@pytest.mark.parametrize(
    ("torchvision", "requires", "torch", "level"),
    [
        ("0.29.2", ["torch==2.15.0", "numpy"], "2.15.0", "ok"),
        ("0.29.2+cu130", ["torch (==2.15.0)"], "2.15.0+cu130", "ok"),
        ("0.29.2", ["torch==2.15.0"], "2.15.0+cpu", "problem"),
        ("0.29.2+cpu", ["torch==2.15.0"], "2.15.0", "problem"),
        ("0.28.0", ["torch==2.14.0"], "2.15.0", "problem"),
    ],
    ids=["pair", "pair with build", "torch for the CPU", "torchvision for the CPU", "other release"],
)
def test_torchvision_must_belong_to_torch(monkeypatch, torchvision, requires, torch, level):
    installed = SimpleNamespace(version=torchvision, requires=requires)
    monkeypatch.setattr(metadata, "distribution", lambda _: installed)
    monkeypatch.setattr(metadata, "version", lambda _: torch)
    (finding,) = checks.check_torchvision()
    assert finding.level == level
    assert ("uv sync" in finding.cure) == (level == "problem")


def test_torchvision_is_not_needed(monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", absent)
    assert list(checks.check_torchvision()) == []


def test_a_working_directory_can_hold_runs(tmp_path):
    findings = {finding.name: finding for finding in checks.check_disk(tmp_path)}
    assert findings["locks"].level == "ok"
    assert findings["hard links"].level == "ok"
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_written_is_a_problem(tmp_path, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checks.tempfile, "TemporaryDirectory", refuse)
    *_, finding = checks.check_disk(tmp_path)
    assert finding.level == "problem"
    assert finding.found == f"{tmp_path} cannot be written: Permission denied"


def test_a_probe_that_crashes_is_a_finding(monkeypatch):
    monkeypatch.setattr(checks.sys, "executable", "/bin/false")
    assert checks._probe("torch") == "no message"


def test_a_library_that_kills_its_process_is_a_finding(monkeypatch, tmp_path):
    suicide = tmp_path / "python"
    suicide.write_text("#!/bin/sh\nkill -SEGV $$\n", encoding="ascii")
    suicide.chmod(0o755)
    monkeypatch.setattr(checks.sys, "executable", str(suicide))
    assert checks._probe("torch") == "killed by signal 11"


@pytest.mark.parametrize(
    ("fault", "codec", "level", "found"),
    [
        (None, "HEVC", "ok", "encoded and decoded"),
        ("no decoder", "HEVC", "note", "no decoder"),
        ("no decoder", "H.264", "problem", "no decoder"),
        ("not tried, as nothing was encoded (ValueError)", "AV1", "ok", "a decoder is there; not tried"),
    ],
)
def test_a_codec_that_cannot_be_decoded_is_told(monkeypatch, fault, codec, level, found):
    monkeypatch.setattr(checks, "_probe", lambda *_: {codec: fault})
    (finding,) = checks.check_codecs()
    assert (finding.topic, finding.name, finding.level) == ("codecs", codec, level)
    assert finding.found.startswith(found)
    assert bool(finding.cure) == (fault == "no decoder")


def test_an_open3d_that_cannot_be_imported_is_a_problem(monkeypatch):
    monkeypatch.setattr(checks, "_probe", lambda *_: "open3d cannot be imported (libX11.so.6).")
    (finding,) = checks.check_open3d()
    assert (finding.level, finding.found) == ("problem", "open3d cannot be imported (libX11.so.6).")
    assert "libx11-6" in finding.cure
