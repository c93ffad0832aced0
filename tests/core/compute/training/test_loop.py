"""Training gives the same numbers in one go, after a stop, after a kill, and on two processes."""

from __future__ import annotations

import csv
import itertools
import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from tests.processes import as_ranks
from vision_cli.core.compute.training import BEST, CHECKPOINT, HISTORY, LAST, Order, Schedule, Trainer
from vision_cli.core.errors import ExitCode, InputError, Interrupted, NumericalError, UsageError
from vision_cli.core.runs.runs import Run

TASK = """
    import sys, time
    from pathlib import Path
    import torch
    from vision_cli.core.runs.runs import Run
    from vision_cli.core.compute.training import Schedule, Trainer


    class Line:
        '''Fits y = 2 x - 1 from noisy points, one a sample.'''

        def __init__(self, pause=0.0):
            torch.manual_seed(3)
            self.network = torch.nn.Sequential(torch.nn.Linear(1, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
            self.pause = pause

        def load(self, numbers):
            x = torch.stack([torch.randn(1, generator=torch.Generator().manual_seed(n)) for n in numbers])
            return x, 2 * x - 1

        def training_step(self, network, batch):
            time.sleep(self.pause)
            error = ((network(batch[0]) - batch[1]) ** 2).mean()
            return {"loss": error, "absolute": error.sqrt()}

        def validation_step(self, network):
            x = torch.linspace(-1, 1, 9)[:, None]
            return {"fit": -float(((network(x) - 2 * x + 1) ** 2).mean())}


    def train(run, pause=0.0, steps=24, **options):
        task = Line(pause)
        schedule = Schedule(steps, 4, 1e-2, validate_every=8, save_every=5, monitor="fit", **options)
        return Trainer(run, task, schedule, samples=20, load=task.load)
"""
namespace: dict = {}
exec(textwrap.dedent(TASK), namespace)
Line, train = namespace["Line"], namespace["train"]


def open_run(directory, **options):
    return Run.open(directory, command="tiny train", options={}, **options)


def history(directory):
    with (directory / HISTORY).open(newline="", encoding="utf-8") as stream:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(stream)]


def whole(directory, **options):
    with open_run(directory) as run:
        train(run, **options).fit()
        run.finish()
    return history(directory), load_file(directory / LAST)


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_a_training_learns_and_keeps_the_best_weights(tmp_path):
    rows, last = whole(tmp_path / "run")
    assert [int(row["step"]) for row in rows] == list(range(1, 25))
    assert float(rows[-1]["loss"]) < 0.5 * float(rows[0]["loss"])
    measured = {int(row["step"]): float(row["val_fit"]) for row in rows if row["val_fit"]}
    assert list(measured) == [8, 16, 24]
    best = max(measured, key=measured.__getitem__)
    assert best == 24
    assert same(load_file(tmp_path / "run" / BEST), last)


def test_a_stopped_training_goes_on_with_the_same_numbers(tmp_path):
    rows, last = whole(tmp_path / "whole")
    out = tmp_path / "stopped"

    def stop(row):
        if row["step"] == 13:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted), open_run(out) as run:
        train(run).fit(stop)
    assert len(history(out)) == 13
    with open_run(out, resume=True) as run:
        assert train(run).fit().step == 24
        run.finish()
    assert history(out) == rows
    assert same(load_file(out / LAST), last)


def test_a_killed_training_goes_on_from_its_checkpoint_with_the_same_numbers(tmp_path):
    rows, last = whole(tmp_path / "whole")
    out = tmp_path / "killed"
    script = textwrap.dedent(TASK) + textwrap.dedent("""
        with Run.open(Path(sys.argv[1]), command="tiny train", options={}) as run:
            train(run, pause=0.05).fit()
    """)
    with subprocess.Popen([sys.executable, "-c", script, str(out)]) as process:
        deadline = time.monotonic() + 60
        while not (out / CHECKPOINT).exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.kill()
    with open_run(out, resume=True) as run:
        trainer = train(run)
        trainer.fit()
        run.finish()
    assert history(out) == rows
    assert same(load_file(out / LAST), last)


def test_a_loss_that_is_no_number_stops_the_training(tmp_path):
    task = Line()
    task.load = lambda numbers: (torch.full((len(numbers), 1), float("nan")), torch.zeros(len(numbers), 1))
    with open_run(tmp_path / "run") as run, pytest.raises(NumericalError, match="step 1 is nan"):
        Trainer(run, task, Schedule(5, 2), samples=None, load=task.load).fit()


def test_losses_that_are_no_numbers_are_skipped_and_too_many_halve_the_rate(tmp_path):
    task = Line()
    good = task.load
    seen = []

    def load(numbers):
        x, y = good(numbers)
        seen.append(task.network[0].weight.detach().clone())
        # Two in a row are skipped, three are too many.
        return (x * float("nan"), y) if len(seen) in (3, 4, 7, 8, 9) else (x, y)

    with open_run(tmp_path / "run") as run:
        schedule = Schedule(12, 4, 1e-2, validate_every=20, save_every=5, patience=2)
        progress = Trainer(run, task, schedule, samples=None, load=load).fit()
    weights = dict(enumerate(seen, start=1))
    assert torch.equal(weights[3], weights[5])
    # The network of the checkpoint after the fifth step is back.
    assert torch.equal(weights[10], weights[6])
    assert not torch.equal(weights[10], weights[7])
    rates = [row["learning_rate"] for row in progress.rows]
    assert rates == [1e-2] * 9 + [5e-3] * 3
    assert bool(torch.isfinite(task.network[0].weight).all())


def test_a_loss_that_stays_no_number_stops_a_patient_training(tmp_path):
    task = Line()
    task.load = lambda numbers: (torch.full((len(numbers), 1), float("nan")), torch.zeros(len(numbers), 1))
    with open_run(tmp_path / "run") as run, pytest.raises(NumericalError, match="step 12 is nan"):
        Trainer(run, task, Schedule(20, 4, patience=2), samples=20, load=task.load).fit()


def test_a_damaged_checkpoint_is_refused(tmp_path):
    with open_run(tmp_path / "run") as run:
        (tmp_path / "run" / CHECKPOINT).write_bytes(b"not a checkpoint")
        with pytest.raises(InputError, match="damaged checkpoint"):
            train(run).fit()


def test_the_rate_falls_along_half_a_cosine(tmp_path):
    with open_run(tmp_path / "run") as run:
        rows = train(run, decay=True).fit().rows
    rates = [row["learning_rate"] for row in rows]
    assert rates[0] == pytest.approx(1e-2)
    assert rates[12] == pytest.approx(5e-3)
    assert all(later < earlier for earlier, later in itertools.pairwise(rates))


def test_the_decay_begins_anew_where_it_is_told():
    schedule = Schedule(40, learning_rate=0.1, decay=True, restarts=(0.25, 0.75), warm_up=2)
    rates = [schedule.rate(step) for step in range(40)]
    assert rates[10] == rates[30] == 0.1
    assert rates[5] == rates[20] == rates[35] == pytest.approx(0.05)
    assert [step for step, (a, b) in enumerate(itertools.pairwise(rates), 1) if b > a] == [1, 10, 30]
    assert min(rates) > 0


def test_the_rate_rises_evenly_before(tmp_path):
    with open_run(tmp_path / "run") as run:
        rows = train(run, warm_up=4).fit().rows
    assert [row["learning_rate"] for row in rows[:5]] == pytest.approx([2.5e-3, 5e-3, 7.5e-3, 1e-2, 1e-2])


def test_weight_files_say_what_they_are(tmp_path):
    with open_run(tmp_path / "run") as run:
        trainer = train(run)
        trainer.metadata = {"architecture": "line"}
        trainer.fit()
    for name in (LAST, BEST):
        with safe_open(tmp_path / "run" / name, framework="pt") as stored:
            assert stored.metadata() == {"architecture": "line"}


@pytest.mark.parametrize(("count", "size"), [(7, 3), (5, 5), (4, 9), (1, 2)])
def test_every_pass_sees_every_sample_once_in_another_order(count, size):
    order = Order(count, size, seed=1)
    steps = [order.samples(step) for step in range(4 * count)]
    stream = [number for step in steps for number in step]
    passes = [stream[k * count : (k + 1) * count] for k in range(len(stream) // count)]
    assert all(sorted(one) == list(range(count)) for one in passes)
    assert count < 4 or any(one != passes[0] for one in passes)
    # A step alone, as a resumed run asks for it, is the same step.
    assert [Order(count, size, seed=1).samples(step) for step in range(4 * count)] == steps


def test_data_without_end_are_counted():
    assert Order(None, 3, seed=0).samples(2) == [6, 7, 8]


def test_no_data_are_refused():
    with pytest.raises(UsageError, match="no training samples"):
        Order(0, 1, seed=0)


RANK = textwrap.dedent("""
    import os
    from contextlib import nullcontext
    from vision_cli.core.errors import VcliError
    first = os.environ["RANK"] == "0"
    opened = Run.open(Path(sys.argv[1]), command="tiny train", options={}, resume=True) if first else nullcontext()

    def wait(row):
        if not first and row["step"] == int(sys.argv[2]):
            os.kill(os.getpid(), 9)

    try:
        with opened as run:
            train(run, steps=50).fit(wait)
            if first:
                run.finish()
    except VcliError as error:
        print(error.message, file=sys.stderr)
        sys.exit(error.exit_code)
""")


def on_processes(out, count, *, killed_at=0):
    """Train on several processes; return their exit codes and what they said."""
    codes, _, said = as_ranks("-c", textwrap.dedent(TASK) + RANK, out, killed_at, count=count)
    return codes, said


def require_same(out, rows, last):
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["status"] == "done"
    for one, other in zip(history(out), rows, strict=True):
        # Means of parts of a batch: the loss is their mean, a root is not.
        assert float(one["loss"]) == pytest.approx(float(other["loss"]), rel=1e-5)
    for name, value in load_file(out / LAST).items():
        torch.testing.assert_close(value, last[name], rtol=1e-4, atol=1e-5)


def test_two_processes_give_the_loss_curve_of_one(tmp_path):
    rows, last = whole(tmp_path / "whole", steps=50)
    codes, said = on_processes(tmp_path / "two", 2)
    assert codes == [0, 0], said
    require_same(tmp_path / "two", rows, last)


@pytest.mark.slow
def test_a_killed_process_ends_the_others_and_one_process_goes_on(tmp_path):
    rows, last = whole(tmp_path / "whole", steps=50)
    out = tmp_path / "two"
    codes, said = on_processes(out, 2, killed_at=14)
    assert codes == [ExitCode.INTERRUPTED, -signal.SIGKILL], said
    assert said[0].splitlines()[-1] == "another process of this training ended early."
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["status"] == "interrupted"
    assert 0 < len(history(out)) < len(rows)
    codes, said = on_processes(out, 1)
    assert codes == [0], said
    require_same(out, rows, last)


def test_a_batch_that_processes_cannot_share_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("accelerate.Accelerator.num_processes", 3)
    with pytest.raises(UsageError, match="4 on 3 processes"):
        train(None)


def test_a_training_killed_before_its_last_history_has_it_when_it_goes_on(tmp_path):
    with open_run(tmp_path / "whole") as run:
        train(run).fit()
        run.finish()
    with open_run(tmp_path / "killed") as run:
        train(run).fit()
    for name in (HISTORY, LAST):
        (tmp_path / "killed" / name).unlink()
    with open_run(tmp_path / "killed", resume=True) as run:
        train(run).fit()
        run.finish()
    assert history(tmp_path / "killed") == history(tmp_path / "whole")
    assert same(load_file(tmp_path / "killed" / LAST), load_file(tmp_path / "whole" / LAST))


def test_a_factor_on_the_rate_holds_for_the_parameters_of_its_name(tmp_path):
    start = Line().network.state_dict()
    moved = {}
    for factor in (0.0, 0.1, 1.0):
        with open_run(tmp_path / str(factor)) as run:
            trainer = train(run, steps=1, rate_factors={"0.": factor})
            trainer.fit()
            network = trainer.task.network.state_dict()
        moved[factor] = {key: float((network[key] - start[key]).abs().max()) for key in start}
    assert moved[0.0]["0.weight"] == moved[0.0]["0.bias"] == 0
    assert moved[0.1]["0.weight"] == pytest.approx(0.1 * moved[1.0]["0.weight"], rel=1e-3)
    assert moved[0.0]["2.weight"] == moved[0.1]["2.weight"] == moved[1.0]["2.weight"] > 0
