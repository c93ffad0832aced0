"""`--config`: files give defaults, the command line wins, a record of a run repeats it."""

from __future__ import annotations

import json

import pytest


def options_of(run) -> dict[str, object]:
    return json.loads((run / "run.json").read_text(encoding="utf-8"))["options"]


def test_a_run_repeats_from_its_record(tiny, words, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    given = [
        "--unit",
        "lines",
        "--lambda",
        "2.5",
        "--skip",
        "a",
        "--skip",
        "b",
        "--lengths",
        "3,5",
        "--lenient",
        "--seed",
        "7",
    ]
    assert tiny("tiny", "words.txt", *given, "-o", first, cwd=tmp_path).returncode == 0
    assert tiny("tiny", "--config", first / "run.json", "-o", second, cwd="/").returncode == 0
    assert options_of(first) == options_of(second)
    assert (first / "metrics.json").read_bytes() == (second / "metrics.json").read_bytes()


def test_the_record_holds_what_defines_the_result_and_nothing_else(tiny, words, tmp_path):
    tiny("tiny", "words.txt", "-o", "out", "--json", "-v", cwd=tmp_path)
    assert options_of(tmp_path / "out") == {
        "source": str(words),
        "unit": "words",
        "lambda": 1.0,
        "skip": [],
        "lengths": None,
        "strict": True,
        "seed": 0,
    }


def test_yaml_gives_defaults_and_the_command_line_wins(tiny, words, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("lambda: 3\nunit: lines\nskip: [three two]\nstrict: false\n", encoding="utf-8")
    assert tiny("tiny", words, "--config", config, "--unit", "words", "-o", tmp_path / "out").returncode == 0
    options = options_of(tmp_path / "out")
    assert options["lambda"] == 3.0
    assert options["unit"] == "words"
    assert options["skip"] == ["three two"]
    assert options["strict"] is False


def test_keys_may_be_written_with_dashes(tiny, words, tmp_path):
    (tmp_path / "config.yaml").write_text("--seed: 3\n", encoding="utf-8")
    tiny("tiny", words, "--config", tmp_path / "config.yaml", "-o", tmp_path / "out")
    assert options_of(tmp_path / "out")["seed"] == 3


@pytest.mark.parametrize(
    ("name", "text", "code", "message", "hint"),
    [
        ("c.yaml", "lamda: 3", 2, "unknown key 'lamda'", "Did you mean lambda?"),
        ("c.yaml", "config: other.yaml", 2, "unknown key 'config'", "See `vcli tiny count --help`."),
        ("c.yaml", "seed: many", 2, "Invalid value for '--seed'", "See `vcli tiny count --help`."),
        ("c.yaml", "- seed", 3, "list found; a mapping of option names to values expected", None),
        ("c.yaml", "seed: [", 3, "not valid YAML", None),
        ("c.json", "{", 3, "not valid JSON", None),
        (
            "run.json",
            '{"schema_version": 1, "command": "tiny fail", "options": {}}',
            2,
            "record of a `tiny fail` run found; one of `tiny count` expected",
            "Repeat it with `vcli tiny fail --config ",
        ),
        ("run.json", '{"schema_version": 1, "command": "tiny count"}', 3, "no options found", None),
    ],
)
def test_a_wrong_config_is_refused(tiny, words, tmp_path, name, text, code, message, hint):
    config = tmp_path / name
    config.write_text(text, encoding="utf-8")
    done = tiny("tiny", words, "--config", config)
    assert done.returncode == code
    error, *hints = done.stderr.splitlines()
    assert message in error
    assert str(config) in error or message.startswith("Invalid value")
    assert [line.startswith(f"hint: {hint}") for line in hints] == ([True] if hint else [])


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("seed: 010", {"seed": 10}),
        ("seed: 1_0", {"seed": 10}),
        ("lambda: 1e3", {"lambda": 1000.0}),
        ("lambda: 5", {"lambda": 5.0}),
        ("skip: [no, 010, 1:30, 2024-01-01, 1.10]", {"skip": ["no", "010", "1:30", "2024-01-01", "1.10"]}),
        ("skip: on", {"skip": ["on"]}),
        ("strict: no", {"strict": False}),
        ("strict: 'true'", {"strict": True}),
        ("seed: ~\nlambda:\nskip: null", {"seed": 0, "lambda": 1.0}),
        ("a: &x 3\n", None),
    ],
)
def test_words_of_yaml_are_taken_as_typed(tiny, words, tmp_path, text, options):
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    done = tiny("tiny", words, "--config", tmp_path / "c.yaml", "-o", tmp_path / "out")
    if options is None:
        assert done.returncode == 2
        return
    assert done.returncode == 0, done.stderr
    recorded = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["options"]
    assert {name: recorded[name] for name in options} == options


@pytest.mark.parametrize(
    ("name", "text", "code", "message"),
    [
        ("c.yaml", "seed: no", 2, "Invalid value for '--seed'"),
        ("c.yaml", "seed: 1e3", 2, "Invalid value for '--seed'"),
        ("c.yaml", "seed: !!bool no", 2, "c.yaml: seed: false found; one number or text expected."),
        ("c.json", '{"seed": false}', 2, "c.json: seed: false found; one number or text expected."),
        ("c.json", '{"seed": 1.5}', 2, "Invalid value for '--seed'"),
        ("c.json", '{"lambda": true}', 2, "c.json: lambda: true found; one number or text expected."),
        ("c.json", '{"unit": {"words": 1}}', 2, 'c.json: unit: {"words": 1} found; one number or text expected.'),
        ("c.yaml", "lambda: [1, 2]", 2, 'c.yaml: lambda: ["1", "2"] found; one number or text expected.'),
        ("c.yaml", "skip: [[a]]", 2, 'c.yaml: skip: ["a"] found; one number or text expected.'),
        ("c.yaml", "strict: [no]", 2, 'c.yaml: strict: ["no"] found; true or false expected.'),
        ("c.yaml", "strict: 2024-01-01", 2, "Invalid value for '--strict'"),
        ("c.yaml", "seed: 1\nseed: 2", 3, "c.yaml: not valid YAML (seed twice)."),
        ("c.json", '{"seed": 1, "seed": 2}', 3, "c.json: not valid JSON (seed twice)."),
        ("c.yaml", "seed: 1\n--seed: 2", 2, "c.yaml: seed found twice; once expected."),
        ("c.yaml", "? [a]\n: 1", 3, "c.yaml: not valid YAML (['a'] as a name; text expected)."),
        ("c.json", "[" * 100_000, 3, "c.json: not valid JSON ("),
        ("c.yaml", "- " * 5_000, 3, "c.yaml: not valid YAML ("),
    ],
)
def test_a_value_of_another_kind_is_refused(tiny, words, tmp_path, name, text, code, message):
    (tmp_path / name).write_text(text, encoding="utf-8")
    done = tiny("tiny", words, "--config", tmp_path / name, "-o", tmp_path / "out")
    assert done.returncode == code
    assert message.replace("c.yaml", str(tmp_path / "c.yaml")).replace("c.json", str(tmp_path / "c.json")) in (
        done.stderr
    )
    assert len(done.stderr.splitlines()) <= 2
    assert not (tmp_path / "out").exists()


def test_an_absent_config_is_wrong_usage(tiny, words):
    done = tiny("tiny", words, "--config", "absent.yaml")
    assert done.returncode == 2
    assert "absent.yaml: no such file; a config file expected." in done.stderr
