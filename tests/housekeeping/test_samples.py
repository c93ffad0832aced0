"""The bundled samples: found in the checkout, listed, copied, never over something else."""

from __future__ import annotations

import json

import pytest

from vision_cli.cli import app
from vision_cli.core import samples
from vision_cli.core.command.invoke import launch
from vision_cli.core.errors import MissingError


@pytest.fixture
def bundled(tmp_path, monkeypatch):
    """A tree with the sample of one task; returns the directory of its files."""
    directory = tmp_path / "root" / "sample_data" / "tiny"
    directory.mkdir(parents=True)
    (directory / "words.txt").write_text("one two", encoding="utf-8")
    card = {"title": "Two words", "source": "made up", "licence": "CC0", "files": {"source": "words.txt"}}
    (directory / "sample.json").write_text(json.dumps(card), encoding="utf-8")
    monkeypatch.setattr(samples, "_PACKAGE", tmp_path / "root" / "vision_cli")
    return directory


def test_samples_are_listed_with_source_and_licence(bundled, capsys):
    assert launch(app, ["samples", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "tiny": {
            "title": "Two words",
            "source": "made up",
            "licence": "CC0",
            "files": {"source": str(bundled / "words.txt")},
        }
    }


def test_samples_inside_an_installed_package_come_first(bundled, tmp_path):
    (tmp_path / "root" / "vision_cli" / "sample_data").mkdir(parents=True)
    assert samples.find_samples() == []


def test_a_sample_is_copied_and_nothing_is_written_over(bundled, tmp_path, capsys):
    target = tmp_path / "here"
    assert launch(app, ["samples", "copy", "tiny", str(target)]) == 0
    assert (target / "words.txt").read_text(encoding="utf-8") == "one two"
    (target / "words.txt").write_text("mine", encoding="utf-8")
    assert launch(app, ["samples", "copy", "tiny", str(target)]) == 2
    assert "file found; a directory without it expected" in capsys.readouterr().err
    assert (target / "words.txt").read_text(encoding="utf-8") == "mine"
    assert launch(app, ["samples", "copy", "tiny", str(target), "--overwrite"]) == 0
    assert (target / "words.txt").read_text(encoding="utf-8") == "one two"


def test_a_task_without_sample_names_those_that_have_one(bundled):
    with pytest.raises(MissingError, match="other: no bundled sample found; one of these expected: tiny"):
        samples.find_sample("other")


def test_a_damaged_installation_is_noticed(bundled):
    (bundled / "words.txt").unlink()
    with pytest.raises(MissingError, match="file 'source' of the bundled sample not found"):
        samples.find_sample("tiny")


def test_every_bundled_sample_is_whole():
    for sample in samples.find_samples():
        assert samples.find_sample(sample.task) == sample
        assert sample.title
        assert sample.licence
