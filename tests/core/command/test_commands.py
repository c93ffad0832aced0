"""Verbs, the default verb, and words that are none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.core.command.commands import did_you_mean


def counted(done) -> str:
    assert done.returncode == 0, done.stderr
    return re.search(r"count +(\S+)", done.stdout).group(1)


@pytest.mark.parametrize(
    "arguments",
    [["count", "words.txt"], ["words.txt"], ["--out", "run", "words.txt"], ["words.txt", "--out", "run"]],
    ids=["verb named", "verb left out", "option first", "option last"],
)
def test_the_default_verb_is_meant_where_none_is_named(tiny, words, arguments):
    assert counted(tiny("tiny", *arguments, cwd=words.parent)) == "4"


def test_a_file_named_like_a_mistyped_verb_is_a_file(tiny, words):
    words.rename(words.with_name("coun"))
    assert counted(tiny("tiny", "coun", cwd=words.parent)) == "4"


def test_a_mistyped_verb_gets_a_suggestion(tiny, tmp_path):
    done = tiny("tiny", "cuont", "words.txt", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "vcli: error: vcli tiny: no such verb or file: cuont.\nhint: Did you mean count?\n"


def test_a_missing_file_is_not_taken_for_a_mistyped_verb(tiny, tmp_path):
    done = tiny("tiny", "count.txt", cwd=tmp_path)
    assert "no such verb" not in done.stderr


def test_a_verb_behind_its_options_is_refused(tiny, tmp_path):
    done = tiny("tiny", "--json", "count", "words.txt", cwd=tmp_path)
    assert done.returncode == 2
    assert "options found before the verb `count`" in done.stderr
    assert "hint: Write `vcli tiny count ...`." in done.stderr


def test_a_value_named_like_a_verb_is_a_value(tiny, words):
    assert counted(tiny("tiny", "--out", "count", "words.txt", cwd=words.parent)) == "4"


def test_no_input_says_how_to_run_the_sample(tiny):
    done = tiny("tiny")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "vcli: error: vcli tiny count: no input given; SOURCE expected.",
        "hint: Run the bundled sample with `vcli tiny --sample`; options: `vcli tiny count --help`.",
    ]


def test_a_verb_with_a_sample_of_its_own_names_that(tiny):
    done = tiny("tiny", "solve")
    assert done.returncode == 2
    assert done.stderr.splitlines()[1] == (
        "hint: Run the bundled sample with `vcli tiny solve --sample`; options: `vcli tiny solve --help`."
    )


def test_help_of_a_task_lists_verbs_default_and_examples(tiny):
    page = tiny("tiny", "--help").stdout
    assert re.search(r"^  count +Count the words or lines of SOURCE\.$", page, re.MULTILINE)
    assert "`vcli tiny ...` without a verb is `vcli tiny count ...`" in page
    assert "Examples:\n  tiny words.txt -o out\n  tiny count words.txt --lambda 2\n" in page


def test_help_may_be_asked_for_in_short(tiny):
    assert tiny("tiny", "-h").stdout == tiny("tiny", "--help").stdout


def test_help_of_a_verb_groups_the_shared_options(tiny):
    page = tiny("tiny", "words.txt", "--help").stdout
    headings = re.findall(r"^(\w[\w ]*):$", page, re.MULTILINE)
    assert headings == [
        "Arguments",
        "Options",
        "Run options",
        "Compute options",
        "Output options",
        "Examples",
    ]


def test_a_run_without_out_goes_to_a_directory_of_its_own(tiny, words):
    for _ in range(3):
        counted(tiny("tiny", words, cwd=words.parent))
    runs = sorted(path.name for path in (words.parent / "vcli-runs").iterdir())
    assert len(runs) == 3
    assert all(re.fullmatch(r"tiny-\d{8}-\d{6}(-\d+)?", name) for name in runs)


def test_resume_without_out_is_refused(tiny, words):
    done = tiny("tiny", words, "--resume")
    assert done.returncode == 2
    assert "--out DIR of the run to resume expected" in done.stderr


@given(word=st.text(max_size=12), known=st.lists(st.text(min_size=1, max_size=12), max_size=6))
def test_a_suggestion_names_known_words_only(word, known):
    hint = did_you_mean(word, known)
    if hint is not None:
        assert set(hint.removeprefix("Did you mean ").removesuffix("?").split(" or ")) <= {
            piece for name in known for piece in name.split(" or ")
        }


@pytest.mark.parametrize("word", ["register", "regster", "rgister"])
def test_a_word_like_a_known_one_is_suggested(word):
    assert did_you_mean(word, ["doctor", "register"]) == "Did you mean register?"


def test_a_word_like_no_known_one_is_not_suggested():
    assert did_you_mean("zzz", ["doctor", "register"]) is None
