"""`vcli` as a process of its own, without the seconds that its imports take.

Processes are forked from a server that has the heavy libraries loaded (`multiprocessing`'s forkserver), so that a test
can start, kill and limit as many as it likes. What a real start does beyond that is tested in tests/cli.
"""

from __future__ import annotations

import csv
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import vision_cli
from tests.pages import findings

_LIBRARIES = (
    "torch",
    "torch._dynamo",
    "accelerate",
    "safetensors.torch",
    "numpy",
    "pandas",
    "pyarrow.parquet",
    "scipy.signal",
    "scipy.ndimage",
    "scipy.spatial",
    "scipy.stats",
    "sklearn.ensemble",
    "skimage.util",
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
    "jinja2",
    "pydantic.type_adapter",
    "rich.table",
    "nibabel",
    "SimpleITK",
    "cv2",
    "av",
    "h5py",
    "pywt",
    "sympy",
    "PIL.Image",
    "typer._adapters",
)
_PACKAGE = Path(vision_cli.__file__).parent
_LATE = tuple(
    f"synth_faces/{part}"
    for part in ("networks/diffusion", "pipeline", "training", "runs/annotate", "runs/diffusing", "runs/labelling")
)
"""Parts of vision_cli that import diffusers and transformers, which few tests need."""


def _modules() -> list[str]:
    """Return the names of vision_cli's modules that import no library beyond those above."""
    files = (path.relative_to(_PACKAGE).as_posix() for path in _PACKAGE.rglob("*.py"))
    names = (file.removesuffix(".py").removesuffix("/__init__") for file in files if not file.startswith(_LATE))
    return [f"vision_cli.{name.replace('/', '.')}" for name in sorted(names) if not name.startswith("__")]


LOADED = (*_LIBRARIES, *_modules(), "tests.preloaded")
"""Modules of the server: importing them starts no thread, and their children do not pay for them."""

# Collecting garbage of a large heap would take longer than most commands, and copy its pages.
_CHILD = """
import gc
gc.freeze()
import os, resource, signal, sys
os.setsid()
for number, path, how in ((0, os.devnull, os.O_RDONLY), (1, out, os.O_WRONLY), (2, err, os.O_WRONLY)):
    handle = os.open(path, how)
    os.dup2(handle, number)
    os.close(handle)
os.environ.clear()
os.environ.update(environment)
os.chdir(cwd)
for one in ("SIGINT", "SIGTERM", "SIGUSR1", "SIGPIPE"):
    signal.signal(getattr(signal, one), signal.SIG_DFL)
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.default_int_handler)
for name, value in limits.items():
    resource.setrlimit(getattr(resource, name), (value, value))
for kind in ("stdout", "stderr"):
    stream = open({"stdout": 1, "stderr": 2}[kind], "w", encoding="utf-8", buffering=1, closefd=False)
    setattr(sys, kind, stream)
    setattr(sys, f"__{kind}__", stream)
sys.argv = ["vcli", *words]
from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
code = launch(app, words)
sys.stdout.flush()
sys.stderr.flush()
sys.exit(code)
"""

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(list(LOADED))


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its exit code (negative for the signal that killed it) and what it said."""

    returncode: int
    stdout: str
    stderr: str


class Running:
    """A command that is running.

    Attributes
    ----------
    pid
        Its process, which leads a group of its own.
    """

    def __init__(self, process: multiprocessing.Process, out: Path, err: Path) -> None:
        self._process, self._out, self._err = process, out, err
        self.pid: int = process.pid or 0

    def signal(self, signum: int) -> None:
        """Send a signal to the command alone."""
        os.kill(self.pid, signum)

    def kill(self) -> Ended:
        """Kill the command with all that it started, and wait for its end."""
        os.killpg(self.pid, signal.SIGKILL)
        return self.wait()

    def is_running(self) -> bool:
        """Return whether the command has not ended yet."""
        return self._process.is_alive()

    def said(self) -> str:
        """Return what it wrote to stderr so far."""
        return self._err.read_text(encoding="utf-8", errors="replace")

    def wait(self, seconds: float = 300.0) -> Ended:
        """Wait for the end."""
        self._process.join(seconds)
        assert self._process.exitcode is not None, f"still running after {seconds} s: {self.said()}"
        texts = [path.read_text(encoding="utf-8", errors="surrogateescape") for path in (self._out, self._err)]
        for path in (self._out, self._err):
            path.unlink()
        return Ended(self._process.exitcode, *texts)


def start(
    *words: object,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    limits: Mapping[str, int] | None = None,
) -> Running:
    """Start ``vcli`` with words.

    Parameters
    ----------
    words
        What is typed behind ``vcli``.
    cwd
        Where it runs; here by default.
    environment
        Variables beside those of this process.
    limits
        Limits of the process by the names of `resource`, as ``RLIMIT_FSIZE``.
    """
    out, err = (Path(_file(kind)) for kind in ("out", "err"))
    given = {
        "words": [str(word) for word in words],
        "cwd": str(cwd or Path.cwd()),
        "environment": {**os.environ, "COLUMNS": "100", **(environment or {})},
        "limits": dict(limits or {}),
        "out": str(out),
        "err": str(err),
    }
    process = _server.Process(target=exec, args=(_CHILD, given))
    process.start()
    return Running(process, out, err)


def vcli(*words: object, **how: object) -> Ended:
    """Run ``vcli`` with words to its end; see `start`."""
    return start(*words, **how).wait()  # type: ignore[arg-type]


def wait_for(condition: Callable[[], object], seconds: float = 240.0, *, running: Running | None = None) -> None:
    """Wait until something is so; fail when it takes too long, or what should bring it about has ended."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        assert running is None or running.is_running(), f"ended before: {running.said() if running else ''}"
        time.sleep(0.02)


def files_of(directory: Path) -> dict[str, bytes]:
    """Return the outputs of a run by name, without what holds times.

    Left out are records, logs, journals and checkpoints; of reports only what was found is kept, of the history of a
    training all columns but the seconds.
    """
    timed = {"run.json", "log.txt", "items.jsonl", "checkpoint.pt"}
    return {
        str(path.relative_to(directory)): _lasting(path)
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name not in timed and not path.name.startswith(".vcli")
    }


def _lasting(path: Path) -> bytes:
    if path.name == "report.html":
        return findings(path).encode()
    if path.name == "history.csv":
        with path.open(encoding="utf-8", newline="") as stream:
            return repr([{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(stream)]).encode()
    return path.read_bytes()


def _file(kind: str) -> str:
    handle, name = tempfile.mkstemp(prefix=f"vcli-{kind}-")
    os.close(handle)
    return name
