"""One writer a directory, also on network file systems.

``flock`` is not to be trusted there; making a hard link is atomic everywhere. The lock file names its holder, who
touches it while it works. A lock is stale when its process is gone from this host, or when nobody has touched it for two
minutes; whoever finds a stale lock renames it away, which only one of several contenders can do.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Self

from vision_cli.core.errors import UsageError

HEARTBEAT_SECONDS = 15.0
STALE_SECONDS = 120.0
_NAME = ".vcli-lock"


class DirectoryLock:
    """The right to write into a directory, for the length of a ``with`` block.

    Parameters
    ----------
    directory
        An existing directory.

    Raises
    ------
    UsageError
        On entry, if another live process holds the lock.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / _NAME
        self._mine = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "process_start": _process_start(os.getpid()),
            "token": uuid.uuid4().hex,
        }
        self._stop = threading.Event()
        self._heart: threading.Thread | None = None

    def __enter__(self) -> Self:
        proposal = self.path.with_name(f"{_NAME}-{self._mine['token']}")
        proposal.write_text(json.dumps(self._mine), encoding="utf-8")
        try:
            for _ in range(10):
                try:
                    os.link(proposal, self.path)
                except FileExistsError:
                    self._clear_if_stale()
                else:
                    break
            else:
                raise UsageError(f"{self.path.parent}: lock keeps changing hands.", hint="Try again in a minute.")
        finally:
            proposal.unlink()
        self._heart = threading.Thread(target=self._beat, daemon=True, name="vcli-lock")
        self._heart.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        if self._heart is not None:
            self._heart.join()
        # A lock that was taken over while this process was suspended is not ours to remove.
        if (_read(self.path) or {}).get("token") == self._mine["token"]:
            with suppress(FileNotFoundError):
                self.path.unlink()

    def _clear_if_stale(self) -> None:
        holder = _read(self.path)
        if holder is None:
            # Released between the two calls, or being written by nobody: a link appears with its content.
            return
        if not self._is_stale(holder):
            raise UsageError(
                f"{self.path.parent}: in use by process {holder.get('pid')} on {holder.get('host')}.",
                hint="Wait for it, or choose another --out.",
            )
        aside = self.path.with_name(f"{_NAME}-stale-{self._mine['token']}")
        try:
            os.rename(self.path, aside)
        except FileNotFoundError:
            return
        taken = _read(aside) or {}
        if taken.get("token") != holder.get("token"):
            # Another contender replaced the stale lock first and this renamed the new one: give it back.
            with suppress(FileExistsError):
                os.link(aside, self.path)
        aside.unlink()

    def _is_stale(self, holder: dict[str, object]) -> bool:
        if holder.get("host") == self._mine["host"]:
            pid = holder.get("pid")
            return not isinstance(pid, int) or _process_start(pid) != holder.get("process_start")
        try:
            return time.time() - self.path.stat().st_mtime > STALE_SECONDS
        except FileNotFoundError:
            return False

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_SECONDS):
            with suppress(OSError):
                os.utime(self.path)


def _read(path: Path) -> dict[str, object] | None:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}
    return holder if isinstance(holder, dict) else {}


def _process_start(pid: int) -> str | None:
    """When a process of this host began, so that a reused process number is told apart; None if there is none."""
    try:
        # Field 22 of stat; the command's name before it may hold spaces and brackets.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return "running"
    return "running"
