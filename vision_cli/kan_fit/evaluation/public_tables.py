"""Public tables that installed packages bring along, for the benchmark's suite ``tables``, and their folds.

Diabetes (Efron et al. 2004), iris (Fisher 1936), wine (Forina et al. 1988) and breast cancer (Street et al. 1993) come
with scikit-learn; tips (Bryant and Smith 1995) and gapminder (gapminder.org, CC BY 4.0) with plotly.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vision_cli.core.errors import MissingError

if TYPE_CHECKING:
    import pandas as pd

FOLDS = 5

TABLES = ("diabetes", "iris", "wine", "cancer", "tips", "gapminder")
"""Names of the tables; their last columns are the targets."""

_TARGETS = {
    "diabetes": "progression",
    "iris": "petal width (cm)",
    "wine": "proline",
    "cancer": "mean fractal dimension",
    "tips": "tip",
    "gapminder": "lifeExp",
}
_USED = {
    "cancer": [
        "mean radius",
        "mean texture",
        "mean smoothness",
        "mean compactness",
        "mean concavity",
        "mean concave points",
        "mean symmetry",
    ],
    "gapminder": ["continent", "year", "pop", "gdpPercap"],
}


def read_public_table(name: str) -> pd.DataFrame:
    """Return a table of `TABLES`, its target last.

    Raises
    ------
    MissingError
        If the package that brings it is not installed.
    """
    frame = _of_plotly(name) if name in {"tips", "gapminder"} else _of_scikit_learn(name)
    target = _TARGETS[name]
    used = _USED.get(name, [column for column in frame.columns if column != target])
    return frame[[*used, target]]


def write_fold(name: str, fold: int, seed: int, directory: Path) -> tuple[Path, Path]:
    """Write the rows to fit and the rows to test on of a fold; return both files.

    Parameters
    ----------
    name
        Name of the table.
    fold
        Number of the fold from 0.
    seed
        Of the division into folds.
    directory
        Where to write them.
    """
    frame = read_public_table(name)
    parts = np.array_split(np.random.default_rng((seed, 7)).permutation(len(frame)), FOLDS)
    train, test = directory / "train.csv", directory / "test.csv"
    frame.drop(index=frame.index[parts[fold]]).to_csv(train, index=False)
    frame.iloc[np.sort(parts[fold])].to_csv(test, index=False)
    return train, test


def _of_scikit_learn(name: str) -> pd.DataFrame:
    from sklearn import datasets

    if name == "diabetes":
        found = datasets.load_diabetes(as_frame=True, scaled=False)
        whole: pd.DataFrame = found.data.assign(progression=found.target)
        return whole
    loaders = {"iris": datasets.load_iris, "wine": datasets.load_wine, "cancer": datasets.load_breast_cancer}
    frame: pd.DataFrame = loaders[name](as_frame=True).data
    return frame


def _of_plotly(name: str) -> pd.DataFrame:
    import pandas as pd

    # Found, not imported: plotly itself is not needed.
    package = find_spec("plotly")
    if package is None or package.origin is None:
        raise MissingError(f"plotly: not installed; required for its table {name}.", hint="Install plotly.")
    return pd.read_csv(Path(package.origin).parent / "package_data" / "datasets" / f"{name}.csv.gz")
