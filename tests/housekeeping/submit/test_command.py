"""`vcli submit` checks what it is told before a scheduler hears of it; a job stops its command and comes back."""

from __future__ import annotations

import csv
import json
import os
import pickle
import re
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.housekeeping.submit import jobs
from vision_cli.housekeeping.submit.jobs import CommandJob
from vision_cli.io.volumes.volumes import write_volume
from vision_cli.phantoms.brains.brains import slice_pair

BATCH = ("register", "batch", "pairs.csv", "-o", "out")


def submit(*words):
    return launch(app, ["submit", *map(str, words)])


def test_a_dry_run_writes_the_script_and_nothing_else(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "setup.sh").write_text("#!/bin/bash\nmodule load cuda\n\nexport MODE=fast\n", encoding="utf-8")
    words = ("--array", 8, "--cpus", 4, "--gpus", 1, "--mem", "8G", "--time", "1-0", "--partition", "long")
    charged = ("--account", "lab", "--qos", "low", "--constraint", "a100&ib")
    others = ("--scheduler-arg", "--nodelist=n1", "--scheduler-arg", "exclusive", "--scheduler-arg", "comment=my job")
    assert submit(*words, *charged, *others, "--setup", "setup.sh", "--dry-run", "--", *BATCH) == 0
    captured = capsys.readouterr()
    for line in (
        "--array=1-8",
        "--cpus-per-task=4",
        "--gpus-per-node=1",
        "--mem=8192MB",
        "--time=1440",
        "--partition=long",
        "--account=lab",
        "--qos=low",
        "--constraint='a100&ib'",
        "--nodelist=n1",
        "--exclusive",
        "--comment='my job'",
        "--requeue",
        "--open-mode=append",
        "--signal=USR1@120",
    ):
        assert f"#SBATCH {line}\n" in captured.out
    script = captured.out
    assert script.index("module load cuda") < script.index("export MODE=fast") < script.index("srun")
    assert "srun -c $SLURM_CPUS_PER_TASK " in script
    assert "vcli register batch pairs.csv -o out --resume --shard auto\n" in script
    assert "vcli runs merge out" in captured.err
    assert [path.name for path in tmp_path.iterdir()] == ["setup.sh"]


def test_a_dry_run_as_json_is_one_document(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert submit("--dry-run", "--json", "--", *BATCH) == 0
    assert json.loads(capsys.readouterr().out)["script"].startswith("#!/bin/bash\n#SBATCH --job-name=vcli-register")


def test_what_a_cluster_asks_for_reaches_sbatch(tmp_path, monkeypatch):
    """A stub in place of sbatch keeps the script that submitit hands over."""
    for name in ("sbatch", "srun"):
        (tmp_path / name).write_text(
            f'#!/bin/bash\ncat "${{@: -1}}" > {shlex.quote(str(tmp_path))}/handed\necho Submitted batch job 17\n',
            encoding="utf-8",
        )
        (tmp_path / name).chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    words = ("--account", "lab", "--qos", "low", "--constraint", "ib", "--cpus", 3, "--scheduler-arg", "nodelist=n1")
    assert submit("--array", 2, *words, "--", *BATCH) == 0
    handed = (tmp_path / "handed").read_text(encoding="utf-8")
    for line in ("--account=lab", "--qos=low", "--constraint=ib", "--cpus-per-task=3", "--nodelist=n1", "--requeue"):
        assert f"#SBATCH {line}\n" in handed
    assert re.search(r"^srun .*--cpus-per-task=3 ", handed, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "no command given"),
        (("register", "batch", "pairs.csv"), "register batch without --out found"),
        (("register", "a.nii", "b.nii"), "register pair without --out found"),
        (
            ("--array", "2", "register", "a.nii", "b.nii", "-o", "x"),
            "`register pair` found; a verb with --shard expected",
        ),
        ((*BATCH, "--shard", "1/2"), "--shard found; --array N alone expected"),
        ((*BATCH, "--no-such"), "No such option: --no-such"),
        ((*BATCH, "--lambda", "much"), "Invalid value for '--lambda'"),
        (("regster", "a", "b"), "no such command: regster"),
        (("runs", "show", "out"), "`vcli runs` found; a task expected"),
        (("--gpus", "4", *BATCH), "4 GPUs for `register batch` found; it uses one"),
        (("--mem", "lots", *BATCH), "--mem: lots found"),
        (("--time", "0", *BATCH), "--time: 0 found"),
        (("--scheduler-arg", "mem=8G", *BATCH), "--scheduler-arg: mem found"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_submitted(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert submit("--dry-run", *words) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []


def test_without_a_scheduler_the_local_executor_is_offered(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert submit("--array", 2, *BATCH) == 4
    said = capsys.readouterr().err
    assert "no scheduler found" in said
    assert "--executor local" in said


def test_a_training_on_several_gpus_has_a_process_for_each():
    command = CommandJob(("register", "train", "scans", "-o", "run"), processes=4).command
    assert command[1:] == [
        *("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "4"),
        *("-m", "vision_cli", "register", "train", "scans", "-o", "run"),
    ]


class Scripted(CommandJob):
    """A job whose command is a script in Python."""

    @property
    def command(self):
        return [sys.executable, "-c", textwrap.dedent(self.words[0]), *self.words[1:]]


STOPPABLE = """
    import signal, sys, time
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
    print("ready", flush=True)
    open(sys.argv[1], "w").close()
    time.sleep(60)
"""


def in_a_process(tmp_path, script, *words):
    """Start a job in a process of its own, that is sent signals as one of submitit is."""
    body = f"""
        import signal, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_command import Scripted
        job = Scripted({(script, *map(str, words))!r})
        def back_to_the_queue(*_):
            again = job.checkpoint()
            print(type(again.function).__name__, again.function.words == job.words, flush=True)
            sys.exit(99)
        signal.signal(signal.SIGUSR2, back_to_the_queue)
        job()
    """
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(body)], stdout=subprocess.PIPE, text=True)


def wait_for(path):
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGUSR2, 99), (signal.SIGTERM, 75)])
def test_a_job_that_is_told_to_stop_stops_its_command(tmp_path, signum, code):
    job = in_a_process(tmp_path, STOPPABLE, tmp_path / "ready")
    wait_for(tmp_path / "ready")
    begun = time.monotonic()
    job.send_signal(signum)
    said = job.communicate(timeout=30)[0]
    assert job.returncode == code
    assert time.monotonic() - begun < 10
    assert ("CommandJob True" in said) == (signum == signal.SIGUSR2)


@pytest.mark.parametrize(
    ("script", "code"), [("import sys; sys.exit(6)", 6), ("import os; os.kill(os.getpid(), 9)", 137)]
)
def test_a_job_ends_with_the_code_of_its_command(tmp_path, script, code):
    job = in_a_process(tmp_path, script)
    job.communicate(timeout=60)
    assert job.returncode == code


def test_a_job_is_pickled_without_its_child():
    job = Scripted(("print('hello')",))
    assert job() == 0
    again = pickle.loads(pickle.dumps(CommandJob(("register",), 2, 3)))
    assert (again.words, again.processes, again.cpus) == (("register",), 2, 3)
    assert job.__getstate__()["_child"] is None


def test_the_queue_is_unknown_where_slurm_does_not_answer(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert jobs.jobs_in_queue(["17_0"]) is None


@pytest.fixture
def pairs(tmp_path, monkeypatch):
    """A table of four pairs of slices; the third lacks an image."""
    monkeypatch.chdir(tmp_path)
    rows = []
    for number in range(4):
        pair = slice_pair(number, (32, 32), (6.0, 6.0))
        row = {"id": f"p{number}"}
        for side in ("fixed", "moving"):
            row[side] = tmp_path / f"{number}_{side}.nii.gz"
            write_volume(row[side], getattr(pair, side), getattr(pair, f"{side}_vox2ras"))
        rows.append(row)
    with (tmp_path / "pairs.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, ["id", "fixed", "moving"])
        table.writeheader()
        table.writerows(rows)
    return tmp_path


@pytest.mark.slow
def test_the_local_executor_does_all_parts_and_says_how_far_they_are(pairs, capsys):
    (pairs / "2_moving.nii.gz").write_bytes(b"no image")
    quick = ("--iters", "4", "--threads", "1", "--no-pictures", "--method", "optimize")
    words = ("--executor", "local", "--array", 2, "--", *BATCH, *quick)
    assert submit(*words) == 6
    said = capsys.readouterr().err
    assert re.search(r"part 1 of 2: done, 1 items done, 1 failed", said)
    assert re.search(r"part 2 of 2: done, 2 items done", said)
    assert "1 items failed" in said
    logs = [path.read_text(encoding="utf-8") for path in (pairs / "out-jobs").glob("*_log.err")]
    assert len(logs) == 2
    write_volume(
        pairs / "2_moving.nii.gz",
        slice_pair(2, (32, 32), (6.0, 6.0)).moving,
        slice_pair(2, (32, 32), (6.0, 6.0)).moving_vox2ras,
    )
    assert submit(*words) == 0
    assert launch(app, ["runs", "merge", "out"]) == 0
    assert json.loads((pairs / "out" / "metrics.json").read_text(encoding="utf-8"))["items"] == 4
    journals = [path.read_text(encoding="utf-8").splitlines() for path in (pairs / "out").glob("shard-*/items.jsonl")]
    # The one that failed was tried twice, the others once.
    assert sum(map(len, journals)) == 5


class Part:
    """A job that looks like one of submitit's and is done when it was asked for that often."""

    at_work = 0
    most = 0

    def __init__(self, job):
        self.job, self.left = job, 2
        type(self).at_work += 1
        type(self).most = max(type(self).most, type(self).at_work)

    def done(self):
        self.left -= 1
        if self.left == 0:
            type(self).at_work -= 1
        return self.left <= 0


@pytest.mark.parametrize(("words", "most", "cpus"), [((), 5, 1), (("--cpus", 2), 2, 2), (("--cpus", 9), 1, 9)])
def test_the_local_executor_runs_as_many_parts_at_once_as_there_are_processors(
    words, most, cpus, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vision_cli.housekeeping.submit.command.available_threads", lambda: 5)
    monkeypatch.setattr("vision_cli.housekeeping.submit.command._LOCAL_POLL_SECONDS", 0)
    monkeypatch.setattr("vision_cli.housekeeping.submit.command._LAG_SECONDS", 0)
    Part.at_work = Part.most = 0
    begun = []

    def begin(_folder, _resources, job, *, debug):
        assert not debug
        begun.append(job)
        return Part(job)

    monkeypatch.setattr(jobs, "submit_here", begin)
    # The parts leave no runs behind, which submit says at the end.
    assert submit("--executor", "local", "--array", 7, *words, "--", *BATCH) == 6
    assert (len(begun), Part.most) == (7, most)
    assert {job.cpus for job in begun} == {cpus}
    assert [job.words[-1] for job in begun] == [f"{n}/7" for n in range(1, 8)]
