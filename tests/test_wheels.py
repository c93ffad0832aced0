"""No requirement of the main set needs a compiler: each has a wheel for the systems and versions of Python we name.

The names of the wheels are read from ``uv.lock``, which ``uv run`` and ``uv sync`` write beside the checkout.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import parse_wheel_filename

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
SYSTEMS = ("linux-x86_64", "linux-aarch64", "macos-arm64")

GLIBC = 35
"""Minor version of the C library of Ubuntu 22.04, the oldest that open3d's wheels run on."""

MACOS = (14, 0)

WITHOUT_WHEEL: Mapping[tuple[str, str, str], str] = {}
"""(package, Python, system) without a wheel -> why that is no obstacle."""


def environment(python: str, system: str) -> dict[str, str]:
    name, machine = system.split("-")
    is_linux = name == "linux"
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.9",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux" if is_linux else "Darwin",
        "platform_version": "",
        "python_full_version": f"{python}.9",
        "python_version": python,
        "sys_platform": "linux" if is_linux else "darwin",
        "extra": "",
    }


def tags(python: str, system: str) -> set[Tag]:
    name, machine = system.split("-")
    if name == "linux":
        platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC, 4, -1)]
        platforms += [f"manylinux2014_{machine}", f"linux_{machine}"]
    else:
        platforms = list(mac_platforms(MACOS, machine))
    version = tuple(int(part) for part in python.split("."))
    interpreter = "cp" + "".join(python.split("."))
    return {*cpython_tags(version, platforms=platforms), *compatible_tags(version, interpreter, platforms)}


def applies(entry: Mapping[str, Any], where: Mapping[str, str]) -> bool:
    return "marker" not in entry or Marker(entry["marker"]).evaluate(dict(where))


def required(packages: list[dict[str, Any]], where: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Walk from the project to all that its main dependencies need in an environment."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for package in packages:
        by_name.setdefault(package["name"], []).append(package)
    (project,) = by_name["vision-cli"]
    waiting = list(project["dependencies"])
    seen = set()
    while waiting:
        entry = waiting.pop()
        key = (entry["name"], entry.get("version"), tuple(entry.get("extra", ())))
        if key in seen or not applies(entry, where):
            continue
        seen.add(key)
        (package,) = [one for one in by_name[entry["name"]] if entry.get("version") in (None, one["version"])]
        yield package
        waiting += package.get("dependencies", [])
        for extra in entry.get("extra", ()):
            waiting += package.get("optional-dependencies", {}).get(extra, [])


def without_wheel(packages: list[dict[str, Any]], python: str, system: str) -> set[str]:
    supported = tags(python, system)
    missing = set()
    for package in required(packages, environment(python, system)):
        names = [wheel.get("filename") or wheel["url"].rsplit("/", 1)[1] for wheel in package.get("wheels", [])]
        if not any(supported & parse_wheel_filename(name.replace("%2B", "+"))[3] for name in names):
            missing.add(package["name"])
    return missing


def locked_packages() -> list[dict[str, Any]]:
    path = ROOT / "uv.lock"
    if not path.is_file():
        pytest.skip("no uv.lock beside the checkout; `uv lock` writes it")
    packages: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["package"]
    return packages


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_has_a_wheel(python, system):
    packages = locked_packages()
    allowed = {name for name, *where in WITHOUT_WHEEL if where == [python, system]}
    assert without_wheel(packages, python, system) == allowed


def test_the_walk_reaches_requirements_of_requirements():
    names = {package["name"] for package in required(locked_packages(), environment("3.12", "linux-x86_64"))}
    assert {"torch", "open3d", "pillow", "numpy", "filelock"} <= names
    assert not {"pytest", "mypy", "hypothesis"} & names


def test_a_package_that_comes_as_source_alone_is_found():
    dependencies = [{"name": "a"}, {"name": "b", "marker": "sys_platform == 'win32'"}]
    packages = [
        {"name": "vision-cli", "dependencies": dependencies},
        {
            "name": "a",
            "version": "1",
            "wheels": [{"filename": "a-1-py3-none-any.whl"}],
            "dependencies": [{"name": "c"}],
        },
        {"name": "b", "version": "1"},
        {"name": "c", "version": "1", "sdist": {}, "wheels": [{"filename": "c-1-cp311-cp311-win_amd64.whl"}]},
    ]
    assert without_wheel(packages, "3.11", "linux-x86_64") == {"c"}


def test_the_range_of_the_project_and_the_readme_hold_these_versions():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert list(SpecifierSet(project["requires-python"]).filter(["3.10", *PYTHONS])) == list(PYTHONS)
    assert re.search(rf"Python {re.escape(PYTHONS[0])} or newer", (ROOT / "README.md").read_text(encoding="utf-8"))
