"""Device, threads, memory and random numbers of a command.

torch is only imported by the functions that set it up.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import resource
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vision_cli.core.errors import UsageError

if TYPE_CHECKING:
    import torch

Precision = Literal["float32", "bfloat16", "float16", "float64"]

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
_MALLOC_TRIM_THRESHOLD, _MALLOC_MMAP_THRESHOLD = -1, -3
_MALLOC_KEEP = 1 << 30
_MALLOC_RETURN = 1 << 20
_ALWAYS_ALLOWED = 1 << 26
"""Bytes that a reader may take whatever the limit is, so that a file of a few points is read by a large program."""

_MEMORY_LIMIT: ContextVar[float | None] = ContextVar("memory_limit", default=None)


@dataclass(frozen=True)
class Compute:
    """Device, threads, seed and precision of a command.

    Attributes
    ----------
    device
        The torch device.
    threads
        Threads of an operation on the CPU.
    seed
        Seed of all random streams.
    precision
        Number format of the network.
    """

    device: torch.device
    threads: int
    seed: int
    precision: Precision = "float32"

    @property
    def facts(self) -> dict[str, object]:
        """The values that took effect, for the record of the run."""
        return {
            "device": str(self.device),
            "threads": self.threads,
            "seed": self.seed,
            "precision": self.precision,
        }

    def generator(self, stream: str) -> torch.Generator:
        """Return the random generator of a named stream, determined by seed and name."""
        import torch

        digest = hashlib.sha256(f"{self.seed}/{stream}".encode()).digest()
        return torch.Generator(self.device).manual_seed(int.from_bytes(digest[:7], "big"))


def configure(
    device: str = "auto",
    threads: str | int = "auto",
    seed: int = 0,
    *,
    precision: Precision = "float32",
    keeps_freed_memory: bool = True,
) -> Compute:
    """Set up torch for a command; return what took effect.

    Parameters
    ----------
    device
        ``auto`` (CUDA if there is one, else the CPU: Metal lacks operations on volumes), ``cpu``, ``cuda``,
        ``cuda:N`` or ``mps``.
    threads
        A number, or ``auto`` for what the scheduler or the machine allows this process. It applies to torch; numpy and
        scipy use one thread.
    seed
        Seed of the random streams.
    precision
        Number format of the network; float16 requires CUDA; float64 is for computations that support no other format.
    keeps_freed_memory
        Whether glibc keeps large freed blocks: faster where volumes of the same size are allocated repeatedly, more
        memory where frames of a video are.

    Raises
    ------
    UsageError
        If the device is not valid or not available, does not support the precision, or the number of threads is not
        valid.
    """
    # cuBLAS reads this once, at the first matrix product; without it the order of its sums varies.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    chosen = _device(device)
    if precision == "float16" and chosen.type != "cuda":
        raise UsageError(
            f"--precision float16 on {chosen.type} found; float32 or bfloat16 expected there.",
            hint="float16 requires a CUDA device.",
        )
    count = thread_count(threads)
    _keep_blas_to_one_thread()
    torch.set_num_threads(count)
    # The same as use_deterministic_algorithms, which also imports torch's compiler: five seconds.
    torch.set_deterministic_debug_mode("warn")
    # Filling new tensors with NaN reveals reads of uninitialised memory, but costs a pass over each volume.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    # For libraries that use the global generator; own code uses `Compute.generator`.
    torch.manual_seed(seed)
    if keeps_freed_memory:
        _keep_freed_memory()
    return Compute(chosen, count, seed, precision)


def _keep_blas_to_one_thread() -> None:
    """Use one thread for matrices of numpy and scipy, which are too small for several."""
    from threadpoolctl import threadpool_limits

    # Applies to libraries that are loaded later.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    threadpool_limits(1, user_api="blas")


def available_threads(environ: Mapping[str, str] = os.environ) -> int:
    """Return the number of threads that this process may use.

    The smallest of the CPU affinity, the quota of the control group, and the values of ``SLURM_CPUS_PER_TASK``,
    ``OMP_NUM_THREADS``, ``NSLOTS`` (SGE), ``NCPUS`` (PBS) and ``LSB_DJOB_NUMPROC`` (LSF).
    """
    affinity = getattr(os, "sched_getaffinity", None)
    limits = [len(affinity(0)) if affinity else os.cpu_count() or 1]
    quota = cgroup_cpus()
    if quota is not None:
        limits.append(quota)
    for name in ("SLURM_CPUS_PER_TASK", "OMP_NUM_THREADS", "NSLOTS", "NCPUS", "LSB_DJOB_NUMPROC"):
        with suppress(ValueError):
            limits.append(int(environ.get(name, "")))
    return max(1, min(limits))


def cgroup_cpus(root: Path = _CGROUPS, membership: Path = _OWN_CGROUP) -> int | None:
    """Return the CPU quota of this process's control groups, rounded down; None if there is none."""
    quotas = []
    for group in _own_cgroups(root, membership):
        with suppress(OSError, ValueError):
            quota, period = (group / "cpu.max").read_text(encoding="ascii").split()
            quotas.append(int(quota) // int(period))
        with suppress(OSError, ValueError):
            if (quota_us := _number(group / "cpu.cfs_quota_us")) > 0:
                quotas.append(quota_us // _number(group / "cpu.cfs_period_us"))
    return max(1, min(quotas)) if quotas else None


@contextmanager
def one_thread_below(voxels: int, threshold: int = 120_000) -> Iterator[None]:
    """Use one thread in this block for grids that are too small for several."""
    import torch

    threads = torch.get_num_threads()
    if voxels < threshold:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def memory_within(limit: float | None) -> Iterator[None]:
    """Let `available_memory` count what this process may still take of ``limit`` bytes, within the context.

    Every reader asks it before it takes memory, so that an option such as ``--max-memory`` bounds them all.
    """
    token = _MEMORY_LIMIT.set(limit)
    try:
        yield
    finally:
        _MEMORY_LIMIT.reset(token)


def available_memory(root: Path = _CGROUPS, membership: Path = _OWN_CGROUP) -> int:
    """Return the bytes of memory that this process can still allocate.

    The smallest of the free memory of the machine, of the control groups (of a container or a job), of the limit on
    address space (``ulimit -v``), and of what `memory_within` allows.
    """
    page = os.sysconf("SC_PAGE_SIZE")
    free = [os.sysconf("SC_AVPHYS_PAGES") * page]
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        # Unlike the free pages, this includes the file cache, which the kernel can reclaim.
        free = [int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]) * 1024]
    for group in _own_cgroups(root, membership):
        for limit, used in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            with suppress(OSError, ValueError):
                free.append(_number(group / limit) - _number(group / used) + _file_cache(group))
    space, _ = resource.getrlimit(resource.RLIMIT_AS)
    if space != resource.RLIM_INFINITY:
        with suppress(OSError, ValueError):
            taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * page
            free.append(space - taken)
    allowed = _MEMORY_LIMIT.get()
    if allowed is not None:
        with suppress(OSError, ValueError):
            resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * page
            free.append(max(int(allowed) - resident, _ALWAYS_ALLOWED))
    return max(0, min(free))


def peak_memory_mb() -> float:
    """Return the peak resident memory of this process so far, in 1e6 bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def return_freed_memory() -> None:
    """Return the memory that glibc kept to the kernel, after a phase that needed much of it."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@contextmanager
def freed_memory_returned() -> Iterator[None]:
    """Return freed memory to the kernel, now and in this block; afterwards glibc keeps large blocks, see `configure`.

    For a phase that allocates large blocks of different sizes once, where kept ones would add up.
    """
    return_freed_memory()
    _set_malloc_thresholds(_MALLOC_RETURN)
    try:
        yield
    finally:
        _set_malloc_thresholds(_MALLOC_KEEP)


def _device(name: str) -> torch.device:
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?|mps", name):
        raise UsageError(f"--device: {name} found; auto, cpu, cuda, cuda:N or mps expected.")
    device = torch.device(name)
    there = {
        "cpu": True,
        "cuda": (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there[device.type]:
        raise UsageError(
            f"--device: {name} found; a device of this machine expected.",
            hint="`vcli doctor` lists the devices; or use --device cpu.",
        )
    return device


def thread_count(text: str | int) -> int:
    """Return the number of threads of ``--threads``: a number, or ``auto`` for `available_threads`.

    Raises
    ------
    UsageError
        If the text is neither.
    """
    if text == "auto":
        return available_threads()
    try:
        count = int(text)
    except ValueError:
        count = 0
    if count < 1:
        raise UsageError(f"--threads: {text} found; auto or a number of at least 1 expected.")
    return count


def _own_cgroups(root: Path, membership: Path) -> list[Path]:
    """Return the directories of this process's control groups, up to the root of each hierarchy.

    In a container the names may be those of the host, and only the root exists.
    """
    found = []
    with suppress(OSError, ValueError):
        for line in membership.read_text(encoding="utf-8").splitlines():
            _, controllers, name = line.split(":", 2)
            # Version 1 has one hierarchy a controller, version 2 a single one without a name.
            hierarchy = root / controllers
            group = hierarchy / name.lstrip("/")
            found += [path for path in (group, *group.parents) if path.is_relative_to(hierarchy)]
    return [path for path in dict.fromkeys(found) if path.is_dir()]


def _file_cache(group: Path) -> int:
    """Return the bytes of a control group's file cache, which count as used but can be reclaimed."""
    lines = (group / "memory.stat").read_text(encoding="ascii").splitlines()
    counts = dict(line.split() for line in lines)
    prefix = "total_" if "total_inactive_file" in counts else ""
    return sum(int(counts.get(f"{prefix}{kind}_file", 0)) for kind in ("inactive", "active"))


def _number(path: Path) -> int:
    return int(path.read_text(encoding="ascii"))


def _keep_freed_memory() -> None:
    """Make glibc keep large freed blocks.

    Returning each volume to the kernel and allocating it again takes longer than the arithmetic on it.
    """
    _set_malloc_thresholds(_MALLOC_KEEP)


def _set_malloc_thresholds(size: int) -> None:
    """Make glibc keep freed blocks below ``size`` bytes, and return larger ones."""
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_MALLOC_MMAP_THRESHOLD, size)
        libc.mallopt(_MALLOC_TRIM_THRESHOLD, size)
