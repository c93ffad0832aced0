"""The state of every shard is told from what it left on the disk."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from contextlib import suppress

import pytest

from vision_cli.core.errors import Interrupted
from vision_cli.core.runs.runs import Run
from vision_cli.core.shards.progress import repair_command, shard_states
from vision_cli.core.shards.shards import Shard


def begin(directory, index, **changed):
    return Run.open(directory, command="words", options={}, shard=Shard(index, 6), **changed)


@pytest.fixture
def array(tmp_path):
    """Shards 1 to 5 of 6 in five states; the sixth never began."""
    with begin(tmp_path, 1) as run:
        run.items.add("a", 0, {"n": 1})
        run.items.fail("b", 6, "b is broken")
        run.finish()
    for index, error in ((2, Interrupted(15)), (3, ValueError("no such thing"))):
        with suppress(Interrupted, ValueError), begin(tmp_path, index) as run:
            run.items.add(f"item of {index}", index, {})
            raise error
    killed = (
        "import os, sys; from pathlib import Path; from vision_cli.core.runs.runs import Run; "
        "from vision_cli.core.shards.shards import Shard\n"
        "with Run.open(Path(sys.argv[1]), command='words', options={}, shard=Shard(4, 6)): os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", killed, tmp_path], check=False).returncode == -9
    (tmp_path / "shard-5-of-6").mkdir()
    (tmp_path / "shard-5-of-6" / "run.json").write_text("{", encoding="utf-8")
    return tmp_path


def test_every_state_is_told(array):
    states = {state.shard.index: state for state in shard_states(array)}
    assert [states[n].state for n in range(1, 7)] == ["done", "interrupted", "failed", "killed", "damaged", "missing"]
    assert (states[1].items, states[1].items_failed) == (1, 1)
    assert (states[2].items, states[2].items_failed) == (1, 0)
    assert states[3].error == "no such thing"
    assert "damaged record" in states[5].error


def test_a_shard_at_work_is_running(tmp_path):
    with begin(tmp_path, 2) as run:
        assert [state.state for state in shard_states(tmp_path)][1] == "running"
        run.finish()
    assert [state.state for state in shard_states(tmp_path)][1] == "done"


def test_a_shard_on_another_machine_is_running_while_its_lock_is_fresh(tmp_path):
    with begin(tmp_path, 1) as run:
        lock = run.directory / ".vcli-lock"
        holder = json.loads(lock.read_text(encoding="utf-8"))
        lock.write_text(json.dumps({**holder, "host": "elsewhere"}), encoding="utf-8")
        assert shard_states(tmp_path)[0].state == "running"
        os.utime(lock, (1, 1))
        assert shard_states(tmp_path)[0].state == "killed"
        lock.write_text(json.dumps(holder), encoding="utf-8")
        run.finish()


def test_the_command_that_repairs_is_the_one_that_was_typed_with_another_part():
    argv = ["/bin/vcli", "register", "batch", "my pairs.csv", "--shard", "1/8", "-o", "out", "--overwrite", "--seed=1"]
    assert shlex.split(repair_command(argv, [Shard(3, 8)])) == shlex.split(
        "vcli register batch 'my pairs.csv' -o out --seed=1 --shard 3/8 --resume"
    )
    assert repair_command([*argv[:2], "--shard=auto"], [Shard(3, 8), Shard(5, 8)]) == (
        "for n in 3 5; do vcli register --shard $n/8 --resume; done"
    )
