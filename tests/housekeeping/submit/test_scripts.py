"""The script that `vcli submit --dry-run` prints does its part when bash runs it, with stubs in place of Slurm."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess

import pytest

from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.io.volumes.volumes import write_volume
from vision_cli.phantoms.brains.brains import slice_pair

QUICK = ("--iters", "4", "--threads", "1", "--no-pictures", "--method", "optimize")
STUBS = {
    # As srun does: its own options are taken, the rest is run, once for each task of the job.
    "srun": """
        echo "srun $*" >> "$CALLS"
        if [ "$1" = -c ]; then [ "$2" = "$SLURM_CPUS_PER_TASK" ] || exit 90; shift 2; fi
        if [ -n "$STUB_CODE" ]; then exit "$STUB_CODE"; fi
        worst=0 pids=
        for (( n = 0; n < ${SLURM_NTASKS:-1}; n++ )); do
            SLURM_PROCID=$n SLURM_LOCALID=$n "$@" & pids="$pids $!"
        done
        for pid in $pids; do wait "$pid"; code=$?; [ $code -gt $worst ] && worst=$code; done
        exit $worst
    """,
    "squeue": 'echo "squeue $*" >> "$CALLS"; [ -z "$STUB_CANCELLED" ] && echo "77 main R"; true',
    "scontrol": 'echo "scontrol $*" >> "$CALLS"',
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A directory with a blank in its name, with four pairs of slices in a table that has one, too."""
    directory = tmp_path / "my scans"
    directory.mkdir()
    rows = []
    for number in range(4):
        pair = slice_pair(number, (32, 32), (6.0, 6.0))
        row = {"id": f"p{number}"}
        for side in ("fixed", "moving"):
            row[side] = directory / f"{number}_{side}.nii.gz"
            write_volume(row[side], getattr(pair, side), getattr(pair, f"{side}_vox2ras"))
        rows.append(row)
    with (directory / "all pairs.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, ["id", "fixed", "moving"])
        table.writeheader()
        table.writerows(rows)
    monkeypatch.chdir(directory)
    return directory


@pytest.fixture
def slurm(tmp_path):
    """Return a function that runs a script as Slurm would run one task of it, and tells its code and calls."""
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    for name, body in STUBS.items():
        (stubs / name).write_text(f"#!/bin/bash\n{body}\n", encoding="utf-8")
        (stubs / name).chmod(0o755)

    def run(script, cwd, **environ):
        (cwd / "job.sh").write_text(script, encoding="utf-8")
        calls = tmp_path / "calls"
        calls.write_text("", encoding="utf-8")
        given = {"PATH": f"{stubs}:/usr/bin:/bin", "CALLS": str(calls), "SLURM_JOB_ID": "77", **environ}
        kept = {name: value for name, value in os.environ.items() if name in {"HOME", "TMPDIR", "LANG"}}
        done = subprocess.run(
            ["bash", "job.sh"],
            cwd=cwd,
            env={**kept, **given},
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=300,
        )
        return done, calls.read_text(encoding="utf-8").splitlines()

    return run


def printed(capsys, *words):
    capsys.readouterr()
    assert launch(app, ["submit", "--dry-run", *map(str, words)]) == 0
    return capsys.readouterr().out


def test_one_task_of_the_printed_array_does_its_shard(here, slurm, capsys):
    batch = ("register", "batch", "all pairs.csv", "-o", "out put", *QUICK)
    script = printed(capsys, "--array", 2, "--cpus", 1, "--", *batch)
    task = {"SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_MAX": "2"}
    done, calls = slurm(script, here, SLURM_ARRAY_TASK_COUNT="2", SLURM_CPUS_PER_TASK="1", **task)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (here / "out put").iterdir()] == ["shard-2-of-2"]
    shard = here / "out put" / "shard-2-of-2"
    assert json.loads((shard / "run.json").read_text(encoding="utf-8"))["status"] == "done"
    lines = (shard / "items.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["p1", "p3"]
    assert [call.split()[0] for call in calls] == ["srun"]


@pytest.mark.parametrize(
    ("code", "cancelled", "programs"),
    [
        (75, "", ["srun", "squeue", "scontrol"]),
        (75, "yes", ["srun", "squeue"]),
        (6, "", ["srun"]),
        (0, "", ["srun"]),
    ],
    ids=["preempted", "cancelled", "failed items", "done"],
)
def test_only_a_task_that_was_interrupted_and_not_cancelled_is_requeued(
    here, slurm, capsys, tmp_path, code, cancelled, programs
):
    (tmp_path / "setup.sh").write_text("set -e\n", encoding="utf-8")
    script = printed(capsys, "--setup", tmp_path / "setup.sh", "--", "register", "batch", "all pairs.csv", "-o", "out")
    done, calls = slurm(script, here, STUB_CODE=str(code), STUB_CANCELLED=cancelled)
    assert done.returncode == code
    assert [call.split()[0] for call in calls] == programs
    if "scontrol" in programs:
        assert calls[-1] == "scontrol requeue 77"


@pytest.mark.slow
def test_a_training_has_a_task_a_gpu_and_all_of_them_train_together(here, slurm, capsys):
    small = ("--layout", "csv", "--spacing", 6, "--steps", 2, "--batch-size", 2, "--weights", "none", "--no-align")
    rows = "id,image\n" + "".join(f"{n},{here / f'{n}_fixed.nii.gz'}\n" for n in range(4))
    (here / "images.csv").write_text(rows, encoding="utf-8")
    training = ("register", "train", "images.csv", "-o", "run", "--device", "cpu", *small)
    script = printed(capsys, "--gpus", 2, "--cpus", 4, "--", *training)
    for line in ("--nodes=1", "--ntasks=2", "--cpus-per-task=2", "--gpus-per-node=2"):
        assert f"#SBATCH {line}\n" in script
    given = {"SLURM_CPUS_PER_TASK": "2", "SLURM_NTASKS": "2", "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    done, _ = slurm(script, here, **{**given, "SLURM_JOB_ID": str(os.getpid())})
    assert done.returncode == 0, done.stderr
    # Two that knew nothing of each other would have been two writers, and one refused.
    record = json.loads((here / "run" / "run.json").read_text(encoding="utf-8"))
    assert (record["status"], record["options"]["steps"]) == ("done", 2)
