"""Models, tables and pictures that several test files share."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import cv2
import matplotlib as mpl
import numpy as np
import pytest

from tests.kan_fit.fits import CLASSIFIER, KEPT, fitted, kan_fit
from vision_cli.kan_fit.tables.files import TableModel, read_model


@pytest.fixture(scope="session")
def expsin() -> TableModel:
    return fitted("expsin", (1,))


@pytest.fixture(scope="session")
def kept():
    return read_model(KEPT)


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """A CSV file with strength = 2 exp(a) + b² and a little noise."""
    directory = tmp_path_factory.mktemp("table")
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-1, 1, (2, 300))
    rows = np.column_stack([a, b, np.exp(a) * 2 + b**2 + rng.normal(scale=0.02, size=300)])
    np.savetxt(directory / "t.csv", rows, delimiter=",", header="a,b,strength", comments="")
    return directory / "t.csv"


@pytest.fixture
def texts(tmp_path):
    """Return the texts of the picture that a function draws, as a reader of the file sees them."""

    def of(draw, *arguments):
        path = tmp_path / "a.svg"
        with mpl.rc_context({"svg.fonttype": "none"}):
            draw(path, *arguments)
        return [one.text for one in ET.parse(path).iter("{http://www.w3.org/2000/svg}text")]

    return of


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Three kinds of picture: bright left, bright right, bright in the middle; 40 of each."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for kind, columns in (("left", slice(0, 3)), ("right", slice(5, 8)), ("middle", slice(3, 5))):
        (root / "d" / kind).mkdir(parents=True)
        for number in range(40):
            image = rng.integers(0, 90, (8, 8), dtype=np.uint8)
            image[:, columns] += np.uint8(120)
            cv2.imwrite(str(root / "d" / kind / f"{number:02}.png"), image)
    return root / "d"


@pytest.fixture(scope="session")
def trained(pictures):
    """A finished `classify` run, and the command."""
    out = pictures.parent / "run"
    done = kan_fit("classify", pictures, *CLASSIFIER[:-1], "-o", out, cwd=pictures.parent)
    assert done.returncode == 0, done.stderr
    return out, done
