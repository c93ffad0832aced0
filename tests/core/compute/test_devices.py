"""A command computes where it was told to, with its share of the machine, and the same numbers every time."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from vision_cli.core.compute import devices
from vision_cli.core.compute.devices import available_memory, available_threads, cgroup_cpus, configure
from vision_cli.core.errors import UsageError


@pytest.fixture(autouse=True)
def torch_as_it_was(monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    with threadpool_limits():
        yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("default")


def test_threads_are_those_of_torch_alone():
    threadpool_limits(2, user_api="blas")
    configure("cpu", "2")
    assert torch.get_num_threads() == 2
    assert {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"} == {1}
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"


def test_the_processor_is_set_up():
    compute = configure("cpu", "1", seed=3)
    assert (compute.device, compute.threads, compute.seed) == (torch.device("cpu"), 1, 3)
    assert torch.get_num_threads() == 1
    assert torch.are_deterministic_algorithms_enabled()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"]


@pytest.mark.slow
def test_setting_up_does_not_import_the_compiler_of_torch():
    program = "import sys; from vision_cli.core.compute.devices import configure; configure(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)
    assert "torch._inductor" not in done.stdout.split()


def test_auto_takes_what_there_is():
    compute = configure()
    assert compute.device.type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert compute.threads == available_threads()


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:-1", "cpu:3", "meta", "xpu", ""])
def test_what_is_no_device_is_refused(name):
    with pytest.raises(UsageError, match="found; auto, cpu, cuda, cuda:N or mps expected"):
        configure(name)


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="--device: cuda:99 found; a device of this machine expected") as caught:
        configure("cuda:99")
    assert "vcli doctor" in caught.value.hint


@pytest.mark.parametrize("threads", ["0", "-1", "many", "1.5", -2])
def test_what_is_no_number_of_threads_is_refused(threads):
    with pytest.raises(UsageError, match=r"--threads: .* found; auto or a number of at least 1 expected"):
        configure("cpu", threads)


def test_a_stream_repeats_and_streams_differ():
    def draw(seed, stream):
        return torch.rand(4, generator=configure("cpu", 1, seed).generator(stream)).tolist()

    assert draw(0, "noise") == draw(0, "noise")
    assert len({tuple(draw(seed, stream)) for seed in (0, 1) for stream in ("noise", "pairs")}) == 4


def test_drawing_from_one_stream_leaves_the_others_alone():
    compute = configure("cpu", 1)
    first = torch.rand(4, generator=compute.generator("a"))
    torch.rand(100, generator=compute.generator("b"))
    torch.rand(100)
    assert torch.equal(torch.rand(4, generator=compute.generator("a")), first)


@pytest.mark.gpu
def test_a_graphics_device_is_set_up_and_repeats():
    compute = configure("cuda:0")
    draws = [torch.rand(4, device="cuda", generator=compute.generator("a")) for _ in range(2)]
    assert torch.equal(*draws)
    weights, image = torch.rand(8, 8, device="cuda"), torch.rand(8, 8, device="cuda")
    assert torch.equal(weights @ image, weights @ image)


@pytest.mark.parametrize("name", ["SLURM_CPUS_PER_TASK", "OMP_NUM_THREADS", "NSLOTS", "NCPUS", "LSB_DJOB_NUMPROC"])
def test_the_share_that_a_scheduler_grants_is_kept(name):
    assert available_threads({name: "1"}) == 1
    assert available_threads({name: "100000"}) == available_threads({})
    assert available_threads({name: "2,1"}) == available_threads({})
    assert available_threads({name: "0"}) == 1


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="ascii")


@pytest.mark.parametrize(
    ("files", "membership", "cpus"),
    [
        ({}, "0::/\n", None),
        ({"cpu.max": "max 100000"}, "0::/\n", None),
        ({"cpu.max": "250000 100000"}, "0::/\n", 2),
        ({"cpu.max": "50000 100000"}, "0::/\n", 1),
        ({"cpu.max": "max 100000", "slurm/job/cpu.max": "300000 100000"}, "0::/slurm/job/step\n", 3),
        (
            {"slurm/job/cpu.max": "300000 100000", "slurm/job/step/cpu.max": "max 100000"},
            "0::/slurm/job/step\n",
            3,
        ),
        (
            {"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"},
            "4:memory:/host\n1:cpu:/host/name\n",
            4,
        ),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, "1:cpu:/\n", None),
    ],
    ids=["none", "no limit", "limit", "below one", "absent group", "parent", "version 1", "version 1 free"],
)
def test_the_quota_of_the_control_groups_is_read(tmp_path, files, membership, cpus):
    for name, text in files.items():
        write(tmp_path / "groups" / name, text)
    write(tmp_path / "cgroup", membership)
    assert cgroup_cpus(tmp_path / "groups", tmp_path / "cgroup") == cpus


def test_no_control_groups_are_no_quota(tmp_path):
    assert cgroup_cpus(tmp_path, tmp_path / "absent") is None
    assert available_memory(tmp_path, tmp_path / "absent") > 0


@pytest.mark.parametrize(
    ("files", "membership"),
    [
        (
            {
                "job/memory.max": "3000000",
                "job/memory.current": "2000000",
                "job/memory.stat": "anon 1\ninactive_file 200\nactive_file 34\n",
            },
            "0::/job\n",
        ),
        (
            {
                "memory/memory.limit_in_bytes": "3000000",
                "memory/memory.usage_in_bytes": "2000000",
                "memory/memory.stat": "inactive_file 9\ntotal_inactive_file 200\ntotal_active_file 34\n",
            },
            "4:memory:/job\n",
        ),
    ],
    ids=["version 2", "version 1"],
)
def test_memory_is_what_the_control_group_leaves_and_its_file_cache(tmp_path, files, membership):
    for name, text in files.items():
        write(tmp_path / "groups" / name, text)
    write(tmp_path / "cgroup", membership)
    assert available_memory(tmp_path / "groups", tmp_path / "cgroup") == 1_000_234


def test_memory_without_a_limit_is_that_of_the_machine(tmp_path):
    write(tmp_path / "groups" / "memory.max", "max")
    write(tmp_path / "cgroup", "0::/\n")
    free = available_memory(tmp_path / "groups", tmp_path / "cgroup")
    assert 0 < free <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_the_limit_on_address_space_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1, 1))
    assert available_memory(tmp_path, tmp_path / "absent") == 0


def test_peak_memory_is_in_megabytes():
    before = devices.peak_memory_mb()
    block = bytearray(b"x") * 200_000_000
    after = devices.peak_memory_mb()
    del block
    assert 10 < before <= after
    assert after >= 200


def test_small_grids_take_one_thread_and_large_ones_all():
    configure("cpu", 2)
    with devices.one_thread_below(1000):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    with devices.one_thread_below(500_000):
        assert torch.get_num_threads() == 2

    def fail():
        with devices.one_thread_below(1000):
            raise ValueError("diverged")

    with pytest.raises(ValueError, match="diverged"):
        fail()
    assert torch.get_num_threads() == 2


def test_the_module_itself_imports_no_torch():
    imports = ["compute.devices", "shards.merge", "report", "runs.runs", "compute.weights"]
    program = "import sys; " + "".join(f"import vision_cli.core.{name}; " for name in imports) + "print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True).stdout
    assert {"torch", "numpy", "pydantic", "rich", "jinja2"}.isdisjoint(loaded.split())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_freed_memory_goes_back_in_the_block_and_is_kept_after_it():
    # In a process of its own: what other tests have freed may be given again, and stays where it is.
    program = """
import os
from pathlib import Path
import numpy as np
from vision_cli.core.compute import devices

def resident_mb():
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6

def left_by_an_array():
    before = resident_mb()
    values = np.ones(8_000_000)
    assert resident_mb() > before + 50
    del values
    return resident_mb() - before

with devices.freed_memory_returned():
    assert left_by_an_array() < 10
assert left_by_an_array() > 50
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
