"""What every verb of every task promises, from one small case each."""

from __future__ import annotations

import json
import pickle
import re
import signal
from pathlib import Path

import pytest

from tests.contract.cases import CASES, Case
from tests.program import Ended, files_of, start, vcli, wait_for

RUNS = [case for case in CASES if case.kind in {"run", "items"}]
ITEMS = [case for case in CASES if case.kind == "items"]


def cases(listed):
    """Return parameters; what takes long is left to the slow tests."""
    marks = {True: (pytest.mark.slow,), False: ()}
    return [pytest.param(case, id=case.verb.replace(" ", "-"), marks=marks[case.is_long]) for case in listed]


def leading(listed):
    """Return parameters of which the first of each task runs, and the others with the slow tests.

    For promises that the shell of all verbs keeps, and no verb by itself.
    """
    seen = set()
    found = []
    for case, parameter in zip(listed, cases(listed), strict=True):
        task = case.verb.split()[0]
        marks = (pytest.mark.slow,) if task in seen and not case.is_long else parameter.marks
        seen |= set() if case.is_long else {task}
        found.append(pytest.param(case, id=parameter.id, marks=marks))
    return found


def out_of(case: Case, directory: Path) -> list[str]:
    """Return the words that say where a verb writes."""
    if case.kind == "plain":
        return []
    return ["-o", str(directory / "file.nii.gz" if case.kind == "file" else directory)]


def refused(ended: Ended, codes: set[int]) -> None:
    """Check that a command refused in one clear line and, at most, a hint."""
    assert ended.returncode in codes, ended.stderr
    assert "Traceback" not in ended.stderr
    errors = [line for line in ended.stderr.splitlines() if line.startswith("vcli: error: ")]
    assert len(errors) == 1, ended.stderr
    assert "unexpected" not in errors[0]


@pytest.fixture(scope="session")
def whole(world, tmp_path_factory):
    """Return the run of a case that nothing disturbed; each is made once."""
    made: dict[str, Path] = {}

    def run(case: Case) -> Path:
        if case.verb not in made:
            directory = tmp_path_factory.mktemp("whole") / "out"
            ended = vcli(*case.typed(world), "-o", directory)
            assert ended.returncode == 0, ended.stderr
            made[case.verb] = directory
        return made[case.verb]

    return run


@pytest.mark.parametrize("case", cases(CASES))
def test_json_is_one_document_and_the_only_thing_on_stdout(case, world, tmp_path):
    (tmp_path / "out").mkdir()
    ended = vcli(*case.typed(world), *out_of(case, tmp_path / "out"), "--json")
    assert ended.returncode == 0, ended.stderr
    document = json.loads(ended.stdout)
    assert isinstance(document, dict)
    if case.kind in {"run", "items"}:
        assert document["run"] == str(tmp_path / "out")


@pytest.mark.parametrize("case", cases(RUNS))
def test_a_run_says_how_it_was_made(case, world, whole):
    directory = whole(case)
    record = json.loads((directory / "run.json").read_text(encoding="utf-8"))
    assert (record["status"], record["command"]) == ("done", case.verb)
    assert record["argv"][1:] == [*case.typed(world), "-o", str(directory)]
    assert (directory / "metrics.json").is_file()
    log = (directory / "log.txt").read_text(encoding="utf-8")
    assert "begun: " in log
    assert log.splitlines()[-1].endswith(" done")
    listed = set(record["outputs"])
    there = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    assert listed <= there
    told = {"run.json", "log.txt", "items.jsonl", *listed}
    parts = {str(Path(name).parent) for name in listed if name.endswith("run.json")}
    assert {name for name in there - told if not name.startswith(tuple(parts)) and ".vcli" not in name} == set()
    if case.kind == "items":
        names = [json.loads(line)["id"] for line in (directory / "items.jsonl").read_text().splitlines()]
        assert len(names) == len(set(names)) == 3
        assert all(f"{name}: " in log for name in names)


@pytest.mark.parametrize("case", leading(RUNS))
def test_a_run_repeats_from_its_record(case, whole, tmp_path):
    ended = vcli(*case.verb.split(), "--config", whole(case) / "run.json", "-o", tmp_path / "again", cwd=Path("/"))
    assert ended.returncode == 0, ended.stderr
    assert files_of(tmp_path / "again") == files_of(whole(case))


@pytest.mark.parametrize("case", cases([case for case in CASES if case.reads]))
def test_a_missing_input_is_said_in_one_line(case, world, tmp_path):
    for name in case.reads:
        if f"{{{name}}}" in case.words:
            missing = tmp_path / "no such file.nii.gz"
            ended = vcli(*case.typed(world, **{name: str(missing)}), *out_of(case, tmp_path / "out"))
            refused(ended, {2, 3, 4})
            assert str(missing) in ended.stderr
            assert not (tmp_path / "out" / "run.json").exists()


@pytest.mark.parametrize("case", [case for case in CASES if case.kind == "file"], ids=lambda case: case.verb)
def test_a_directory_in_the_place_of_a_file_is_refused_before_the_work(case, world, tmp_path):
    refused(vcli(*case.typed(world), "-o", tmp_path), {2})


FOLDERS = {
    "scan": ("scans", "good"),
    "photo": ("photos",),
    "land_mask": ("land",),
    "film": ("films",),
    "crop": ("crops",),
    "portrait": ("portraits",),
}
"""Files that are given by their folder."""

HOSTILE = {
    "empty": b"",
    "noise": bytes(range(256)) * 8,
    "pickle": pickle.dumps({"a": print}),
    "markup": b"<!doctype html><title>404</title>",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("case", cases([case for case in CASES if case.reads]))
def test_an_input_that_holds_something_else_is_said_in_one_line(case, world, tmp_path, content):
    name = next(name for name in case.reads if f"{{{name}}}" in case.words or name in FOLDERS)
    path = damaged(world[name], content, tmp_path)
    ended = vcli(*damaged_words(case, world, name, path), *out_of(case, tmp_path / "out"))
    if ended.returncode == 6:
        # An item of several: the run goes on, and says which one failed and why.
        failures = (tmp_path / "out" / "failures.csv").read_text(encoding="utf-8")
        assert "unexpected" not in failures
    else:
        refused(ended, {2, 3, 4})


@pytest.mark.parametrize("case", cases([case for case in CASES if case.reads]))
def test_a_truncated_input_gives_no_traceback(case, world, tmp_path):
    name = next(name for name in case.reads if f"{{{name}}}" in case.words or name in FOLDERS)
    content = Path(world[name]).read_bytes()
    path = damaged(world[name], content[: len(content) // 2], tmp_path)
    ended = vcli(*damaged_words(case, world, name, path), *out_of(case, tmp_path / "out"))
    assert ended.returncode in {0, 2, 3, 4, 5, 6}, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "unexpected" not in ended.stderr


def damaged(original: str, content: bytes, directory: Path) -> Path:
    """Write a file of an input's name with another content."""
    path = directory / "damaged" / Path(original).name
    path.parent.mkdir()
    path.write_bytes(content)
    return path


def damaged_words(case: Case, world: dict[str, str], name: str, path: Path) -> list[str]:
    """Return the words with the damaged file, or the folder that holds it, in the place of the good one."""
    folders = {folder: str(path.parent) for folder in FOLDERS.get(name, ())}
    return case.typed(world, **{name: str(path)}, **folders)


@pytest.mark.parametrize("case", leading(RUNS))
def test_a_directory_that_cannot_be_made_is_said_in_one_line(case, world, tmp_path):
    (tmp_path / "file").touch()
    refused(vcli(*case.typed(world), "-o", tmp_path / "file" / "out"), {2, 7})
    refused(vcli(*case.typed(world), "-o", "/proc/vcli/out"), {2, 7})


@pytest.mark.parametrize("case", cases(RUNS))
def test_a_full_disk_ends_with_seven_and_what_was_done_is_kept(case, world, whole, tmp_path):
    # The largest output is the one that no longer fits.
    largest = max(len(content) for content in files_of(whole(case)).values())
    out = tmp_path / "out"
    ended = vcli(*case.typed(world), "-o", out, limits={"RLIMIT_FSIZE": largest - 1})
    refused(ended, {7})
    if (out / "run.json").exists():
        assert json.loads((out / "run.json").read_text(encoding="utf-8"))["status"] in {"failed", "running"}
    assert not [
        path for path in out.rglob("*") if path.is_file() and path.stat().st_size == 0 and path.suffix == ".csv"
    ]
    resumed = vcli(*case.typed(world), "-o", out, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert files_of(out) == files_of(whole(case))


@pytest.mark.parametrize("case", cases(RUNS))
def test_a_killed_run_resumes_with_the_bytes_of_one_never_killed(case, world, whole, tmp_path):
    out = tmp_path / "out"
    running = start(*case.typed(world), "-o", out)
    wait_for(lambda: list(out.glob(case.begun)) or not running.is_running())
    running.kill()
    # A file that was being written has a hidden name.
    assert not [path.name for path in out.glob("*.csv") if path.name[0] != "." and not whole_lines(path)]
    resumed = vcli(*case.typed(world), "-o", out, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert files_of(out) == files_of(whole(case))


def whole_lines(path: Path) -> bool:
    """Return whether a table ends with the end of a line."""
    return path.read_bytes().endswith(b"\n")


@pytest.mark.parametrize("case", leading(RUNS))
def test_a_run_that_the_scheduler_stops_ends_with_75_and_resumes(case, world, whole, tmp_path):
    out = tmp_path / "out"
    running = start(*case.typed(world), "-o", out)
    wait_for(lambda: list(out.glob(case.begun)) or not running.is_running())
    if running.is_running():
        running.signal(signal.SIGTERM)
    ended = running.wait()
    # The work may have been done before the signal came, which then finds no one who waits for it.
    assert ended.returncode in {75, 0, -signal.SIGTERM}, ended.stderr
    status = json.loads((out / "run.json").read_text(encoding="utf-8"))["status"]
    assert status == ("interrupted" if ended.returncode == 75 else "done")
    resumed = vcli(*case.typed(world), "-o", out, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert files_of(out) == files_of(whole(case))


@pytest.mark.parametrize("case", cases(ITEMS))
def test_merged_shards_are_the_undivided_run(case, world, whole, tmp_path):
    out = tmp_path / "out"
    for index in (2, 1):
        ended = vcli(*case.typed(world), "-o", out, "--shard", f"{index}/2")
        assert ended.returncode == 0, ended.stderr
    ended = vcli("runs", "merge", out)
    assert ended.returncode == 0, ended.stderr
    # Tables name the outputs of items, which lie in the folders of the shards.
    found = {name: re.sub(rb"shard-\d-of-2/", b"", content) for name, content in files_of(out).items()}
    merged = {name: content for name, content in found.items() if not name.startswith("shard-")}
    of_items = {re.sub(r"shard-\d-of-2/", "", name): content for name, content in found.items() if name.count("/") > 1}
    undivided = files_of(whole(case))
    # What a run writes of all its items is written anew; what it writes of each lies in the shard that did it.
    assert {name for name in undivided if "/" not in name} <= merged.keys() <= undivided.keys()
    assert merged == {name: undivided[name] for name in merged}
    rest = undivided.keys() - merged.keys()
    assert {name: undivided[name] for name in rest} == {name: of_items.get(name) for name in rest}
    assert of_items.keys() <= undivided.keys()


@pytest.mark.parametrize("case", leading(RUNS))
def test_a_directory_with_a_run_is_left_alone(case, world, whole):
    before = {path: path.stat().st_mtime_ns for path in whole(case).rglob("*")}
    ended = vcli(*case.typed(world), "-o", whole(case))
    refused(ended, {2})
    assert "--overwrite" in ended.stderr
    resumed = vcli(*case.typed(world), "-o", whole(case), "--resume")
    assert resumed.returncode == 0, resumed.stderr
    after = {path: path.stat().st_mtime_ns for path in whole(case).rglob("*") if path.is_file()}
    assert after == {path: before[path] for path in after}


@pytest.mark.parametrize("case", leading(ITEMS))
def test_two_processes_never_write_one_run(case, world, tmp_path):
    out = tmp_path / "out"
    first = start(*case.typed(world), "-o", out)
    wait_for((out / "run.json").exists, running=first)
    first.signal(signal.SIGSTOP)
    try:
        refused(vcli(*case.typed(world), "-o", out, "--resume"), {2})
    finally:
        first.signal(signal.SIGCONT)
    assert first.wait().returncode == 0


@pytest.mark.parametrize("case", leading(RUNS))
def test_odd_names_of_directories_are_names(case, world, odd, whole):
    ended = vcli(*case.typed(world), "-o", odd, "--quiet")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == ""
    assert not re.search(r"vcli: (?!warning|error)", ended.stderr)
    assert files_of(odd) == files_of(whole(case))
