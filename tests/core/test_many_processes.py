"""Sixteen processes share a run directory and are killed at random: the run ends complete, and as one process's."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from vision_cli.core.errors import ExitCode
from vision_cli.core.shards.merge import merge_shards
from vision_cli.core.shards.shards import Shard

ITEMS, SHARDS, PROCESSES, KILLS = 240, 12, 16, 50
WORKER = """
import sys, time
from pathlib import Path
from vision_cli.core.errors import VcliError
from vision_cli.core.runs.runs import Run
from vision_cli.core.shards.shards import parse_shard

directory, text, pause = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
shard = parse_shard(None if text == "whole" else text)
work = [(position, f"item {position:03d}") for position in range(int(sys.argv[4]))]
try:
    with Run.open(directory, command="words count", options={}, resume=True, shard=shard) as run:
        if not run.already_done:
            for position, name in shard.take(work) if shard else work:
                if name not in run.items.done:
                    with run.attempt(name, position) as row:
                        time.sleep(pause)
                        with run.output(f"texts/{name}.txt") as path:
                            path.write_text(name * 100)
                        row["letters"] = len(name) * (position % 7)
            run.finish_items()
            run.finish()
except VcliError as error:
    print(error.message, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def worker(directory, shard, pause):
    command = [sys.executable, "-c", WORKER, str(directory), shard, str(pause), str(ITEMS)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8")


@pytest.mark.slow
def test_sixteen_processes_and_fifty_kills(tmp_path):
    whole = worker(tmp_path / "whole", "whole", 0)
    assert whole.wait(timeout=120) == 0
    rng = random.Random(5)
    directory = tmp_path / "parts"
    unfinished = set(range(1, SHARDS + 1))
    at_work: list[tuple[int, subprocess.Popen[str]]] = []
    kills, refused = 0, 0
    deadline = time.monotonic() + 300
    while unfinished or at_work:
        assert time.monotonic() < deadline
        # More processes than shards, so that some meet on the same one.
        while unfinished and len(at_work) < PROCESSES:
            index = rng.choice(sorted(unfinished))
            at_work.append((index, worker(directory, f"{index}/{SHARDS}", 0.02 if kills < KILLS else 0)))
        time.sleep(rng.uniform(0.0, 0.2))
        if kills < KILLS and at_work:
            rng.choice(at_work)[1].send_signal(signal.SIGKILL)
            kills += 1
        for index, process in [one for one in at_work if one[1].poll() is not None]:
            at_work.remove((index, process))
            said = process.stderr.read()
            process.stderr.close()
            if process.returncode == 0 and kills >= KILLS:
                unfinished.discard(index)
            elif process.returncode == ExitCode.USAGE:
                assert "in use by process" in said or "keep acquiring its lock" in said
                refused += 1
            else:
                assert process.returncode in {0, -signal.SIGKILL}, said
    assert kills == KILLS
    assert refused > 0
    merge_shards(directory)
    for name in ("items.csv", "metrics.json"):
        assert (directory / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    times = Counter()
    for index in range(1, SHARDS + 1):
        part = directory / Shard(index, SHARDS).directory
        times.update(json.loads(line)["id"] for line in (part / "items.jsonl").read_text(encoding="utf-8").splitlines())
        assert json.loads((part / "run.json").read_text(encoding="utf-8"))["status"] == "done"
    assert set(times.values()) == {1}
    assert len(times) == ITEMS
    texts = {
        path.name: path.read_text(encoding="utf-8") for path in directory.rglob("*.txt") if path.parent.name == "texts"
    }
    assert texts == {f"item {n:03d}.txt": f"item {n:03d}" * 100 for n in range(ITEMS)}
    strays = [path for path in directory.rglob("*") if path.name.startswith(".") and path.name != ".vcli-outputs"]
    assert strays == []
