"""One writer a directory: a live holder is respected, a dead one is replaced, by one contender only."""

from __future__ import annotations

import errno
import json
import os
import threading
import time

import pytest

from vision_cli.core.errors import UsageError
from vision_cli.core.runs import locks
from vision_cli.core.runs.locks import DirectoryLock

HOLD = """
    import sys, time
    from pathlib import Path
    from vision_cli.core.runs.locks import DirectoryLock
    with DirectoryLock(Path(sys.argv[1])):
        print("held", flush=True)
        time.sleep(60)
"""


def leftovers(directory):
    return [path.name for path in directory.iterdir()]


def pretend(directory, *, age=0.0, **changed):
    """Write the lock of a holder that differs from this process as said, touched `age` seconds ago."""
    path = directory / ".vcli-lock"
    path.write_text(json.dumps({**locks._identity(), "token": "other", **changed}), encoding="utf-8")
    touched = time.time() - age
    os.utime(path, (touched, touched))


def test_a_lock_is_held_and_given_back(tmp_path):
    with DirectoryLock(tmp_path) as lock:
        lock.require_held()
        assert leftovers(tmp_path) == [".vcli-lock"]
        with (
            pytest.raises(UsageError, match=rf"in use by process {os.getpid()} on "),
            DirectoryLock(tmp_path),
        ):
            pass
    assert leftovers(tmp_path) == []
    with DirectoryLock(tmp_path):
        pass


def test_another_process_is_named_and_its_death_frees_the_lock(tmp_path, start):
    holder = start(HOLD, tmp_path)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(UsageError, match=f"in use by process {holder.pid} on "), DirectoryLock(tmp_path):
        pass
    holder.kill()
    # Not waited for yet: a zombie does not write, and counts as dead.
    while locks._process_start(holder.pid) is not None:
        time.sleep(0.01)
    with DirectoryLock(tmp_path):
        assert json.loads((tmp_path / ".vcli-lock").read_text())["pid"] == os.getpid()
    assert leftovers(tmp_path) == []


def test_a_reused_process_number_is_no_holder(tmp_path):
    pretend(tmp_path, process_start="1")
    with DirectoryLock(tmp_path):
        pass


@pytest.mark.parametrize("changed", [{"host": "elsewhere"}, {"machine": "another boot"}])
def test_a_holder_elsewhere_is_judged_by_its_heartbeat(tmp_path, changed):
    pretend(tmp_path, age=60, pid=1, **changed)
    with pytest.raises(UsageError, match="in use by process 1 on "), DirectoryLock(tmp_path):
        pass
    pretend(tmp_path, age=150, pid=1, **changed)
    with DirectoryLock(tmp_path):
        pass
    assert leftovers(tmp_path) == []


def test_a_damaged_lock_is_stale_when_it_is_old(tmp_path):
    (tmp_path / ".vcli-lock").touch()
    with pytest.raises(UsageError, match="process unknown on an unknown machine"), DirectoryLock(tmp_path):
        pass
    os.utime(tmp_path / ".vcli-lock", (0, 0))
    with DirectoryLock(tmp_path):
        pass


def test_of_many_contenders_for_a_stale_lock_one_wins(tmp_path):
    for _ in range(5):
        pretend(tmp_path, process_start="1")
        barrier, done = threading.Barrier(8), threading.Event()
        outcomes = []

        def contend(barrier=barrier, done=done, outcomes=outcomes):
            barrier.wait()
            try:
                with DirectoryLock(tmp_path):
                    outcomes.append("won")
                    done.wait(10)
            except UsageError:
                outcomes.append("refused")
                if outcomes.count("refused") == 7:
                    done.set()

        threads = [threading.Thread(target=contend) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["refused"] * 7 + ["won"]
        assert leftovers(tmp_path) == []


def test_processes_that_take_turns_never_meet(tmp_path, start):
    program = """
        import os, sys, time
        from pathlib import Path
        from vision_cli.core.errors import UsageError
        from vision_cli.core.runs.locks import DirectoryLock
        directory, until = Path(sys.argv[1]), time.monotonic() + 2
        won = 0
        while time.monotonic() < until:
            try:
                with DirectoryLock(directory):
                    os.close(os.open(directory / "inside", os.O_CREAT | os.O_EXCL))
                    time.sleep(0.002)
                    (directory / "inside").unlink()
                    won += 1
            except UsageError:
                time.sleep(0.001)
        print(won)
    """
    processes = [start(program, tmp_path) for _ in range(3)]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [errors for _, errors in outputs] == ["", "", ""]
    assert sum(int(won) for won, _ in outputs) > 10


def test_a_take_over_that_was_killed_half_way_is_finished(tmp_path):
    pretend(tmp_path, process_start="1")
    (tmp_path / ".vcli-lock-take-over").write_text((tmp_path / ".vcli-lock").read_text())
    with DirectoryLock(tmp_path):
        pass
    assert leftovers(tmp_path) == []


def test_the_heart_beats(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "HEARTBEAT_SECONDS", 0.01)
    with DirectoryLock(tmp_path):
        os.utime(tmp_path / ".vcli-lock", (0, 0))
        until = time.monotonic() + 5
        while (tmp_path / ".vcli-lock").stat().st_mtime == 0 and time.monotonic() < until:
            time.sleep(0.01)
        assert time.time() - (tmp_path / ".vcli-lock").stat().st_mtime < 5


def test_a_holder_that_slept_through_a_take_over_stops_and_leaves_the_lock_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "HEARTBEAT_SECONDS", 0.01)
    with DirectoryLock(tmp_path) as lock:
        pretend(tmp_path, host="elsewhere")
        lock._heart.join(timeout=5)
        with pytest.raises(UsageError, match="this process was suspended, and another took over"):
            lock.require_held()
    assert json.loads((tmp_path / ".vcli-lock").read_text())["token"] == "other"


def test_a_file_system_without_hard_links_will_do(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with (
        DirectoryLock(tmp_path),
        pytest.raises(UsageError, match=f"in use by process {os.getpid()}"),
        DirectoryLock(tmp_path),
    ):
        pass
    assert leftovers(tmp_path) == []


def test_a_link_whose_answer_got_lost_counts(tmp_path, monkeypatch):
    link = os.link

    def lose_the_answer(source, target):
        link(source, target)
        raise FileExistsError

    monkeypatch.setattr(os, "link", lose_the_answer)
    with DirectoryLock(tmp_path):
        pass
    assert leftovers(tmp_path) == []


def test_what_killed_contenders_left_is_swept(tmp_path):
    (tmp_path / ".vcli-lock-dead").touch()
    os.utime(tmp_path / ".vcli-lock-dead", (0, 0))
    (tmp_path / ".vcli-lock-alive").touch()
    with DirectoryLock(tmp_path):
        assert sorted(leftovers(tmp_path)) == [".vcli-lock", ".vcli-lock-alive"]
