"""Script that fits one baseline in its own environment; it imports nothing from this package.

``baseline_runner.py METHOD TASK DATA OUT THREADS [PATH]`` reads ``x_train``, ``y_train`` and ``x_test`` from the NPZ
file DATA and writes ``prediction.npz`` and ``fit.json`` into OUT. TASK is ``regress``, ``classify`` or ``formula``.
With ``x_val`` and ``y_val`` in DATA, ``mlp``, ``lightgbm`` and ``ridge`` choose on them when to stop, and the penalty.
``prediction.npz`` has ``values`` at the test points (class probabilities for ``classify``), and for ``formula`` also
``formula``, the values of the formula that was found. PATH is the checkout of a baseline that is not a package.

The exit status is 4 if a package is not installed.
"""

# The packages of the baselines are not those of this project.
# mypy: disable-error-code="import-not-found, import-untyped"

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

MISSING = 4
HIDDEN, GRIDS, STEPS = 5, (5, 10, 20), 50
TREES = 1000
EPOCHS, BATCH = 40, 64
PATIENCE = 20

Data = dict[str, Any]
Outcome = dict[str, Any]


def pykan(data: Data, task: str, threads: int, path: Path | None) -> Outcome:
    """Fit pykan [d, 5, 1] by L-BFGS on grids 5, 10, 20; for a formula prune and match functions as its example does."""
    import torch
    from kan import KAN

    torch.set_num_threads(threads)
    torch.set_default_dtype(torch.float64)
    mean, scale = data["y_train"].mean(), data["y_train"].std()
    x, x_test = torch.from_numpy(data["x_train"]), torch.from_numpy(data["x_test"])
    y = torch.from_numpy((data["y_train"] - mean) / scale)[:, None]
    # It requires test data to report on while it fits: the training data again.
    dataset = {"train_input": x, "train_label": y, "test_input": x, "test_label": y}
    # Pruning reads and writes the history of saved models even without auto_save.
    Path("model").mkdir()
    Path("model", "history.txt").touch()
    started = time.monotonic()
    network = KAN(width=[x.shape[1], HIDDEN, 1], grid=GRIDS[0], k=3, seed=0, auto_save=False)
    if task == "formula":
        network.fit(dataset, opt="LBFGS", steps=STEPS, lamb=1e-3)
        network = network.prune()
        network.auto_save = False
        network.fit(dataset, opt="LBFGS", steps=STEPS)
        network.auto_symbolic(verbose=0)
        network.fit(dataset, opt="LBFGS", steps=STEPS)
    else:
        for grid in GRIDS:
            if grid != GRIDS[0]:
                network = network.refine(grid)
                network.auto_save = False
            network.fit(dataset, opt="LBFGS", steps=STEPS)
    seconds = time.monotonic() - started
    with torch.no_grad():
        values = network(x_test)[:, 0].numpy() * scale + mean
    found = {"values": values, "fit_s": seconds, "parameters": sum(p.numel() for p in network.parameters())}
    if task == "formula":
        import sympy

        (expression,), symbols = network.symbolic_formula()
        evaluate = sympy.lambdify(symbols, expression, "numpy")
        found["formula"] = np.broadcast_to(evaluate(*data["x_test"].T), len(values)) * scale + mean
        found["text"] = str(expression)
    return found


def efficient_kan(data: Data, task: str, threads: int, path: Path | None) -> Outcome:
    """Fit efficient-kan [d, 5, 1] by L-BFGS on grid 5; classify with [d, 32, classes] and AdamW.

    Without a checkout its layer comes from convkan, which includes it.
    """
    import torch

    build = _packaged_kan
    if path is not None:
        sys.path.insert(0, str(path / "src"))
        from efficient_kan import KAN

        build = KAN
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    if task == "classify":
        return _classify(lambda n, classes: build([n, 32, classes]), data)
    x, mean, scale = torch.from_numpy(data["x_train"]), data["y_train"].mean(), data["y_train"].std()
    low, high = x.amin(0), x.amax(0)

    def inputs(values: Any) -> Any:
        return (torch.from_numpy(values) - low) / (high - low) * 2 - 1

    y = torch.from_numpy((data["y_train"] - mean) / scale)[:, None]
    started = time.monotonic()
    network = build([x.shape[1], HIDDEN, 1], GRIDS[0]).double()
    points = inputs(data["x_train"])
    optimiser = torch.optim.LBFGS(network.parameters(), max_iter=20, history_size=20, line_search_fn="strong_wolfe")

    def closure() -> Any:
        optimiser.zero_grad()
        loss = ((network(points) - y) ** 2).mean()
        loss.backward()
        return loss

    for _ in range(STEPS):
        optimiser.step(closure)
    seconds = time.monotonic() - started
    with torch.no_grad():
        values = network(inputs(data["x_test"]))[:, 0].numpy() * scale + mean
    return {"values": values, "fit_s": seconds, "parameters": sum(p.numel() for p in network.parameters())}


def mlp(data: Data, task: str, threads: int, path: Path | None) -> Outcome:
    """Fit scikit-learn's MLP of 64 and 64 hidden nodes."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    is_class = task == "classify"
    if "x_val" in data:
        return _stopped_perceptron(data)
    network = (
        MLPClassifier(hidden_layer_sizes=(64, 64), max_iter=500, random_state=0)
        if is_class
        else MLPRegressor(hidden_layer_sizes=(64, 64), solver="lbfgs", max_iter=500, random_state=0)
    )
    model = network if is_class else make_pipeline(StandardScaler(), network)
    found = _scikit(model, data, is_class=is_class)
    return found | {"parameters": sum(w.size for w in (*network.coefs_, *network.intercepts_))}


def lightgbm(data: Data, task: str, threads: int, path: Path | None) -> Outcome:
    """Fit LightGBM with 1000 trees (100 to classify) and otherwise its defaults."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    if task == "classify":
        return _scikit(LGBMClassifier(n_jobs=threads, verbose=-1, random_state=0), data, is_class=True)
    model = LGBMRegressor(n_estimators=TREES, n_jobs=threads, verbose=-1, random_state=0)
    if "x_val" not in data:
        return _scikit(model, data, is_class=False)
    from lightgbm import early_stopping

    started = time.monotonic()
    stop = early_stopping(PATIENCE, verbose=False)
    model.fit(data["x_train"], data["y_train"], eval_set=[(data["x_val"], data["y_val"])], callbacks=[stop])
    seconds = time.monotonic() - started
    return {"values": model.predict(data["x_test"]), "fit_s": seconds, "parameters": None}


def ridge(data: Data, task: str, threads: int, path: Path | None) -> Outcome:
    """Fit ridge regression of standardised inputs, its penalty chosen on the validation rows."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x_val, y_val = data.get("x_val", data["x_train"]), data.get("y_val", data["y_train"])
    started = time.monotonic()
    tried = [
        make_pipeline(StandardScaler(), Ridge(10.0**n)).fit(data["x_train"], data["y_train"]) for n in range(-4, 5)
    ]
    model = min(tried, key=lambda one: float(np.square(one.predict(x_val) - y_val).mean()))
    seconds = time.monotonic() - started
    return {"values": model.predict(data["x_test"]), "fit_s": seconds, "parameters": data["x_train"].shape[1] + 1}


def gplearn(data: Data, task: str, threads: int, path: Path | None) -> Outcome:
    """Fit gplearn's symbolic regression: 2000 programs, 20 generations, all its smooth functions."""
    from gplearn.genetic import SymbolicRegressor

    functions = ("add", "sub", "mul", "div", "sqrt", "log", "neg", "inv", "sin", "cos")
    model = SymbolicRegressor(
        population_size=2000, function_set=functions, parsimony_coefficient=1e-3, n_jobs=threads, random_state=0
    )
    started = time.monotonic()
    model.fit(data["x_train"], data["y_train"])
    seconds = time.monotonic() - started
    values = model.predict(data["x_test"])
    return {"values": values, "formula": values, "text": str(model._program), "fit_s": seconds, "parameters": None}


def _packaged_kan(widths: list[int], grid: int = 5) -> Any:
    """Return a stack of convkan's efficient-kan layers, which take convolution groups as a first axis."""
    import torch
    from convkan import KANLinear

    layers = [KANLinear(a, b, grid) for a, b in itertools.pairwise(widths)]
    return torch.nn.Sequential(torch.nn.Unflatten(0, (1, -1)), *layers, torch.nn.Flatten(0, 1))


def _scikit(model: Any, data: Data, *, is_class: bool) -> Outcome:
    import warnings

    warnings.simplefilter("ignore")
    target = data["y_train"]
    mean, scale = (0, 1) if is_class else (target.mean(), target.std())
    started = time.monotonic()
    model.fit(data["x_train"], target if is_class else (target - mean) / scale)
    seconds = time.monotonic() - started
    values = model.predict_proba(data["x_test"]) if is_class else model.predict(data["x_test"]) * scale + mean
    return {"values": values, "fit_s": seconds, "parameters": None}


def _stopped_perceptron(data: Data) -> Outcome:
    """Fit the MLP by Adam until its error on the validation rows has not fallen for some epochs."""
    import copy

    from sklearn.neural_network import MLPRegressor
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(data["x_train"])
    mean, scale = data["y_train"].mean(), data["y_train"].std()
    x, x_val = scaler.transform(data["x_train"]), scaler.transform(data["x_val"])
    y, y_val = (data["y_train"] - mean) / scale, (data["y_val"] - mean) / scale
    started = time.monotonic()
    model = MLPRegressor(hidden_layer_sizes=(64, 64), random_state=0)
    least, since = np.inf, 0
    weights: tuple[Any, Any] = ([], [])
    for _ in range(500):
        model.partial_fit(x, y)
        error = float(np.square(model.predict(x_val) - y_val).mean())
        since += 1
        if error < least:
            least, since = error, 0
            weights = copy.deepcopy(model.coefs_), copy.deepcopy(model.intercepts_)
        if since == PATIENCE:
            break
    model.coefs_, model.intercepts_ = weights
    seconds = time.monotonic() - started
    values = model.predict(scaler.transform(data["x_test"])) * scale + mean
    parameters = sum(w.size for w in (*model.coefs_, *model.intercepts_))
    return {"values": values, "fit_s": seconds, "parameters": parameters}


def _classify(build: Callable[[int, int], Any], data: Data) -> Outcome:
    import torch

    x, y = torch.from_numpy(data["x_train"]).float() * 2 - 1, torch.from_numpy(data["y_train"])
    network = build(x.shape[1], int(y.max()) + 1)
    started = time.monotonic()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=1e-4)
    steps = EPOCHS * -(-len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(BATCH):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(network(x[rows]), y[rows]).backward()
            optimiser.step()
            schedule.step()
    seconds = time.monotonic() - started
    with torch.no_grad():
        values = torch.softmax(network(torch.from_numpy(data["x_test"]).float() * 2 - 1), 1).double().numpy()
    return {"values": values, "fit_s": seconds, "parameters": sum(p.numel() for p in network.parameters())}


BASELINES: dict[str, Callable[[Data, str, int, Path | None], Outcome]] = {
    "pykan": pykan,
    "efficient-kan": efficient_kan,
    "mlp": mlp,
    "lightgbm": lightgbm,
    "gplearn": gplearn,
    "ridge": ridge,
}


def main(words: list[str]) -> int:
    """Run the command line; return the exit status."""
    method, task = words[:2]
    out = Path(words[3]).resolve()
    with np.load(words[2]) as stored:
        data = {name: stored[name] for name in stored.files}
    path = Path(words[5]).resolve() if len(words) > 5 else None
    # pykan writes into the working directory.
    os.chdir(out)
    try:
        found = BASELINES[method](data, task, int(words[4]), path)
    except ModuleNotFoundError as error:
        print(f"{method}: the environment has no package {error.name}", file=sys.stderr)
        return MISSING
    arrays = {name: np.asarray(found[name], dtype=np.float64) for name in ("values", "formula") if name in found}
    np.savez(out / "prediction.npz", **arrays)  # type: ignore[arg-type]
    document = {name: found.get(name) for name in ("parameters", "fit_s", "text")}
    (out / "fit.json").write_text(json.dumps(document), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
