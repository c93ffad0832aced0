"""Citations of the tasks: BibTeX as it is in the file, and one line of text."""

from __future__ import annotations

import pytest

from vision_cli.core.citations import citations_of


@pytest.mark.parametrize("task", ["kan-fit", "pcd-anomaly", "register", "rppg-adapt"])
def test_a_task_has_a_paper_with_author_title_and_year(task):
    for citation in citations_of(task):
        assert citation.bibtex.startswith("@")
        assert "\n" not in citation.text
        assert "{" not in citation.text
        assert citation.text.endswith(".")
    assert citations_of(task)


@pytest.mark.parametrize("name", ["", "doctor"])
def test_what_is_not_a_task_has_no_paper(name):
    assert citations_of(name) == []
