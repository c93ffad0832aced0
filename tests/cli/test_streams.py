"""Whatever the caller made of stdin, stdout and stderr: one result, one line for an error, never a traceback."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

TINY = Path(__file__).parents[1] / "tiny.py"


def shell(line, *, cwd, **environment):
    """Run the tiny program by a line of the shell, in which TINY stands for it."""
    program = f"{shlex.quote(sys.executable)} {shlex.quote(str(TINY))} tiny"
    return subprocess.run(
        ["/bin/sh", "-c", os.fsencode(line).replace(b"TINY", os.fsencode(program))],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        timeout=120,
        check=False,
    )


def said(done):
    """Return the lines of stderr that are no information."""
    lines = done.stderr.decode("utf-8", "backslashreplace").splitlines()
    told = ("vcli: warning: this is a warning", "vcli: counting", "vcli: results in out")
    return [line for line in lines if line not in told]


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_error(words, tmp_path, closed):
    done = shell(f"TINY {shlex.quote(str(words))} -o out {closed}", cwd=tmp_path)
    assert done.returncode == 0
    assert said(done) == []
    assert (b"count" in done.stdout) == (">&-" not in closed.replace("2>&-", ""))
    # Nothing that was meant for a stream went into a file of the run.
    assert json.loads((tmp_path / "out" / "metrics.json").read_text(encoding="utf-8")) == {"count": 4.0}
    assert json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["status"] == "done"


def test_messages_do_not_go_to_stdout_where_stderr_is_closed(words, tmp_path):
    done = shell(f"TINY {shlex.quote(str(words))} -o out --json 2>&-", cwd=tmp_path)
    assert json.loads(done.stdout)["count"] == 4.0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("words_", ["count w.txt -o out", "count w.txt -o out --json", "--help"])
def test_a_full_stdout_is_one_line(tmp_path, words_):
    (tmp_path / "w.txt").write_text("one two", encoding="utf-8")
    done = shell(f"TINY {words_} >/dev/full", cwd=tmp_path)
    assert done.returncode == 7
    error, hint = said(done)
    assert error.startswith("vcli: error: ")
    assert hint.startswith("hint: ")
    if "out" in words_:
        assert error == "vcli: error: stdout: cannot be written (No space left on device)."
        assert json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["status"] == "done"


def test_a_stdout_for_reading_is_one_line(words, tmp_path):
    done = shell(f"TINY {shlex.quote(str(words))} -o out 1</dev/null", cwd=tmp_path)
    assert done.returncode == 7
    assert said(done)[0] == "vcli: error: stdout: cannot be written (Bad file descriptor)."


def test_a_reader_of_stderr_that_leaves_stops_no_work(words, tmp_path):
    line = f"{{ TINY {shlex.quote(str(words))} -o out -v 2>&3 3>&-; echo $? >code; }} 3>&1 >table | exec <&-"
    shell(line, cwd=tmp_path)
    assert (tmp_path / "code").read_text(encoding="utf-8") == "0\n"
    assert "count" in (tmp_path / "table").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["größe-日本-😀.txt".encode(), b"w-\xff.txt"], ids=["accents", "no utf-8"])
@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}, {}],
    ids=["ascii", "latin-1", "C", "utf-8"],
)
def test_what_an_encoding_lacks_is_an_escape(tmp_path, environment, name):
    file = tmp_path / os.fsdecode(name)
    file.touch()
    quoted = shlex.quote(str(file))
    done = shell(f"TINY {quoted} -o out", cwd=tmp_path, **environment)
    assert done.returncode == 3
    error, hint = said(done)
    assert "empty file found; words expected." in error
    assert hint == "hint: Give --lenient."
    document = shell(f"TINY echo {quoted} --json", cwd=tmp_path, **environment)
    assert document.returncode == 0
    assert os.fsencode(json.loads(document.stdout)["path"]) == os.fsencode(file)
    table = shell(f"TINY echo {quoted}", cwd=tmp_path, **environment)
    assert table.returncode == 0
    assert b"path" in table.stdout


def test_what_steers_a_terminal_is_an_escape(tmp_path):
    done = shell("TINY 'a\x1b[2J\u202eb' -o out", cwd=tmp_path)
    assert said(done)[0] == r"vcli: error: a\x1b[2J\u202eb: no such file (source)."


@pytest.mark.parametrize("out", [b"out-\xff", b"\xff/out"])
def test_an_output_that_is_no_utf_8_is_refused_at_the_door(words, tmp_path, out):
    done = shell(f"TINY {shlex.quote(str(words))} -o {os.fsdecode(out)}", cwd=tmp_path)
    assert done.returncode == 2
    error, hint = done.stderr.decode().splitlines()
    assert error == (
        f"vcli: error: {out.decode('utf-8', 'backslashreplace').replace('xff', 'udcff')}: the name is not UTF-8; "
        "a UTF-8 name expected, as some libraries write to no other."
    )
    assert hint == "hint: Choose another name."
    assert not (tmp_path / os.fsdecode(out)).exists()


def test_an_ignored_ctrl_c_stays_ignored(tmp_path):
    line = "trap '' INT; TINY wait --seconds 2 & child=$!; sleep 1; kill -INT $child; wait $child"
    done = shell(line, cwd=tmp_path)
    assert (done.returncode, done.stdout, said(done)) == (0, b"waiting\n", [])
