"""The bundled samples are whole; a missing one or a missing file of one is named."""

from __future__ import annotations

import json

import pytest

from vision_cli.core import samples
from vision_cli.core.errors import MissingError


def test_every_sample_has_its_files_and_a_licence():
    for sample in samples.find_samples():
        assert samples.find_sample(sample.task) == sample
        assert sample.title
        assert sample.licence
        assert sample.files


def test_a_task_without_a_sample_names_those_that_have_one():
    with pytest.raises(MissingError, match=r"no bundled sample found; one of these expected: .*kan-fit"):
        samples.find_sample("nothing")


def test_a_missing_file_is_named_with_its_role(tmp_path, monkeypatch):
    card = {"title": "t", "source": "s", "licence": "l", "files": {"fixed": "fixed.nii"}}
    (tmp_path / "sample_data" / "task").mkdir(parents=True)
    (tmp_path / "sample_data" / "task" / "sample.json").write_text(json.dumps(card), encoding="utf-8")
    monkeypatch.setattr(samples, "_PACKAGE", tmp_path)
    assert [sample.task for sample in samples.find_samples()] == ["task"]
    with pytest.raises(MissingError, match=r"fixed\.nii: file 'fixed' of the bundled sample not found"):
        samples.find_sample("task")
