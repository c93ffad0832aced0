"""A pair with labels, and an environment that stands for those of the baselines."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from vision_cli.io.volumes.volumes import write_volume
from vision_cli.phantoms.brains.brains import brain_pair
from vision_cli.register.data.pairs import NamedPair, read_pairs

# Stands for the baselines: greedy finds the identity, ants-syn lacks a package, ants-syncc fails.
STUB = """
import json, pathlib, sys
script, name, fixed, moving, out = sys.argv[1:6]
with open({calls!r}, "a") as calls:
    calls.write(name + chr(10))
if name == "apply-ants":
    print("a line of another library")
    print(json.dumps({{"difference_pct": 0.02}}))
elif name == "greedy":
    out = pathlib.Path(out)
    (out / "affine.mat").write_text("1 0 0 0\\n0 1 0 0\\n0 0 1 0\\n0 0 0 1\\n")
    (out / "transforms.json").write_text(json.dumps({{"chain": ["affine.mat"], "affine": ["affine.mat"]}}))
elif name == "ants-syn":
    sys.exit("ants-syn: it diverged")
else:
    print(name + ": the environment has no package torch", file=sys.stderr)
    sys.exit(4)
"""


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> list[NamedPair]:
    folder = tmp_path_factory.mktemp("pair")
    phantom = brain_pair(5, (34, 40, 34), (5.0, 5.0, 5.0))
    for side in ("fixed", "moving"):
        vox2ras = getattr(phantom, f"{side}_vox2ras")
        write_volume(folder / f"{side}.nii.gz", getattr(phantom, side), vox2ras)
        write_volume(folder / f"{side}_label.nii.gz", getattr(phantom, f"{side}_labels"), vox2ras)
    roles = ("fixed", "moving", "fixed_label", "moving_label")
    rows = ["id," + ",".join(roles), "one," + ",".join(f"{role}.nii.gz" for role in roles)]
    (folder / "pairs.csv").write_text("\n".join(rows))
    return read_pairs(folder / "pairs.csv")


@pytest.fixture
def environment(tmp_path) -> Path:
    script = tmp_path / "stub.py"
    script.write_text(STUB.format(calls=str(tmp_path / "calls.txt")))
    python = tmp_path / "ready" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    python.chmod(0o755)
    return tmp_path / "ready"
