"""Ground-truth pulse waves in the files of the data sets, with the times of the device that recorded them."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError, VcliError
from vision_cli.core.runs.input_files import data_files
from vision_cli.io.datasets import hdf5_array, require_mat_room
from vision_cli.io.limits import require_room

_LEAST_COVERAGE = 0.95
_COHFACE_HZ, _LGI_HZ, _FRAMES_HZ = 256.0, 60.0, 30.0
_IBVP_QUALITY_COLUMN, _IBVP_LEAST_QUALITY = 3, 0.3
_MMPD_META = ("light", "motion", "exercise", "skin_color", "gender", "glasser", "hair_cover", "makeup")
_NANOSECONDS = 1e-9
_ARRAYS = {".mat", ".h5", ".hdf5"}
"""Suffixes of files whose arrays are checked for their size one by one; the others are text."""

_BYTES_PER_CHARACTER = 40
_TIME_COLUMNS = ("t", "time", "timestamp", "time_s", "seconds")
_WAVE_COLUMNS = ("bvp", "ppg", "wave", "value", "pulse", "signal")


@dataclass(frozen=True)
class Label:
    """A ground-truth pulse wave with its own times.

    Attributes
    ----------
    times
        ``(N,)`` seconds since the first frame of the video.
    wave
        ``(N,)`` in any unit.
    """

    times: NDArray[np.float64]
    wave: NDArray[np.float64]

    def checked(self, name: str) -> Label:
        """Return the label with strictly increasing times.

        Raises
        ------
        InputError
            If times and values differ in number, or values are constant or not finite.
        """
        if len(self.times) != len(self.wave) or len(self.wave) < 2:
            raise InputError(
                f"{name}: {len(self.times)} times and {len(self.wave)} values found; as many of each expected."
            )
        if not np.isfinite(self.wave).all():
            raise InputError(
                f"{name}: {int((~np.isfinite(self.wave)).sum())} values that are not finite found; none expected."
            )
        if np.ptp(self.wave) == 0:
            raise InputError(f"{name}: a constant wave of {self.wave[0]:g} found; a pulse wave expected.")
        if (np.diff(self.times) <= 0).any():
            order = np.argsort(self.times, kind="stable")
            times, first = np.unique(self.times[order], return_index=True)
            return Label(times, self.wave[order][first])
        return self

    def interpolate(self, times: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        """Return the wave at times ``(T,)`` in seconds, interpolated linearly, ``(T,)``.

        Raises
        ------
        InputError
            If the label covers less than 95 % of the times.
        """
        covered = float(((times >= self.times[0] - 0.1) & (times <= self.times[-1] + 0.1)).mean())
        if covered < _LEAST_COVERAGE:
            raise InputError(
                f"{name}: labels from {self.times[0]:.1f} to {self.times[-1]:.1f} s cover {100 * covered:.0f} % of the "
                f"video ({times[0]:.1f} to {times[-1]:.1f} s); 95 % expected.",
                hint="The clocks of video and labels differ, or a file is truncated.",
            )
        return np.interp(times, self.times, self.wave)


def deferred_reader(reader: Callable[..., Label], path: Path, *rest: Any) -> Callable[[NDArray[np.float64]], Label]:
    """Return a function of the times of the frames ``(T,)`` that reads a label when it is called.

    Parameters
    ----------
    reader
        Function that reads the label; called with the times of the frames too if it has a parameter ``frame_times``.
    path, rest
        Its arguments.
    """
    wants_times = "frame_times" in reader.__code__.co_varnames[: reader.__code__.co_argcount]

    def read(frame_times: NDArray[np.float64]) -> Label:
        if not path.is_file():
            raise InputError(f"{path}: no such file; labels expected.", hint="Check the data set and --layout.")
        if path.suffix.lower() not in _ARRAYS:
            size = path.stat().st_size
            require_room(path, _BYTES_PER_CHARACTER * size, f"labels of {size} bytes", most=math.inf)
        try:
            return reader(path, *rest, frame_times) if wants_times else reader(path, *rest)
        except VcliError:
            raise
        except (ValueError, KeyError, IndexError, OSError, TypeError) as error:
            raise InputError(f"{path}: not readable as labels ({type(error).__name__}: {error}).") from error

    return read


def read_ubfc(path: Path) -> Label:
    """Read UBFC-rPPG's ``ground_truth.txt``: three lines of wave, heart rate and time in s."""
    rows = [np.array(line.split(), dtype=np.float64) for line in path.read_text(encoding="ascii").splitlines() if line]
    if len(rows) != 3:
        raise InputError(f"{path}: {len(rows)} lines found; three (wave, heart rate, time) expected.")
    return Label(rows[2] - rows[2][0], rows[0])


def read_ubfc_part1(path: Path) -> Label:
    """Read ``gtdump.xmp`` of UBFC-rPPG's first part: rows of ms, heart rate, SpO2 and wave."""
    rows = np.loadtxt(path, delimiter=",", ndmin=2)
    return Label((rows[:, 0] - rows[0, 0]) / 1000, rows[:, 3])


def read_pure(path: Path, pictures: Path) -> Label:
    """Read PURE's JSON: wave values with time stamps in ns, relative to that of the first picture."""
    document = json.loads(path.read_text(encoding="utf-8"))
    missing = [name for name in ("/FullPackage", "/Image") if name not in document]
    if missing:
        raise InputError(f"{path}: no {' and no '.join(missing)} found; both expected.")
    stamps = [int(re.findall(r"\d+", one.stem)[-1]) for one in pictures.glob("*.png")]
    first = min(stamps)
    package = document["/FullPackage"]
    times = np.array([int(one["Timestamp"]) - first for one in package], dtype=np.float64) * _NANOSECONDS
    return Label(times, np.array([one["Value"]["waveform"] for one in package], dtype=np.float64))


def read_cohface(path: Path) -> Label:
    """Read COHFACE's ``data.hdf5``: ``pulse`` at 256 Hz, with the times of ``time`` if there is one."""
    import h5py

    data_files(path)
    with h5py.File(path, "r") as file:
        wave = hdf5_array(path, file["pulse"]).astype(np.float64).ravel()
        times = hdf5_array(path, file["time"]).astype(np.float64).ravel() if "time" in file else np.zeros(0)
    return Label(times - times[0] if len(times) == len(wave) else np.arange(len(wave)) / _COHFACE_HZ, wave)


def read_column(path: Path, rate: float) -> Label:
    """Read a file of one column at a rate in Hz."""
    wave = np.loadtxt(path, delimiter=",", ndmin=2)[:, 0]
    return Label(np.arange(len(wave)) / rate, wave)


def read_ibvp(path: Path) -> Label:
    """Read iBVP's table: the wave in column 1, its quality in column 4; low quality is interpolated linearly."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = [row for row in csv.reader(stream) if row]
    if not _is_number(rows[0][0]):
        rows = rows[1:]
    wave = np.array([float(row[0]) for row in rows])
    times = np.arange(len(wave)) / _FRAMES_HZ
    if len(rows[0]) > _IBVP_QUALITY_COLUMN:
        good = np.array([float(row[_IBVP_QUALITY_COLUMN]) > _IBVP_LEAST_QUALITY for row in rows])
        if not good.any():
            raise InputError(f"{path}: no value with a quality above {_IBVP_LEAST_QUALITY} found; some expected.")
        wave = np.interp(times, times[good], wave[good])
    return Label(times, wave)


def read_lgi(path: Path, timer: Path | None) -> Label:
    """Read LGI-PPGI's oximeter stream: ``value2`` at 60 Hz, relative to the camera's first time stamp."""
    wave = np.array([float(text) for text in _texts(path, "value2")])
    if not len(wave):
        raise InputError(f"{path}: no value2 found; the wave of the oximeter expected.")
    own = np.array([float(text) for text in _texts(path, "timestamp")])
    times = own - own[0] if len(own) == len(wave) else np.arange(len(wave)) / _LGI_HZ
    begins = [float(text) for text in _texts(timer, "timestamp")] if timer is not None else []
    if begins and len(own):
        times = times + own[0] - begins[0]
    return Label(times, wave)


def read_mat_wave(path: Path, name: str, frame_times: NDArray[np.float64]) -> Label:
    """Read a wave of a MAT file that begins and ends with the video, at the frame rate or another one."""
    wave = read_mat_array(path, name).astype(np.float64).ravel()
    step = float(np.median(np.diff(frame_times)))
    if len(wave) == len(frame_times):
        return Label(frame_times, wave)
    seconds = frame_times[-1] - frame_times[0] + step
    return Label(frame_times[0] + np.arange(len(wave)) * (seconds / len(wave)), wave)


def read_mat_array(path: Path, name: str) -> NDArray[Any]:
    """Read an array of a MAT file, of version 7.3 or before; axes in MATLAB's order.

    Raises
    ------
    InputError
        If the file is not a MAT file or has no such array.
    """
    import h5py

    if h5py.is_hdf5(path):
        data_files(path)
        with h5py.File(path, "r") as file:
            names = list(file)
            # MATLAB stores arrays in HDF5 with reversed axes.
            found = hdf5_array(path, file[name]).T if name in file else None
    else:
        from scipy import io

        try:
            require_mat_room(path)
            document = io.loadmat(path, variable_names=[name])
            names = [one for one, *_ in io.whosmat(path)]
        except (ValueError, OSError, TypeError, RuntimeError) as error:
            raise InputError(f"{path}: not readable as a MAT file ({error}).") from error
        found = document.get(name)
    if found is None:
        raise InputError(f"{path}: arrays {', '.join(names) or 'none'} found; {name} expected.")
    return found


def read_mmpd_metadata(path: Path) -> dict[str, str]:
    """Read MMPD's metadata of a recording (light, motion, skin ...); empty if the file cannot be read."""
    from scipy import io

    try:
        require_mat_room(path)
        document = io.loadmat(path, variable_names=list(_MMPD_META))
    except (ValueError, OSError, TypeError, RuntimeError):
        return {}
    return {name: str(np.ravel(document[name])[0]) for name in _MMPD_META if name in document and document[name].size}


def read_wave(path: Path, rate: float | None, frame_times: NDArray[np.float64]) -> Label:
    """Read a wave of a manifest: UBFC-rPPG's text file, or a CSV table.

    A table has a column ``bvp``, ``ppg`` or ``wave`` and optionally ``t`` or ``time``; a table without a header has the
    wave only, or times and wave. Without times and without a rate in Hz, the wave begins and ends with the video.
    """
    if path.name == "ground_truth.txt":
        return read_ubfc(path)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = [row for row in csv.reader(stream) if row]
    if not rows:
        raise InputError(f"{path}: empty file found; a pulse wave expected.")
    header = [name.strip().lower() for name in rows[0]] if not _is_number(rows[0][0]) else []
    table = np.array([[float(cell) for cell in row] for row in rows[1 if header else 0 :]])
    timed = next((header.index(name) for name in _TIME_COLUMNS if name in header), None)
    if header:
        place = next((header.index(name) for name in _WAVE_COLUMNS if name in header), None)
        if place is None:
            raise InputError(f"{path}: columns {', '.join(header)} found; one of {', '.join(_WAVE_COLUMNS)} expected.")
    else:
        place, timed = (1, 0) if table.shape[1] > 1 and rate is None else (0, None)
    wave = table[:, place]
    if timed is not None:
        return Label(table[:, timed] - table[0, timed], wave)
    if rate is not None:
        return Label(np.arange(len(wave)) / rate, wave)
    seconds = float(frame_times[-1] - frame_times[0])
    return Label(np.linspace(frame_times[0], frame_times[0] + seconds, len(wave)), wave)


def _texts(path: Path, tag: str) -> list[str]:
    # The streams are lists of small elements; an XML parser would also expand entities.
    return re.findall(rf"<{tag}>\s*([-+\d.eE]+)\s*</{tag}>", path.read_text(encoding="utf-8", errors="replace"))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
