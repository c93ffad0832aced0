"""Lock that gives a directory a single writer, also on network file systems.

``flock`` is unreliable there, but creating a hard link is atomic everywhere. The lock file names its holder, which
touches it regularly. A lock is stale if its process on this machine has ended, or if a holder on another machine has
not touched it for two minutes. A stale lock is removed only by the holder of a second, short-lived lock, so that a
fresh lock is never removed.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from vision_cli.core.errors import UsageError

HEARTBEAT_SECONDS = 15.0
STALE_SECONDS = 120.0
_NAME = ".vcli-lock"
_TAKE_OVER = ".vcli-lock-take-over"
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
_ATTEMPTS, _PAUSE_SECONDS = 50, 0.05


class DirectoryLock:
    """Exclusive right to write into a directory, for a ``with`` block.

    Parameters
    ----------
    directory
        An existing directory.

    Raises
    ------
    UsageError
        On entry, if another running process holds the lock.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / _NAME
        self._token = os.urandom(8).hex()
        self._stop = threading.Event()
        self._lost = False
        self._heart: threading.Thread | None = None

    def __enter__(self) -> Self:
        for _ in range(_ATTEMPTS):
            if self._claim(self._path):
                break
            self._clear_if_stale()
        else:
            raise UsageError(
                f"{self._directory}: other processes keep acquiring its lock.", hint="Choose another --out."
            )
        self._heart = threading.Thread(target=self._beat, daemon=True, name="vcli-lock")
        self._heart.start()
        self._sweep()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        if self._heart is not None:
            self._heart.join()
        if self._is_mine():
            with suppress(OSError):
                self._path.unlink()

    def require_held(self) -> None:
        """Raise an error if another process took over the lock while this one was suspended.

        Raises
        ------
        UsageError
            If the lock was taken over.
        """
        if self._lost:
            raise UsageError(
                f"{self._directory}: this process was suspended, and another took over the run.",
                hint="Wait for the other process.",
            )

    @classmethod
    def is_held(cls, directory: Path) -> bool:
        """Return whether a running process holds the lock of a directory; nothing is written.

        A process on another machine is judged by the age of its lock, by the clock of this machine.
        """
        path = directory / _NAME
        holder = _read(path)
        if holder is None:
            return False
        if _is_here(holder):
            return not _is_gone(holder)
        with suppress(OSError):
            return time.time() - path.stat().st_mtime <= STALE_SECONDS
        return False

    def _claim(self, path: Path) -> bool:
        """Create ``path`` with the identity of this process; return whether it did not exist."""
        proposal = self._directory / f"{_NAME}-{self._token}"
        proposal.write_text(json.dumps({**_identity(), "token": self._token}), encoding="utf-8")
        try:
            os.link(proposal, path)
        except FileExistsError:
            # A file server also reports this if it created the link, but its answer was lost and the call repeated.
            return proposal.stat().st_nlink == 2
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return self._claim_without_links(path, proposal)
        else:
            return True
        finally:
            with suppress(FileNotFoundError):
                proposal.unlink()

    @staticmethod
    def _claim_without_links(path: Path, proposal: Path) -> bool:
        """Claim by exclusive creation; a file read before its content is written is judged by its age."""
        try:
            with path.open("x", encoding="utf-8") as stream:
                stream.write(proposal.read_text(encoding="utf-8"))
        except FileExistsError:
            return False
        return True

    def _clear_if_stale(self) -> None:
        holder = _read(self._path)
        if holder is None:
            return
        if not self._is_stale(self._path, holder):
            raise UsageError(
                f"{self._directory}: in use by process {holder.get('pid', 'unknown')} "
                f"on {holder.get('host', 'an unknown machine')}.",
                hint="Wait for it (two minutes, if its machine died), or choose another --out.",
            )
        with self._take_over() as mine:
            # Another process may have taken over since the check above.
            if mine and _read(self._path) == holder:
                with suppress(FileNotFoundError):
                    self._path.unlink()

    @contextmanager
    def _take_over(self) -> Iterator[bool]:
        """Yield whether this process is the only one that may remove a stale lock."""
        path = self._directory / _TAKE_OVER
        mine = self._claim(path)
        try:
            if not mine:
                time.sleep(_PAUSE_SECONDS)
                # It is held for an instant; an old one was left by a process killed while holding it.
                if (holder := _read(path)) is not None and self._is_stale(path, holder):
                    with suppress(FileNotFoundError):
                        path.unlink()
            yield mine
        finally:
            if mine:
                with suppress(FileNotFoundError):
                    path.unlink()

    def _is_stale(self, path: Path, holder: dict[str, object]) -> bool:
        return _is_gone(holder) if _is_here(holder) else self._age(path) > STALE_SECONDS

    def _age(self, path: Path) -> float:
        """Return the seconds since a file was touched, by the clock of the file server, which sets both times."""
        clock = self._directory / f"{_NAME}-{self._token}"
        clock.touch()
        try:
            return clock.stat().st_mtime - path.stat().st_mtime
        except FileNotFoundError:
            return 0.0
        finally:
            clock.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_SECONDS):
            try:
                if not self._is_mine():
                    self._lost = True
                    return
                os.utime(self._path)
            except OSError:
                # The file server is temporarily unreachable; the next beat tries again.
                continue

    def _is_mine(self) -> bool:
        holder = _read(self._path)
        return holder is not None and holder.get("token") == self._token

    def _sweep(self) -> None:
        """Remove the files of processes that were killed while acquiring the lock."""
        for path in self._directory.glob(f"{_NAME}-*"):
            if path.name != _TAKE_OVER and self._age(path) > STALE_SECONDS:
                path.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, object] | None:
    """Return the contents of a lock file; None if there is no file, empty if it is damaged."""
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) else {}


def _is_here(holder: dict[str, object]) -> bool:
    """Return whether the process id of a holder is of this machine and namespace."""
    here = _identity()
    return all(holder.get(key) == here[key] for key in ("host", "machine"))


def _is_gone(holder: dict[str, object]) -> bool:
    """Return whether the process of a holder on this machine has ended."""
    pid = holder.get("pid")
    return not isinstance(pid, int) or _process_start(pid) != holder.get("process_start")


def _identity() -> dict[str, object]:
    return {
        "host": socket.gethostname(),
        "machine": _machine(),
        "pid": os.getpid(),
        "process_start": _process_start(os.getpid()),
    }


def _machine() -> str | None:
    """Return boot id and process namespace, as containers may share a host name; None where they are unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return None


def _process_start(pid: int) -> str | None:
    """Return the start time of a process, which distinguishes reused process ids; None if it has ended."""
    try:
        # The command's name, in parentheses, may hold anything; state and 21 more fields follow.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        # A zombie does not write; in a container without an init process it may never be reaped.
        return None if fields[0] in {"Z", "X"} else fields[19]
    except (OSError, IndexError):
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return "running"
    return "running"
