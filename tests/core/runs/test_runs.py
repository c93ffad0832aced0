"""A run is whole or can be resumed, and ends with the same bytes either way."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import sys
import time
from contextlib import suppress

import pytest

from vision_cli.core.errors import (
    InputError,
    InputTooLarge,
    Interrupted,
    NumericalError,
    PartialFailure,
    ResourceError,
    UsageError,
)
from vision_cli.core.runs import interrupts
from vision_cli.core.runs.runs import Run, read_metrics, read_run

COMMAND = {"command": "tiny count", "options": {"seed": 0}}

BATCH = """
    import sys, time
    from pathlib import Path
    from vision_cli.core.errors import VcliError
    from vision_cli.core.runs.runs import Run

    directory, pause = Path(sys.argv[1]), float(sys.argv[2])
    try:
        with Run.open(directory, command="tiny batch", options={"seed": 0}, resume=True) as run:
            print("open", flush=True)
            for position in range(12):
                item = f"item {position}"
                if item in run.items.done:
                    continue
                with run.attempt(item, position) as row:
                    with run.output(f"items/{position}.bin") as path:
                        path.write_bytes(bytes([position]) * 50_000)
                    time.sleep(pause)
                    if position == 5:
                        raise VcliError("five found; another number expected.")
                    row["value"] = 1 / (position + 1)
            run.finish_items()
            run.finish()
    except VcliError as error:
        sys.exit(error.exit_code)
"""


def results(directory):
    """Return the outputs of a run by name: not the record and the log, which hold times."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.name not in {"run.json", "log.txt", "items.jsonl"}
    }


def record(directory):
    return json.loads((directory / "run.json").read_text(encoding="utf-8"))


@pytest.fixture
def out(tmp_path):
    """The directory of a run."""
    return tmp_path / "out"


def open_run(directory, **changed):
    return Run.open(directory, **{**COMMAND, **changed})


def test_the_record_says_running_then_done(out, tmp_path):
    (tmp_path / "input.txt").write_text("input", encoding="utf-8")
    with open_run(out, inputs={"source": tmp_path / "input.txt", "mask": None}) as run:
        assert record(out)["status"] == "running"
        run.record(device="cpu", seconds={"affine": 1.5})
        with run.output("image.nii.gz") as path:
            path.write_bytes(b"image")
        run.write_csv("loss.csv", ("step", "loss"), [(1, 0.5)])
        run.write_metrics({"dice_mean": 0.5, "tre_mean_mm": None})
        run.finish()
    document = record(out)
    expected = {
        "schema_version": 1,
        "command": "tiny count",
        "status": "done",
        "options": {"seed": 0},
        "device": "cpu",
        "shard": None,
        "warnings": [],
    }
    assert {name: document[name] for name in expected} == expected
    assert document["argv"] == sys.argv
    assert document["seconds"] == {"affine": 1.5}
    assert document["inputs"]["source"]["bytes"] == 5
    assert document["versions"]["torch"]
    assert document["host"]["cpus"] == os.cpu_count()
    assert document["outputs"] == ["image.nii.gz", "loss.csv", "metrics.json"]
    assert document["started"] <= document["ended"]
    assert document["wall_seconds"] >= 0
    assert document["peak_memory_mb"] > 1
    assert read_metrics(out) == {"dice_mean": 0.5, "tre_mean_mm": None}
    assert sorted(path.name for path in out.iterdir()) == [
        "image.nii.gz",
        "log.txt",
        "loss.csv",
        "metrics.json",
        "run.json",
    ]


def test_a_run_that_was_not_finished_has_failed(out):
    with open_run(out):
        pass
    assert record(out)["status"] == "failed"


def test_an_error_of_the_user_is_recorded_without_traceback(out):
    def diverge():
        with open_run(out):
            raise NumericalError("loss: NaN found; a number expected.", hint="Lower the step.")

    with pytest.raises(NumericalError):
        diverge()
    assert (record(out)["status"], record(out)["error"]) == ("failed", "loss: NaN found; a number expected.")
    log = (out / "log.txt").read_text(encoding="utf-8")
    assert "error: loss: NaN found" in log
    assert "Traceback" not in log


def test_a_fault_leaves_its_traceback_in_the_log(out):
    def divide():
        with open_run(out):
            return 1 / 0

    with pytest.raises(ZeroDivisionError) as caught:
        divide()
    assert caught.value.run_log == out / "log.txt"
    assert record(out)["status"] == "failed"
    assert "Traceback (most recent call last)" in (out / "log.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_signal_leaves_an_interrupted_run(out, signum):
    def work():
        with open_run(out):
            os.kill(os.getpid(), signum)
            interrupts.check()

    with pytest.raises(Interrupted):
        work()
    assert record(out)["status"] == "interrupted"
    with open_run(out, resume=True) as run:
        assert run.resumed
        run.finish()
    document = record(out)
    assert (document["status"], document["resumed"]) == ("done", 1)
    assert "error" not in document


def test_a_done_run_is_not_done_again(out):
    with open_run(out) as run:
        run.write_metrics({"count": 1})
        run.finish()
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with open_run(out, resume=True) as run:
        assert run.already_done
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_resume_begins_where_there_is_no_run(out):
    with open_run(out, resume=True) as run:
        assert not run.resumed
        run.finish()
    assert read_run(out).status == "done"


def test_a_resumed_run_keeps_warnings_times_and_recorded_fields(out):
    with open_run(out) as run:
        run.warn("sform and qform disagree.")
        run.record(grid=[1, 2])
        run._started = (run._started[0] - 100, run._started[1] - 10)
    first = record(out)
    with open_run(out, resume=True) as run:
        run.warn("sform and qform disagree.")
        run.warn("another")
        run.finish()
    document = record(out)
    assert document["warnings"] == ["sform and qform disagree.", "another"]
    assert document["grid"] == [1, 2]
    assert document["started"] == first["started"]
    assert document["wall_seconds"] >= 100
    assert document["cpu_seconds"] >= 10


def test_a_warning_is_heard_logged_and_recorded(out, capsys):
    with open_run(out) as run:
        run.warn("sform and qform disagree.")
    assert "vcli: warning: sform and qform disagree.\n" in capsys.readouterr().err
    assert "warning: sform and qform disagree." in (out / "log.txt").read_text(encoding="utf-8")


def test_other_versions_on_resume_are_told(out, capsys):
    with open_run(out):
        pass
    document = record(out)
    document["versions"]["torch"] = "1.0"
    (out / "run.json").write_text(json.dumps(document), encoding="utf-8")
    with open_run(out, resume=True) as run:
        run.finish()
    assert "resumed with other versions than it was started with: torch 1.0 -> " in capsys.readouterr().err


def test_overwriting_removes_what_the_run_wrote_and_nothing_else(out):
    with open_run(out) as run:
        run.items.add("a", 0, {"old": 1})
        run.finish_items()
        run.write_text("pairs/one/old.txt", "old")
        run.log("old")
        run.finish()
    (out / "notes.txt").touch()
    with open_run(out, overwrite=True, options={"seed": 1}) as run:
        assert sorted(path.name for path in out.iterdir()) == [".vcli-lock", "log.txt", "notes.txt", "run.json"]
        assert "old" not in (out / "log.txt").read_text(encoding="utf-8")
        assert run.items.done == frozenset()
        run.finish()
    assert record(out)["options"] == {"seed": 1}
    assert record(out)["outputs"] == []


def test_outputs_of_a_killed_run_are_removed_too(out):
    run = open_run(out)
    run.write_text("old.txt", "old")
    run._stack.close()
    with open_run(out, overwrite=True):
        assert not (out / "old.txt").exists()


def test_overwriting_that_was_killed_half_way_is_finished_on_resume(out, monkeypatch):
    with open_run(out) as run:
        run.items.add("a", 0, {"old": 1})
        run.write_text("old.txt", "old")
        run.finish()

    def be_killed(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("vision_cli.core.runs.outputs.Outputs.remove", be_killed)
        with pytest.raises(KeyboardInterrupt):
            open_run(out, overwrite=True)
    assert record(out)["status"] == "running"
    with open_run(out, resume=True) as run:
        assert not (out / "old.txt").exists()
        assert run.items.done == frozenset()
        run.finish()
    assert "clearing" not in record(out)


def test_a_part_is_a_run_that_is_removed_with_the_whole(out):
    def batch(options, **wish):
        with open_run(out, options=options, **wish) as run:
            with run.part("pairs/one", command="tiny one", options=options) as part:
                was_done = part.already_done
                part.write_text("deep/result.txt", str(options))
                part.log("done")
                part.finish()
            run.finish()
        return was_done

    assert not batch({"seed": 0})
    assert record(out / "pairs" / "one")["command"] == "tiny one"
    (out / "pairs" / "mine.txt").touch()
    with open_run(out / "other") as other:
        other.finish()
    assert not batch({"seed": 1}, overwrite=True)
    assert (out / "pairs" / "one" / "deep" / "result.txt").read_text(encoding="utf-8") == "{'seed': 1}"
    with open_run(out, overwrite=True):
        left = sorted(str(path.relative_to(out)) for path in out.rglob("[!.]*"))
        assert left == ["log.txt", "other", "other/log.txt", "other/run.json", "pairs", "pairs/mine.txt", "run.json"]


def test_an_unfinished_part_is_resumed_and_a_finished_one_is_not_repeated(out):
    with open_run(out) as run:
        with run.part("one", command="tiny one", options={}) as part:
            part.finish()
        with suppress(KeyboardInterrupt), run.part("two", command="tiny one", options={}):
            raise KeyboardInterrupt
    with open_run(out, resume=True) as run:
        with run.part("one", command="tiny one", options={}) as part:
            assert part.already_done
        with run.part("two", command="tiny one", options={}) as part:
            assert part.resumed
            assert not part.already_done


def test_items_that_failed_are_tried_again_by_a_resumed_run(out):
    with open_run(out) as run:
        run.items.add("a", 0, {"value": 1})
        run.items.fail("b", 1, "broken")
        run.finish_items()
        run.finish()
    with pytest.raises(PartialFailure, match="1 of 2 items failed"):
        run.require_all_good()
    with open_run(out, resume=True) as run:
        assert not run.already_done
        assert run.items.done == {"a"}
        run.items.add("b", 1, {"value": 2})
        run.finish_items()
        run.finish()
    run.require_all_good()
    assert not (out / "failures.csv").exists()
    with open_run(out, resume=True) as run:
        assert run.already_done


def test_a_part_that_failed_begins_anew_with_mended_inputs(out, tmp_path):
    source = tmp_path / "input.txt"
    source.write_text("broken", encoding="utf-8")

    def do_part(text):
        with run.part("one", command="tiny one", options={}, inputs={"text": source}) as part:
            assert not part.resumed
            part.write_text("result.txt", text)
            if source.read_text(encoding="utf-8") == "broken":
                raise InputError("broken")
            part.finish()

    with open_run(out) as run:
        with pytest.raises(InputError):
            do_part("first")
        source.write_text("mended", encoding="utf-8")
        do_part("second")
        run.finish()
    assert (out / "one" / "result.txt").read_text(encoding="utf-8") == "second"
    assert record(out / "one")["status"] == "done"


def test_an_output_outside_the_run_is_refused(out):
    with open_run(out) as run, pytest.raises(InputError, match="a path inside the run directory expected"):
        run.write_text("../evil.txt", "")


def test_a_full_disk_at_the_end_leaves_a_run_that_can_be_resumed(out, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    def work():
        with open_run(out) as run:
            run.items.add("a", 0, {"value": 1})
            patch.setattr(os, "fsync", full)
            run.finish_items()

    with monkeypatch.context() as patch, pytest.raises(ResourceError, match="no space left to write it"):
        work()
    assert record(out)["status"] == "running"
    with open_run(out, resume=True) as run:
        assert run.items.done == {"a"}
        run.finish_items()
        run.finish()
    assert sorted(results(out)) == ["items.csv", "metrics.json"]


def test_two_processes_never_write_into_one_run(out, start):
    first = start(BATCH, out, 0.4)
    assert first.stdout.readline() == "open\n"
    second = start(BATCH, out, 0.4)
    assert second.wait(timeout=60) == 2
    assert first.wait(timeout=60) == 0


def test_a_run_that_lost_its_lock_writes_nothing_more(out):
    with open_run(out) as run:
        run._lock._lost = True
        for write in (
            lambda: run.write_text("a.txt", ""),
            run.finish,
            lambda: run.attempt("a", 0).__enter__(),
        ):
            with pytest.raises(UsageError, match="another took over the run"):
                write()
    assert record(out)["status"] == "running"
    assert not (out / "a.txt").exists()


def test_failures_of_items_are_kept_and_the_others_go_on(out, capsys):
    def bad(kind):
        raise kind

    with open_run(out) as run:
        for position, kind in enumerate(
            [
                None,
                InputError("b.nii: 4D found; 3D expected."),
                ValueError("no such axis"),
                None,
                InputTooLarge("e.nii: 9 GiB; 1 GiB of free memory expected."),
            ]
        ):
            with run.attempt(f"item {position}", position) as row:
                row["value"] = position
                if kind is not None:
                    bad(kind)
        assert run.finish_items() == 3
        run.finish()
    assert (out / "items.csv").read_text(encoding="utf-8") == "id,value\nitem 0,0\nitem 3,3\n"
    assert (out / "failures.csv").read_text(encoding="utf-8") == (
        "id,error\nitem 1,b.nii: 4D found; 3D expected.\nitem 2,unexpected ValueError: no such axis\n"
        "item 4,e.nii: 9 GiB; 1 GiB of free memory expected.\n"
    )
    assert "ValueError: no such axis" in (out / "log.txt").read_text(encoding="utf-8")
    errors = capsys.readouterr().err
    assert "vcli: warning: item 1: b.nii: 4D found; 3D expected." in errors
    assert "vcli: warning: item 2: unexpected ValueError" in errors


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (Interrupted(signal.SIGTERM), Interrupted),
        (MemoryError(), MemoryError),
        (OSError(errno.ENOSPC, "No space left on device"), ResourceError),
        (ResourceError("a: no space left."), ResourceError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
    ids=["signal", "memory", "disk", "resource", "ctrl-c"],
)
def test_what_is_no_failure_of_the_item_ends_the_run(out, error, raised):
    def work():
        with open_run(out) as run, run.attempt("a", 0):
            raise error

    with pytest.raises(raised):
        work()
    with open_run(out, resume=True) as run:
        assert run.items.entries == []


def test_sigterm_ends_a_batch_with_75_and_it_can_be_resumed(out, tmp_path, start):
    assert start(BATCH, tmp_path / "whole", 0).wait(timeout=60) == 0
    process = start(BATCH, out, 0.1)
    assert process.stdout.readline() == "open\n"
    time.sleep(0.25)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 75
    assert record(out)["status"] == "interrupted"
    assert "items.csv" not in results(out)
    assert start(BATCH, out, 0).wait(timeout=60) == 0
    assert record(out)["status"] == "done"
    assert results(out) == results(tmp_path / "whole")


def test_a_batch_killed_again_and_again_ends_with_the_bytes_of_one_never_killed(out, tmp_path, start):
    assert start(BATCH, tmp_path / "whole", 0).wait(timeout=60) == 0
    moments = random.Random(0)
    kills = 0
    for _ in range(6):
        process = start(BATCH, out, 0.01)
        if process.stdout.readline() != "open\n":
            break
        time.sleep(moments.uniform(0, 0.08))
        process.kill()
        process.wait()
        kills += record(out)["status"] == "running"
        for path in (out / "items").glob("[!.]*"):
            assert path.read_bytes() == (tmp_path / "whole" / "items" / path.name).read_bytes()
    assert kills > 0
    assert start(BATCH, out, 0).wait(timeout=60) == 0
    assert results(out) == results(tmp_path / "whole")
    assert [path.name for path in out.rglob(".*")] == []
