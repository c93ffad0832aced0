"""Shared fixtures: a small model of one part with scans of it, in memory and as files."""

from __future__ import annotations

import csv
import json
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.io.points.clouds import PointCloud
from vision_cli.io.points.ply import write_ply
from vision_cli.pcd_anomaly.model.files import DESCRIPTION, NUMBERS, description, numbers
from vision_cli.pcd_anomaly.model.fit import train
from vision_cli.pcd_anomaly.model.model import Model
from vision_cli.pcd_anomaly.options import HeadOptions, Options
from vision_cli.pcd_anomaly.pipeline.pipeline import Result, predict
from vision_cli.pcd_anomaly.registration.targets import make_target
from vision_cli.pcd_anomaly.surfaces.geometry import Surface, diameter, invert, make_pose, transform
from vision_cli.pcd_anomaly.surfaces.visibility import oriented_surface
from vision_cli.phantoms.parts.defects import SUITES
from vision_cli.phantoms.parts.parts import make_part
from vision_cli.phantoms.parts.scanner import Scan
from vision_cli.phantoms.parts.specimens import draw_prototype, draw_test

OPTIONS = Options(groups=256, group_size=32, bank=400, views=4, head=HeadOptions(clusters=8, steps=10, batch=256))
AWAY = np.array([90.0, -50.0, 20.0])
PLACED = ("--registration", "none", "--threads", "1")
"""The scans of the fixture `files` lie where the first prototype is, so that no time is spent on searching poses."""

TINY = ("--groups", "128", "--group-size", "16", "--bank", "200", "--views", "2", "--clusters", "4", "--steps", "4")


def run(*words):
    """Run ``vcli pcd-anomaly`` in this process and return its exit code."""
    return launch(app, ["pcd-anomaly", *map(str, words)])


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def sphere(count=4000, seed=0):
    points = np.random.default_rng(seed).normal(size=(count, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return Surface(points, points.copy(), np.zeros(count))


def pose_error(pose, prototype: Scan, scan: Scan):
    """Root mean square distance of a scan's points from where they belong on the prototype."""
    true = invert(prototype.pose_true) @ scan.pose_true
    gap = transform(pose, scan.points) - transform(true, scan.points)
    return np.sqrt((gap**2).sum(axis=1).mean())


@dataclass(frozen=True)
class World:
    """A model of a bracket, its first prototype, a good scan and one with a bulge, and what the model says of them."""

    model: Model
    prototype: Scan
    good: Scan
    bad: Scan
    said_of_good: Result
    said_of_bad: Result


@dataclass(frozen=True)
class Files:
    """The run of a training, and scans that lie where its first prototype does, so that none needs a search."""

    run: Path
    scans: Path
    good: np.ndarray
    bad: np.ndarray


def made_once(tmp_path_factory, name: str, make: Callable[[], object]):
    """Return what ``make`` returns; of several processes of pytest the first makes it, and the others read it."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return make()
    path = tmp_path_factory.getbasetemp().parent / f"{name}.pickle"
    with FileLock(f"{path}.lock"):
        if path.is_file():
            return pickle.loads(path.read_bytes())
        made = make()
        path.write_bytes(pickle.dumps(made))
    return made


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    return World(*made_once(tmp_path_factory, "world", make_world))


def make_world():
    """Return the fields of `World`; classes of this file may be imported under two names and are not pickled."""
    generator = np.random.default_rng(0)
    mesh = make_part("bracket", generator)
    suite = SUITES["rigid"]
    first, second = (draw_prototype(mesh, suite, 25_000, generator).scan for _ in range(2))
    # Parts seldom lie about the origin.
    first = replace(first, points=first.points + AWAY, pose_true=first.pose_true @ make_pose(np.eye(3), -AWAY))
    good = draw_test("bracket", mesh, suite, None, 8000, generator).scan
    bad = draw_test("bracket", mesh, suite, "bulge", 8000, generator).scan
    model = train([PointCloud(one.points) for one in (first, second)], OPTIONS, np.random.default_rng(0))
    return model, first, good, bad, predict(model, good.points), predict(model, bad.points)


@pytest.fixture(scope="session")
def files(world, tmp_path_factory):
    home = tmp_path_factory.mktemp("bracket")
    model = home / "run" / "models" / "bracket"
    model.mkdir(parents=True)
    (model / DESCRIPTION).write_text(json.dumps(description(world.model)))
    (model / NUMBERS).write_bytes(numbers(world.model))
    scans = home / "scans"
    scans.mkdir()
    good = transform(world.model.to_prototype @ world.said_of_good.registration.pose, world.good.points)
    bad = transform(world.model.to_prototype @ world.said_of_bad.registration.pose, world.bad.points)
    # One point less makes another scan.
    for name, points in {"bad": bad, "good 0": good, "good 1": good[1:]}.items():
        write_ply(scans / f"{name}.ply", points)
    return Files(home / "run", scans, good, bad)


@pytest.fixture(scope="session")
def bracket(tmp_path_factory):
    return made_once(tmp_path_factory, "bracket", make_bracket)


def make_bracket():
    generator = np.random.default_rng(0)
    mesh = make_part("bracket", generator)
    prototype = draw_prototype(mesh, SUITES["rigid"], 40_000, generator)
    tests = [draw_test("bracket", mesh, SUITES["rigid"], None, 12_000, generator) for _ in range(2)]
    size = diameter(prototype.scan.points)
    return prototype, tests, make_target(oriented_surface(prototype.scan.points, size / 150))
