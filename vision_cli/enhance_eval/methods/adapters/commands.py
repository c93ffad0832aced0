"""A method that is a program of others: ``cmd:"prog {in} {out}"``, folder to folder.

Pictures are written as PNG of 8 bits into an empty folder; the program writes one picture of the same name, with any
ending, for each of them into another. It runs without a shell, in a session of its own that ends with it.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vision_cli.core.errors import InputError, MissingError, NumericalError, UsageError, VcliError
from vision_cli.enhance_eval.data.sources import write_picture
from vision_cli.enhance_eval.methods.adapters.pictures import picture_files, read_rgb
from vision_cli.enhance_eval.values import Picture

TIMEOUT = 600.0
"""Seconds that a program may take by default."""

_TAIL = 2000
_GRACE = 5.0


@dataclass(frozen=True)
class CommandMethod:
    """A program that enhances a folder.

    Attributes
    ----------
    name
        As the user named it.
    command
        Words of the command line; ``{in}`` and ``{out}`` in them stand for the folders.
    timeout
        Seconds that one start may take.
    """

    name: str
    command: tuple[str, ...]
    timeout: float = TIMEOUT

    def enhance(self, picture: Picture, *, reference: Picture | None = None) -> Picture:
        """Return one enhanced picture, by a start of the program for it alone.

        Raises
        ------
        VcliError
            As `enhance_many`, or if there is no picture of that name.
        """
        found = self.enhance_many({"picture": picture})["picture"]
        if isinstance(found, VcliError):
            raise found
        return found

    def enhance_many(self, pictures: Mapping[str, Picture]) -> dict[str, Picture | VcliError]:
        """Return enhanced pictures by one start of the program; what it left out is an error in its place.

        Parameters
        ----------
        pictures
            By name; the files are numbered, so that names may be anything.

        Raises
        ------
        MissingError
            If there is no such program.
        NumericalError
            If it fails or takes longer than the timeout; the end of what it wrote to stderr is in the message.
        """
        with tempfile.TemporaryDirectory(prefix="vcli-enhance-") as scratch:
            inputs, outputs = Path(scratch, "in"), Path(scratch, "out")
            inputs.mkdir()
            outputs.mkdir()
            stems = {name: f"{number:06d}" for number, name in enumerate(pictures)}
            for name, picture in pictures.items():
                write_picture(inputs / f"{stems[name]}.png", picture)
            self._run(inputs, outputs, Path(scratch, "stderr"))
            written = {path.stem: path for path in picture_files(outputs)}
            return {name: self._read(written.get(stem), stem) for name, stem in stems.items()}

    def _read(self, path: Path | None, stem: str) -> Picture | VcliError:
        if path is None:
            return InputError(
                f"{self.name}: wrote no picture for {stem}.png.", hint="It has to write one of the same name to {out}."
            )
        try:
            return read_rgb(path)
        except VcliError as error:
            return error

    def _run(self, inputs: Path, outputs: Path, stderr: Path) -> None:
        words = [word.replace("{in}", str(inputs)).replace("{out}", str(outputs)) for word in self.command]
        with stderr.open("wb") as stream:
            try:
                process = subprocess.Popen(
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=stream,
                    start_new_session=True,
                )
            except FileNotFoundError:
                raise MissingError(f"{self.name}: {words[0]}: no such program.") from None
            except OSError as error:
                raise InputError(f"{self.name}: {words[0]}: cannot be started ({error.strerror}).") from error
            try:
                code = process.wait(self.timeout)
            except subprocess.TimeoutExpired:
                raise NumericalError(
                    f"{self.name}: still running after {self.timeout:g} s.{_tail(stderr)}",
                    hint="Give it more time or less work.",
                ) from None
            finally:
                _end(process)
        if code != 0:
            raise NumericalError(f"{self.name}: ended with code {code}.{_tail(stderr)}")


def command_method(name: str, command: str, timeout: float = TIMEOUT) -> CommandMethod:
    """Return the method of a command line.

    Raises
    ------
    UsageError
        If it lacks a folder, or its quotes are not closed.
    """
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise UsageError(f"{name}: {error}; a command line expected.") from None
    for folder in ("{in}", "{out}"):
        if not any(folder in word for word in words):
            raise UsageError(
                f"{name}: without {folder}; a command with {{in}} and {{out}} expected.",
                hint='Write cmd:"prog {in} {out}".',
            )
    return CommandMethod(name, words, timeout)


def _tail(stderr: Path) -> str:
    text = stderr.read_bytes()[-_TAIL:].decode("utf-8", "replace").strip()
    return f" Its last words: {' / '.join(text.splitlines()[-8:])}" if text else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and all that it started: they are asked first, and those that stay are ended."""
    for signum in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signum)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
