"""Segment Anything's classes without its package, and its faults as errors of ours."""

from __future__ import annotations

import subprocess
import sys

import pytest

from vision_cli.core.errors import ExitCode, MissingError
from vision_cli.fewshot_seg.networks.sam_modules import sam_modules


@pytest.fixture
def unloaded(monkeypatch):
    """Forget the classes for a test; other tests get theirs back."""
    for name in [name for name in sys.modules if name.split(".")[0] == "segment_anything"]:
        monkeypatch.delitem(sys.modules, name)


def test_neither_torchvision_nor_the_predictor_is_imported():
    code = (
        "import sys\n"
        "from vision_cli.fewshot_seg.networks.sam_modules import sam_modules\n"
        "ours = sam_modules()\n"
        "assert 'torchvision' not in sys.modules and 'segment_anything.predictor' not in sys.modules\n"
        "assert sam_modules() is ours\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("raise RuntimeError('operator torchvision::nms does not exist')", "operator torchvision::nms does not exist"),
        ("import a_package_that_nobody_has", "No module named 'a_package_that_nobody_has'"),
    ],
)
def test_a_mismatched_torchvision_names_the_cure(unloaded, monkeypatch, tmp_path, content, reason):
    package = tmp_path / "segment_anything"
    (package / "modeling").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "modeling" / "__init__.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingError, match=reason) as raised:
        sam_modules()
    assert raised.value.exit_code == ExitCode.MISSING
    assert "--reinstall-package torchvision" in str(raised.value.hint)
    assert "segment_anything.modeling" not in sys.modules


def test_a_missing_package_is_said(unloaded, monkeypatch):
    monkeypatch.setattr("vision_cli.fewshot_seg.networks.sam_modules.util.find_spec", lambda _name: None)
    with pytest.raises(MissingError, match="segment-anything: cannot be imported \\(not installed\\)"):
        sam_modules()
