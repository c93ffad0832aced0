"""Environments of the baselines."""

from __future__ import annotations

from pathlib import Path

import pytest

from vision_cli.core.command.console import Output
from vision_cli.core.compute.baselines import read_packages
from vision_cli.register.evaluation import baseline_runner, baselines
from vision_cli.register.options.evaluation import BASELINES

QUIET = Output(quiet=True)


@pytest.mark.slow
def test_our_command_runs_and_leaves_what_is_scored(tmp_path, pairs):
    files = (pairs[0].files.fixed, pairs[0].files.moving)
    cost = baselines.run_own_method("fast", *files, tmp_path, 1)
    assert {"1Warp.nii.gz", "0GenericAffine.mat", "Warped.nii.gz"} <= {
        file.name for file in (tmp_path / "run").iterdir()
    }
    assert cost.cpu_s > 0


def test_the_list_pins_the_baselines():
    packages = read_packages(baselines.PACKAGES)
    assert set(packages) == set(baselines.ENVIRONMENTS.values())
    assert "antspyx==0.6.3" in packages["ants"].requirements
    assert "picsl-greedy==1.4.0.3" in packages["greedy"].requirements
    assert packages["convexadam"].without_dependencies == ("convexAdam==0.2.0",)


def test_the_runner_and_the_environments_know_the_same_baselines():
    assert tuple(baseline_runner.BASELINES) == tuple(baselines.ENVIRONMENTS) == BASELINES


def test_only_the_environments_that_are_needed_are_found(monkeypatch):
    monkeypatch.setattr(baselines, "baseline_python", lambda path, section, environment, output: Path(section))
    assert baselines.find_pythons(("greedy", "greedy-2mm"), None, QUIET) == {"greedy": Path("greedy")}
    assert baselines.find_pythons(("greedy",), Path("ready"), QUIET) == {"greedy": Path("greedy"), "ants": Path("ants")}
