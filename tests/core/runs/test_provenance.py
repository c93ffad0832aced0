"""A run says what it stood on."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from importlib import metadata

import pytest

from vision_cli.core.errors import InputError
from vision_cli.core.runs import provenance


def test_inputs_are_described_by_size_and_digest(tmp_path):
    (tmp_path / "a.nii").write_bytes(b"image")
    digest = hashlib.sha256(b"image").hexdigest()
    described = provenance.describe_inputs(
        {"fixed": tmp_path / "a.nii", "moving": [tmp_path / "a.nii"] * 2, "mask": None}
    )
    one = {"path": str(tmp_path / "a.nii"), "bytes": 5, "sha256": digest}
    assert described == {"fixed": one, "moving": [one, one]}


@pytest.mark.parametrize("wrap", [lambda path: path, lambda path: [path]], ids=["file", "list"])
def test_an_input_that_is_not_there_is_named_with_its_role(tmp_path, wrap):
    with pytest.raises(InputError, match=r"absent\.nii: no such file \(fixed\)"):
        provenance.require_inputs({"fixed": wrap(tmp_path / "absent.nii"), "mask": None})


def test_an_input_that_cannot_be_read_is_an_input_error(tmp_path, monkeypatch):
    def refuse(_):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.nii").touch()
    monkeypatch.setattr(provenance.files, "sha256", refuse)
    with pytest.raises(InputError, match=r"a\.nii: cannot be read \(Permission denied\)"):
        provenance.describe_inputs({"fixed": tmp_path / "a.nii"})


def test_versions_are_those_of_python_and_all_requirements():
    versions = provenance.versions()
    assert versions["python"] == platform.python_version()
    for name in ("vision-cli", "torch", "numpy", "nibabel"):
        assert versions[name] == metadata.version(name)


def test_a_requirement_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr(metadata, "requires", lambda _: ['no-such-library>=1; extra == "dicom"', "typer[all]"])
    assert list(provenance.versions()) == ["python", "vision-cli", "no-such-library", "typer"]
    assert provenance.versions()["no-such-library"] is None


def test_a_changed_checkout_is_told_from_its_revision(tmp_path, monkeypatch):
    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run(
            ["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True, encoding="utf-8"
        ).stdout.strip()

    module = tmp_path / "vision_cli" / "core" / "runs" / "provenance.py"
    module.parent.mkdir(parents=True)
    module.write_text("first", encoding="utf-8")
    monkeypatch.setattr(provenance, "__file__", str(module))
    assert provenance.git_revision() is None
    git("init")
    git("add", ".")
    git("commit", "-m", "First")
    assert provenance.git_revision() == git("rev-parse", "HEAD")
    module.write_text("second", encoding="utf-8")
    assert provenance.git_revision() == f"{git('rev-parse', 'HEAD')}-dirty"
    # A lock of the index that is taken, if only for a moment, would stay behind where the run is killed.
    before = (tmp_path / ".git").stat().st_mtime_ns
    provenance.git_revision()
    assert (tmp_path / ".git").stat().st_mtime_ns == before
