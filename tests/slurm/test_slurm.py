"""Job arrays on a real Slurm: divided, preempted, requeued and out of time, a run ends as one that never was."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from vision_cli.io.volumes.volumes import write_volume
from vision_cli.phantoms.brains.brains import slice_pair

# Jobs of a real scheduler take minutes.
pytestmark = pytest.mark.slow

PAIRS = 16
QUICK = ("--iters", "6,6", "--threads", "1", "--no-pictures")
TABLES = ("items.csv", "metrics.json")
README = Path(__file__).parents[2] / "vision_cli" / "core" / "README.md"
# What the page on runs, shards and jobs asks for, and what the node of the tests has.
ASKED = "#SBATCH --array=1-8 --cpus-per-task=4 --mem=8G --requeue --open-mode=append --signal=USR1@60"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Sixteen generated pairs of slices with labels, and a table of them."""
    directory = tmp_path_factory.mktemp("inputs")
    rows = []
    for number in range(PAIRS):
        pair = slice_pair(number, (40, 48), (5.0, 5.0))
        row = {"id": f"p{number:02d}"}
        for side in ("fixed", "moving"):
            vox2ras = getattr(pair, f"{side}_vox2ras")
            for role, values in (("", getattr(pair, side)), ("_label", getattr(pair, f"{side}_labels"))):
                row[side + role] = directory / f"{number}_{side}{role}.nii.gz"
                write_volume(row[side + role], values, vox2ras)
        rows.append(row)
    write_table(directory / "pairs.csv", rows)
    return directory, rows


def write_table(path, rows):
    with path.open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


@pytest.fixture(scope="module")
def whole(cluster, inputs):
    """The undivided run."""
    directory, _ = inputs
    done = cluster.vcli("register", "batch", "pairs.csv", "-o", "whole", "-q", *QUICK, cwd=directory)
    assert done.returncode == 0, done.stderr
    return directory / "whole"


@pytest.fixture
def here(inputs, tmp_path):
    """A directory of its own with the table of pairs."""
    write_table(tmp_path / "pairs.csv", inputs[1])
    return tmp_path


def script(count, grace=60, options=QUICK, time_limit=""):
    """The script of the README, with other numbers and quick options."""
    (text,) = re.findall(
        r"^```bash\n(#!/bin/bash\n.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert ASKED in text
    granted = f"--array=1-{count} --cpus-per-task=1 --requeue --open-mode=append --signal=USR1@{grace} {time_limit}"
    return text.replace(ASKED, f"#SBATCH {granted}").replace("--resume\n", f"--resume {' '.join(options)}\n", 1)


def require_whole(cluster, here, whole, count):
    """Merge, and compare with the undivided run; every item was computed once."""
    merged = cluster.vcli("runs", "merge", "out", "-q", cwd=here)
    assert merged.returncode == 0, merged.stderr
    for name in TABLES:
        assert (here / "out" / name).read_bytes() == (whole / name).read_bytes()
    finished = Counter()
    for shard in range(1, count + 1):
        lines = (here / "out" / f"shard-{shard}-of-{count}" / "items.jsonl").read_text(encoding="utf-8").splitlines()
        finished.update(json.loads(line)["id"] for line in lines)
    assert finished == {f"p{number:02d}": 1 for number in range(PAIRS)}
    assert not [path for path in (here / "out").rglob("*") if path.name.startswith(".")]


def items_done(here, shard, count):
    journal = here / "out" / f"shard-{shard}-of-{count}" / "items.jsonl"
    return len(journal.read_text(encoding="utf-8").splitlines()) if journal.exists() else 0


def until(holds, seconds=240):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def output_of(here):
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(here.glob("slurm-*.out")))


def test_an_array_of_eight_is_the_undivided_run(cluster, here, whole):
    cluster.wait_for(cluster.sbatch(script(8), cwd=here))
    assert "vcli: error" not in output_of(here)
    assert "vcli: part 8 of 8, from SLURM task 8 of 1 to 8" in output_of(here)
    shown = cluster.vcli("runs", "show", "out", "--json", cwd=here)
    assert json.loads(shown.stdout)["counts"] == {"done": 8}
    require_whole(cluster, here, whole, 8)


@pytest.mark.parametrize("way", ["requeue", "preempted"])
def test_a_task_that_is_sent_back_resumes_and_does_nothing_twice(cluster, here, whole, way):
    job = cluster.sbatch(script(2), cwd=here)
    until(lambda: items_done(here, 1, 2) >= 2)
    if way == "requeue":
        cluster.ask("scontrol", "requeue", f"{job}_1")
    else:
        cluster.ask("scancel", "--signal=USR1", f"{job}_1")
    until(lambda: items_done(here, 1, 2) >= 4)
    cluster.wait_for(job)
    record = json.loads((here / "out" / "shard-1-of-2" / "run.json").read_text(encoding="utf-8"))
    assert record["resumed"] == 1
    require_whole(cluster, here, whole, 2)


def test_the_script_of_a_dry_run_is_submitted_by_hand(cluster, here, whole):
    directory = here / "my scans"
    directory.mkdir()
    (here / "pairs.csv").rename(directory / "pairs.csv")
    asked = ("--array", 2, "--cpus", 1, "--time", 10, "--scheduler-arg", "comment=two parts")
    command = ("register", "batch", "pairs.csv", "-o", "out", *QUICK)
    shown = cluster.vcli("submit", *asked, "--dry-run", "--", *command, cwd=directory)
    assert shown.returncode == 0, shown.stderr
    job = cluster.sbatch(shown.stdout, cwd=directory)
    until(lambda: items_done(directory, 1, 2) >= 2)
    assert "Comment=two parts" in cluster.ask("scontrol", "show", "job", job)
    cluster.ask("scancel", "--signal=USR1", f"{job}_1")
    cluster.wait_for(job)
    record = json.loads((directory / "out" / "shard-1-of-2" / "run.json").read_text(encoding="utf-8"))
    assert record["resumed"] == 1
    require_whole(cluster, directory, whole, 2)


def test_submit_waits_for_an_array_and_what_is_preempted_comes_back(cluster, here, whole):
    command = ["vcli", "submit", "--array", "2", "--wait", "--", "register", "batch", "pairs.csv", "-o", "out", *QUICK]
    waiting = subprocess.Popen(
        command, env=cluster.environ, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )
    until(lambda: items_done(here, 1, 2) >= 2)
    (task,) = [task for task in cluster.ask("squeue", "--noheader", "--array", "--format=%i").split() if "_0" in task]
    cluster.ask("scancel", "--signal=USR2", task)
    result, progress = waiting.communicate(timeout=600)
    assert waiting.returncode == 0, progress
    job = task.partition("_")[0]
    assert re.search(rf"job +{job}\b", result)
    assert f"vcli: part 2 of 2: done, {PAIRS // 2} items done" in progress
    said = "".join(path.read_text(encoding="utf-8") for path in (here / "out-jobs").glob(f"{job}_0_*_log.*"))
    assert "Calling checkpoint method" in said
    assert "interrupted by SIGTERM" in said
    require_whole(cluster, here, whole, 2)


def test_submit_says_what_the_scheduler_refuses(cluster, here):
    refused = cluster.vcli(
        "submit", "--partition", "nowhere", "--", "register", "batch", "pairs.csv", "-o", "out", cwd=here
    )
    assert refused.returncode == 3
    assert "the scheduler refused the job" in refused.stderr
    assert "partition" in refused.stderr
    assert not (here / "out").exists()


def test_a_cancelled_array_stays_cancelled(cluster, here):
    job = cluster.sbatch(script(2), cwd=here)
    until(lambda: items_done(here, 1, 2) >= 1)
    cluster.ask("scancel", job)
    cluster.wait_for(job)
    time.sleep(3)
    assert set(cluster.queue(job).values()) <= {"CANCELLED"}
    refused = cluster.vcli("runs", "merge", "out", cwd=here)
    assert refused.returncode == 2
    assert re.search(r"[12] of 2 shards are not done", refused.stderr)
    assert "--resume" in refused.stderr


def test_a_failing_item_gives_exit_6_and_merge_names_it(cluster, here, inputs):
    rows = [dict(row) for row in inputs[1][:4]]
    rows[2]["moving"] = here / "not_there.nii.gz"
    Path(rows[2]["moving"]).write_bytes(b"no image")
    write_table(here / "pairs.csv", rows)
    job = cluster.sbatch(script(2), cwd=here)
    cluster.wait_for(job)
    codes = re.findall(r"ExitCode=(\d+):0", cluster.ask("scontrol", "show", "job", job))
    assert sorted(codes) == ["0", "6"]
    merged = cluster.vcli("runs", "merge", "out", cwd=here)
    assert merged.returncode == 6
    assert "1 of 4 items failed: p02." in merged.stderr
    assert "vcli register batch pairs.csv -o out" in merged.stderr
    assert "--shard 1/2 --resume" in merged.stderr


def test_a_task_that_meets_its_time_limit_resumes(cluster, here, inputs, whole):
    # Slurm counts in minutes, so that the work is made nearly as long as one by iterations; it may signal a minute
    # earlier than asked, which can be while the command is starting.
    slow = ("--iters", "400,400", "--threads", "1", "--no-pictures")
    rows = inputs[1][:12]
    write_table(here / "pairs.csv", rows)
    job = cluster.sbatch(script(2, grace=30, options=slow, time_limit="--time=1"), cwd=here)
    cluster.wait_for(job, timeout=900)
    print(output_of(here), cluster.logs())  # what a failure needs to be understood
    records = [json.loads((here / "out" / f"shard-{n}-of-2" / "run.json").read_text()) for n in (1, 2)]
    assert [record["status"] for record in records] == ["done", "done"]
    assert max(record.get("resumed", 0) for record in records) >= 1
    assert cluster.vcli("runs", "merge", "out", "-q", cwd=here).returncode == 0
    assert len((here / "out" / "items.csv").read_text(encoding="utf-8").splitlines()) == 1 + len(rows)
