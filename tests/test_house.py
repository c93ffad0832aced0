"""The rules of the house that no other check holds: layout, arrows, locked versions, forbidden words."""

from __future__ import annotations

import ast
import graphlib
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "vision_cli"

TOP_LEVEL = {
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "vision_cli",
    "tests",
    "sample_data",
    "completions",
    ".ci",
    ".python-version",
    ".gitignore",
    ".pre-commit-config.yaml",
}

TESTED_ELSEWHERE = {
    "core/command/option_classes.py": "core/command/test_verbs.py",
    "core/runs/run_files.py": "core/runs/test_runs.py",
    "enhance_eval/data/crops.py": "enhance_eval/data/test_night_scenes.py",
    "enhance_eval/data/layouts/": "enhance_eval/data/test_opening.py",
    "enhance_eval/evaluation/significance.py": "enhance_eval/evaluation/test_comparisons.py",
    "enhance_eval/evaluation/tables.py": "enhance_eval/evaluation/test_study.py",
    "enhance_eval/figures/charts.py": "enhance_eval/runs/test_runs.py",
    "enhance_eval/methods/adapters/": "enhance_eval/methods/test_adapters.py",
    "enhance_eval/methods/building.py": "enhance_eval/methods/test_registry.py",
    "enhance_eval/methods/classical/": "enhance_eval/methods/test_registry.py",
    "enhance_eval/methods/learned/": "enhance_eval/methods/test_checkpoints.py",
    "enhance_eval/networks/c": "enhance_eval/pipeline/tasks/test_builtin.py",
    "enhance_eval/networks/": "enhance_eval/networks/test_published_networks.py",
    "enhance_eval/pipeline/darkness/": "enhance_eval/pipeline/darkness/test_conditions.py",
    "enhance_eval/pipeline/tasks/": "enhance_eval/pipeline/tasks/test_models.py",
    "enhance_eval/quality/niqe_models.py": "enhance_eval/quality/test_niqe.py",
    "enhance_eval/runs/": "enhance_eval/runs/test_runs.py",
    "enhance_eval/training/": "enhance_eval/training/test_built_in.py",
    "fewshot_seg/gate/": "fewshot_seg/gate/test_gate.py",
    "fewshot_seg/data/": "fewshot_seg/data/test_opening.py",
    "fewshot_seg/networks/sam_modules.py": "fewshot_seg/networks/test_sam_modules.py",
    "fewshot_seg/networks/tavp.py": "fewshot_seg/networks/test_tavp.py",
    "fewshot_seg/networks/": "fewshot_seg/networks/test_tavp_parts.py",
    "fewshot_seg/figures/": "fewshot_seg/figures/test_fewshot_panels.py",
    "fewshot_seg/pipeline/classes.py": "fewshot_seg/pipeline/test_picture_classes.py",
    "fewshot_seg/pipeline/methods.py": "fewshot_seg/pipeline/test_network_methods.py",
    "fewshot_seg/pipeline/networks.py": "fewshot_seg/pipeline/test_network_methods.py",
    "fewshot_seg/pipeline/opening.py": "fewshot_seg/pipeline/test_segmenter_opening.py",
    "fewshot_seg/pixels/baselines.py": "fewshot_seg/pixels/test_fixed_baselines.py",
    "fewshot_seg/runs/": "fewshot_seg/runs/test_fewshot_runs.py",
    "fewshot_seg/training/": "fewshot_seg/training/test_episode_training.py",
    "forgery_detect/coherence/features.py": "forgery_detect/coherence/test_coherence_features.py",
    "forgery_detect/coherence/": "forgery_detect/coherence/test_coherence_linear.py",
    "forgery_detect/data/layouts/": "forgery_detect/data/test_forgery_layouts.py",
    "forgery_detect/data/generators.py": "forgery_detect/data/test_forgery_layouts.py",
    "forgery_detect/data/opening.py": "forgery_detect/data/test_forgery_layouts.py",
    "forgery_detect/evaluation/localisation.py": "forgery_detect/evaluation/test_heat_localisation.py",
    "forgery_detect/evaluation/traces.py": "forgery_detect/evaluation/test_forgery_traces.py",
    "forgery_detect/evaluation/measures.py": "forgery_detect/evaluation/test_forgery_measures.py",
    "forgery_detect/evaluation/results.py": "forgery_detect/evaluation/test_evaluation_results.py",
    "forgery_detect/runs/evaluate/": "forgery_detect/runs/test_forgery_evaluate_runs.py",
    "forgery_detect/simulation/blending.py": "forgery_detect/simulation/test_simulated_blending.py",
    "forgery_detect/simulation/": "forgery_detect/simulation/test_simulated_pairs.py",
    "forgery_detect/networks/gmdf/": "forgery_detect/networks/test_gmdf_parts.py",
    "forgery_detect/networks/mfclip/": "forgery_detect/networks/test_mfclip_vision.py",
    "forgery_detect/networks/": "forgery_detect/networks/test_mfclip_vision.py",
    "forgery_detect/pipeline/faces.py": "forgery_detect/pipeline/test_video_faces.py",
    "forgery_detect/pipeline/opening.py": "forgery_detect/pipeline/test_detector_opening.py",
    "forgery_detect/pipeline/inputs.py": "forgery_detect/pipeline/test_face_inputs.py",
    "forgery_detect/pipeline/model_files.py": "forgery_detect/pipeline/test_detector_files.py",
    "forgery_detect/pipeline/scoring.py": "forgery_detect/pipeline/test_detector_files.py",
    "forgery_detect/pipeline/verdicts.py": "forgery_detect/pipeline/test_forgery_verdicts.py",
    "forgery_detect/runs/audit.py": "forgery_detect/runs/test_audit_runs.py",
    "forgery_detect/runs/finish_predict.py": "forgery_detect/runs/test_predict_runs.py",
    "forgery_detect/runs/loading.py": "forgery_detect/runs/test_predict_runs.py",
    "forgery_detect/runs/predict.py": "forgery_detect/runs/test_predict_runs.py",
    "forgery_detect/runs/extract.py": "forgery_detect/runs/test_data_set_runs.py",
    "forgery_detect/runs/index.py": "forgery_detect/runs/test_data_set_runs.py",
    "forgery_detect/runs/reading.py": "forgery_detect/runs/test_data_set_runs.py",
    "forgery_detect/runs/synth.py": "forgery_detect/runs/test_data_set_runs.py",
    "forgery_detect/runs/train.py": "forgery_detect/runs/test_data_set_runs.py",
    "forgery_detect/training/gmdf/": "forgery_detect/training/test_gmdf_training.py",
    "forgery_detect/training/learning.py": "forgery_detect/training/test_forgery_learning.py",
    "forgery_detect/training/pairing.py": "forgery_detect/training/test_forgery_pairing.py",
    "forgery_detect/training/preparation.py": "forgery_detect/training/test_forgery_learning.py",
    "forgery_detect/training/recipes.py": "forgery_detect/training/test_forgery_recipes.py",
    "forgery_detect/training/": "forgery_detect/training/test_mfclip_task.py",
    "gaze_predict/measures/maps.py": "gaze_predict/measures/test_gaze_maps.py",
    "gaze_predict/measures/multimatch.py": "gaze_predict/measures/test_scanpaths.py",
    "gaze_predict/evaluation/": "gaze_predict/evaluation/test_gaze_scores.py",
    "gaze_predict/runs/": "gaze_predict/runs/test_gaze_runs.py",
    "gaze_predict/figures/": "gaze_predict/figures/test_gaze_overlays.py",
    "gaze_predict/pipeline/opening.py": "gaze_predict/pipeline/test_predictor.py",
    "gaze_predict/pipeline/stand_in.py": "gaze_predict/pipeline/test_predictor.py",
    "gaze_predict/pipeline/weight_files.py": "gaze_predict/pipeline/test_gaze_weight_files.py",
    "gaze_predict/pipeline/squares.py": "gaze_predict/pipeline/test_predictor.py",
    "gaze_predict/data/layouts/": "gaze_predict/data/test_gaze_layouts.py",
    "gaze_predict/data/": "gaze_predict/data/test_gaze_layouts.py",
    "gaze_predict/networks/building.py": "gaze_predict/networks/test_gem.py",
    "gaze_predict/networks/graph.py": "gaze_predict/networks/test_behaviour.py",
    "gaze_predict/networks/matching.py": "gaze_predict/networks/test_behaviour.py",
    "gaze_predict/networks/": "gaze_predict/networks/test_gem_parts.py",
    "gaze_predict/training/": "gaze_predict/training/test_gaze_training.py",
    "housekeeping/completions/": "cli/test_completions.py",
    "housekeeping/submit/jobs.py": "housekeeping/submit/test_command.py",
    "io/pickles/opcodes.py": "io/pickles/test_pickles_hostile.py",
    "io/pickles/storages.py": "io/pickles/test_torchscript.py",
    "io/pictures/coco_files.py": "enhance_eval/data/test_opening.py",
    "io/pictures/layouts.py": "enhance_eval/data/test_opening.py",
    "io/pictures/folders.py": "enhance_eval/data/test_opening.py",
    "io/reading.py": "io/volumes/test_raw.py",
    "io/volumes/series.py": "register/runs/test_apply.py",
    "io/volumes/slices.py": "io/volumes/test_nifti.py",
    "register/pipeline/coefficients.py": "register/runs/test_apply.py",
    "register/optimisation/comparison.py": "register/optimisation/test_optimise.py",
    "io/volumes/radiographs.py": "gaze_predict/data/test_films.py",
    "metrics/resampling.py": "enhance_eval/evaluation/test_resampling.py",
    "phantoms/chests/": "phantoms/chests/test_films.py",
    "phantoms/episodes/": "phantoms/episodes/test_episodes.py",
    "phantoms/faces/": "phantoms/faces/test_faces.py",
    "phantoms/wheel_photographs.py": "phantoms/scenes/test_scene.py",
    "phantoms/scenes/backdrops.py": "phantoms/scenes/test_scene.py",
    "kan_fit/images/exports.py": "kan_fit/images/test_image_exports.py",
    "pcd_anomaly/figures/sheets.py": "pcd_anomaly/figures/test_figures.py",
    "rppg_adapt/pipeline/joining.py": "rppg_adapt/pipeline/test_pipeline.py",
    "rppg_adapt/pipeline/waves.py": "rppg_adapt/pipeline/test_pipeline.py",
    "io/videos/picture_times.py": "io/videos/test_videos.py",
    "synth_faces/data/layouts/": "synth_faces/data/test_face_layouts.py",
    "synth_faces/data/opening.py": "synth_faces/data/test_face_layouts.py",
    "synth_faces/data/reading.py": "synth_faces/data/test_face_sources.py",
    "synth_faces/data/sources.py": "synth_faces/data/test_face_sources.py",
    "synth_faces/networks/trunks.py": "synth_faces/networks/test_recognisers.py",
    "synth_faces/plans/exports/": "synth_faces/plans/test_exports.py",
    "synth_faces/plans/labels.py": "synth_faces/plans/test_expression_labels.py",
    "synth_faces/plans/rows.py": "synth_faces/plans/test_manifests.py",
    "synth_faces/plans/seeds.py": "synth_faces/plans/test_plan.py",
    "synth_faces/pipeline/face_tables.py": "synth_faces/training/test_recogniser_training.py",
    "synth_faces/pipeline/rendering.py": "synth_faces/pipeline/test_face_rendering.py",
    "synth_faces/figures/": "synth_faces/runs/test_synth_faces_runs.py",
    "synth_faces/runs/annotate.py": "synth_faces/runs/test_diffusion_runs.py",
    "synth_faces/runs/diffusing.py": "synth_faces/runs/test_diffusion_runs.py",
    "synth_faces/runs/export_adapter.py": "synth_faces/runs/test_diffusion_runs.py",
    "synth_faces/runs/labelling.py": "synth_faces/runs/test_diffusion_runs.py",
    "synth_faces/runs/": "synth_faces/runs/test_synth_faces_runs.py",
    "synth_faces/training/": "synth_faces/training/test_recogniser_training.py",
    "synth_faces/networks/diffusion/": "synth_faces/networks/test_mini_sd.py",
    "synth_faces/pipeline/sampling/": "synth_faces/pipeline/test_sampling.py",
    "synth_faces/networks/annotation.py": "synth_faces/networks/test_annotation_network.py",
    "synth_faces/networks/conditioning/": "synth_faces/pipeline/test_conditioned_diffusion.py",
    "synth_faces/pipeline/adapter_files.py": "synth_faces/pipeline/test_conditioned_diffusion.py",
    "synth_faces/pipeline/annotation.py": "synth_faces/pipeline/test_conditioned_diffusion.py",
    "synth_faces/pipeline/annotator_files.py": "synth_faces/pipeline/test_conditioned_diffusion.py",
    "synth_faces/pipeline/backends.py": "synth_faces/runs/test_synth_faces_runs.py",
    "synth_faces/pipeline/guidance/": "synth_faces/pipeline/test_conditioned_diffusion.py",
    "synth_faces/pipeline/sampling/backend.py": "synth_faces/runs/test_diffusion_runs.py",
    "synth_faces/pipeline/sampling/opening.py": "synth_faces/runs/test_diffusion_runs.py",
    "synth_faces/training/conditioning/": "synth_faces/pipeline/test_conditioned_diffusion.py",
    "synth_faces/training/diffusion/": "synth_faces/training/test_diffusion_training.py",
}
"""Modules, or all modules whose path begins so, that a test file of another name stands for."""

_LOGIC_LINES = 15
"""Lines of functions from which a module holds logic of its own."""

FORBIDDEN = {
    "host of a package registry": r"pypi\.org|pythonhosted|npmjs|deb\.debian|conda\.anaconda",
    "path of a machine": r"(?<![\w./])/(work|tmp|root|home|Users|mnt|scratch)/\w",
    "unfinished work": r"\b(TODO|FIXME|XXX)\b|NotImplementedError",
}


def tracked_files() -> list[str]:
    """Return the files that are in version control or would be added to it."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not in a checkout of the repository")
    return [name for name in listed.splitlines() if (ROOT / name).is_file()]


def test_the_top_level_holds_what_it_may_and_nothing_else():
    assert {name.split("/")[0] for name in tracked_files()} <= TOP_LEVEL


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names_what_is_forbidden(what):
    found = []
    for name in tracked_files():
        if name == "tests/test_house.py" or name.endswith(".lock"):
            continue
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{name}: {line.strip()}" for line in text.splitlines() if re.search(FORBIDDEN[what], line)]
    assert found == []


def test_no_lock_file_holds_an_address():
    for name in tracked_files():
        if name.endswith(".lock"):
            assert "://" not in (ROOT / name).read_text(encoding="utf-8")


def test_no_module_is_longer_than_five_hundred_lines():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in PACKAGE.rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 500
    }
    assert long == {}


def test_every_package_says_what_it_is_for():
    silent = [
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("*.py")
        if not path.read_text(encoding="utf-8").startswith(('"""', 'r"""'))
    ]
    assert silent == []


def test_no_folder_shows_more_than_a_dozen_names():
    """The package itself has the tasks; a task has its card and its citation beside its rooms."""
    beside = {"README.md", "citation.bib"}
    crowded = {}
    for folder in [PACKAGE, *PACKAGE.rglob("*/")]:
        if folder == PACKAGE or folder.name in {"__pycache__", "weights"}:
            continue
        names = [path.name for path in folder.iterdir() if not path.name.startswith("__")]
        names = [name for name in names if name not in beside]
        if len(names) > 12:
            crowded[str(folder.relative_to(ROOT))] = sorted(names)
    assert crowded == {}


def lines_of_functions(path: Path) -> int:
    """Return the lines of a module's functions and of its classes' methods."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    holders = [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]
    functions = [node for holder in holders for node in holder.body if isinstance(node, ast.FunctionDef)]
    return sum((node.end_lineno or node.lineno) - node.lineno + 1 for node in functions)


def test_a_test_file_stands_for_every_module():
    """Command lines aside, which the contract tests, their options, and the types that rooms share."""
    tests = ROOT / "tests"
    assert [name for name in TESTED_ELSEWHERE.values() if not (tests / name).is_file()] == []
    untested = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        is_shell = path.name.startswith("__") or "cli" in path.with_suffix("").parts or "options" in name
        is_shell |= path.name == "values.py"
        own = tests / Path(name).with_name(f"test_{path.name}")
        elsewhere = any(name.startswith(start) for start in TESTED_ELSEWHERE)
        if not is_shell and not own.is_file() and not elsewhere and lines_of_functions(path) > _LOGIC_LINES:
            untested.append(name)
    assert untested == []


def imported_modules(path: Path, modules: set[str]) -> set[str]:
    """Return the modules of the package that a file imports anywhere, also within functions and for types alone."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{name.name}" for name in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return found & modules


def test_no_modules_import_each_other_in_a_circle():
    paths = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py"
    }
    graph = {name: imported_modules(path, set(paths)) - {name} for name, path in paths.items()}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(paths)


def test_arrows_run_down_and_no_task_imports_another():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()"]
    done = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout


def test_every_task_is_in_the_contract_on_arrows():
    from vision_cli.cli import TASKS

    configured = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = configured["tool"]["importlinter"]["contracts"][0]["layers"]
    for task in TASKS:
        assert f"vision_cli.{task.name.replace('-', '_')}" in " ".join(layers)


def locked_versions() -> dict[str, list[str]]:
    """Return the locked versions by name; some have one for each of several platforms."""
    locked: dict[str, list[str]] = {}
    for line in (ROOT / ".ci" / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([\w.-]+)==([\w.+]+)", line):
            locked.setdefault(canonicalize_name(match.group(1)), []).append(match.group(2))
    return locked


def test_every_direct_requirement_is_locked_inside_its_range():
    locked = locked_versions()
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = configured["project"]["dependencies"] + configured["dependency-groups"]["dev"]
    for requirement in map(Requirement, wanted):
        versions = locked.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement.name} is not locked"
        for version in versions:
            assert requirement.specifier.contains(version, prereleases=True), f"{requirement} locked at {version}"


def test_the_installed_metadata_is_that_of_the_checkout():
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    from vision_cli import __version__

    assert configured["version"] == __version__ == metadata.version("vision-cli")


def test_the_readme_has_the_test_command_that_the_checks_run():
    assert re.search("^uv run pytest$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")
def test_the_checks_are_a_program():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
