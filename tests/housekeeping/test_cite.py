"""Every task that is built says which paper it implements."""

from __future__ import annotations

import json
import re

import pytest

from vision_cli.cli import TASKS, app
from vision_cli.core.citations import citations_of
from vision_cli.core.command.invoke import launch

BUILT = [task for task in TASKS if task.app is not None]


@pytest.mark.parametrize("task", BUILT, ids=lambda task: task.name)
def test_a_built_task_cites_its_papers(task):
    citations = citations_of(task.name)
    numbers = re.findall(r"arXiv:(\d{4}\.\d{5})", task.paper)
    assert numbers
    assert all(f"arXiv:{number}." in one.text for number, one in zip(numbers, citations, strict=True))


def test_a_citation_is_a_line_of_text_and_an_entry():
    (citation,) = citations_of("register")
    assert citation.text.startswith("Xinxing Cheng, Xi Jia, Wenqi Lu, Qiufu Li, Linlin Shen, Alexander Krull and Jin")
    assert "WiNet: Wavelet-based Incremental Learning" in citation.text
    assert citation.bibtex.startswith("@inproceedings{cheng2024winet,")
    assert citation.bibtex.endswith("}")


def test_what_is_no_task_has_no_paper():
    assert citations_of("doctor") == citations_of("") == citations_of("../register") == []


def test_cite_writes_entries_for_a_bib_file(capsys):
    assert launch(app, ["cite", "register", "kan-fit", "--bibtex"]) == 0
    written = capsys.readouterr().out
    assert re.findall(r"^@\w+\{(\w+),", written, re.MULTILINE) == ["cheng2024winet", "yang2024skan"]
    assert written.count("{") == written.count("}")


def test_cite_lists_all_tasks(capsys):
    assert launch(app, ["cite", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(dict.fromkeys(one["task"] for one in document["citations"])) == [task.name for task in BUILT]


def test_a_mistyped_task_gets_a_suggestion(capsys):
    assert launch(app, ["cite", "registr"]) == 2
    assert "Did you mean register?" in capsys.readouterr().err
