"""Seconds and memory of a training step of kan-fit's layers, beside the layers of its baselines and ordinary ones.

    uv run python tests/bench/kan_fit_layers.py -o layers

Measures each layer in a process of its own (baselines in their environments, see
vision_cli/kan_fit/evaluation/baselines.txt): the median time of a forward and backward pass, and how much the peak
memory grows over what the process held before. Ours run as a command sets torch up, which keeps freed memory; the
others as they come. With MALLOC_TRIM_THRESHOLD_ and MALLOC_MMAP_THRESHOLD_ at 1000000000 in the environment, all keep
it. Prints the table, then the ratios that are required, and writes the table as layers.csv.
"""

# The packages of the baselines are not those of this project.
# mypy: disable-error-code="import-not-found, import-untyped"

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

DENSE = (784, 64, 10)
CONV = (16, 32, 3)
NETWORK = (16, 32, 64)
SHAPES = {"dense": (128, 784), "conv": (16, 16, 28, 28), "network": (32, 3, 32, 32)}
POOL = ("bspline", "cheby", "fourier", "wavelet")
METHODS = {
    "dense": ("mlp", "ours-rbf", "ours-bspline", "ours-pool", "efficient-kan", "pykan"),
    "conv": ("conv2d", "ours-rbf", "ours-bspline", "ours-pool", "convkan"),
    "network": ("cnn", "ours-rbf", "ours-bspline", "ours-pool"),
}
SECTIONS = {"efficient-kan": "efficient-kan", "convkan": "efficient-kan", "pykan": "pykan"}
"""Environments of the methods of others."""
COLUMNS = ("case", "method", "step ms", "extra MB", "parameters")
RATIOS = (
    ("dense step, ours-bspline / efficient-kan", ("dense", "ours-bspline"), ("dense", "efficient-kan"), "step ms", 0.4),
    ("dense step, ours-rbf / efficient-kan", ("dense", "ours-rbf"), ("dense", "efficient-kan"), "step ms", 0.4),
    ("dense step, ours-pool / efficient-kan", ("dense", "ours-pool"), ("dense", "efficient-kan"), "step ms", 2.0),
    ("dense step, ours-bspline / pykan", ("dense", "ours-bspline"), ("dense", "pykan"), "step ms", 0.1),
    ("conv step, ours-bspline / unfolding", ("conv", "ours-bspline"), ("conv", "convkan"), "step ms", 1 / 8),
    ("conv memory, ours-bspline / unfolding", ("conv", "ours-bspline"), ("conv", "convkan"), "extra MB", 1 / 4),
    ("network step, ours-bspline / CNN", ("network", "ours-bspline"), ("network", "cnn"), "step ms", 10.0),
)


def build(case: str, method: str) -> Any:
    """Return the layers of a method as a module."""
    import torch
    from torch import nn

    generator = torch.Generator().manual_seed(0)
    inputs, hidden, outputs = DENSE
    if method == "mlp":
        return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
    if method == "conv2d":
        return nn.Conv2d(*CONV, padding=1)
    if method == "efficient-kan":
        from convkan import KANLinear

        layers = [KANLinear(inputs, hidden), KANLinear(hidden, outputs)]
        return nn.Sequential(nn.Unflatten(0, (1, -1)), *layers, nn.Flatten(0, 1))
    if method == "convkan":
        from convkan import ConvKAN

        return ConvKAN(*CONV, padding=1)
    if method == "pykan":
        from kan import KAN

        return KAN(width=[inputs, hidden, outputs], grid=5, k=3, seed=0, auto_save=False).speed()

    from vision_cli.kan_fit.networks.classifiers import Classifier, plan_classifier
    from vision_cli.kan_fit.networks.conv import SKANConv2d
    from vision_cli.kan_fit.networks.dense import SKAN, plan_network
    from vision_cli.kan_fit.networks.expansion import LayerPlan

    pool = POOL if method == "ours-pool" else (method.removeprefix("ours-"),)
    if case == "dense":
        return SKAN(plan_network(DENSE, pool), generator)
    if case == "conv":
        plan = LayerPlan((pool,) * CONV[0], CONV[1])
        return SKANConv2d(plan, CONV[2], padding=1, generator=generator)
    arch = "cnn" if method == "cnn" else "conv"
    return Classifier(plan_classifier(arch, SHAPES[case][1:], outputs, NETWORK, pool), generator)


def measure(case: str, method: str, threads: int, steps: int) -> dict[str, float]:
    """Time forward and backward passes; milliseconds, 10^6 bytes and numbers."""
    import torch

    if method in SECTIONS:
        torch.set_num_threads(threads)
    else:
        from vision_cli.core.compute.devices import configure

        configure("cpu", threads)
    torch.manual_seed(0)
    x = torch.randn(SHAPES[case]) * 0.4
    network = build(case, method)

    def step() -> float:
        started = time.perf_counter()
        network.zero_grad()
        (network(x) ** 2).mean().backward()
        return time.perf_counter() - started

    # What threads and libraries take once does not count: an ordinary convolution goes first.
    (torch.nn.Conv2d(1, 1, 3)(torch.zeros(1, 1, 8, 8)) ** 2).mean().backward()
    before = reset_peak()
    step()
    extra = peak() - before
    step()
    taken = statistics.median(step() for _ in range(steps))
    count = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    return {"step ms": taken * 1e3, "extra MB": extra, "parameters": count}


def reset_peak() -> float:
    """Start measuring peak memory anew; give what the process holds, in 10^6 bytes."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return status_of("VmRSS")


def peak() -> float:
    """Peak memory since it was reset, in 10^6 bytes."""
    return status_of("VmHWM")


def status_of(name: str) -> float:
    """Read a size from the kernel's account of this process, in 10^6 bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    line = next(line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024 / 1e6


def collect(threads: int, steps: int, environment: Path | None, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Measure all methods, each in a process of its own."""
    from vision_cli.core.command.console import Output
    from vision_cli.core.compute.baselines import baseline_python
    from vision_cli.kan_fit.evaluation.baselines import PACKAGES

    output = Output(as_json=False, quiet=False, verbose=0)
    pythons = {name: baseline_python(PACKAGES, section, environment, output) for name, section in SECTIONS.items()}
    rows = []
    for case, methods in METHODS.items():
        for method in methods:
            interpreter = str(pythons.get(method, sys.executable))
            words = [interpreter, __file__, "--one", f"{case}:{method}", "--threads", str(threads)]
            done = subprocess.run([*words, "--steps", str(steps)], capture_output=True, encoding="utf-8", check=True)
            rows.append({"case": case, "method": method, **json.loads(done.stdout.splitlines()[-1])})
            tell(f"{case} {method}")
    return rows


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, default=Path("layers"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--baselines-env", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.one:
        case, _, method = words.one.partition(":")
        print(json.dumps(measure(case, method, words.threads, words.steps)))
        return
    rows = collect(words.threads, words.steps, words.baselines_env, lambda note: print(note, file=sys.stderr))
    words.out.mkdir(parents=True, exist_ok=True)
    with (words.out / "layers.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print(
            "  ".join(f"{row[name]:>14.1f}" if isinstance(row[name], float) else f"{row[name]:>14}" for name in COLUMNS)
        )
    found = {(row["case"], row["method"]): row for row in rows}
    for name, ours, other, column, required in RATIOS:
        ratio = found[ours][column] / found[other][column]
        print(f"{name}: {ratio:.3f} (required: at most {required:.3g}) {'met' if ratio <= required else 'missed'}")


if __name__ == "__main__":
    main()
