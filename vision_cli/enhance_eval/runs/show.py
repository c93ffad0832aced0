"""What a finished run shows on the console: a table a condition and the line on eyes and machines."""

from __future__ import annotations

import csv

from vision_cli.core.command.console import Table
from vision_cli.core.command.verbs import Done, Shown
from vision_cli.core.runs.records import read_run
from vision_cli.enhance_eval.runs.finish import METHODS
from vision_cli.enhance_eval.runs.report import methods_tables


def shown(done: Done) -> Shown:
    """Return the tables of a finished run, and its headline numbers for programs."""
    record = read_run(done.directory)
    spent = {} if record is None else record.document.get("milliseconds_per_picture", {})
    with (done.directory / METHODS).open(encoding="utf-8", newline="") as stream:
        columns, *rows = csv.reader(stream)
    tables = methods_tables(columns, rows, spent)
    sentence = done.metrics.get("dichotomy")
    if sentence is not None:
        tables.append(Table(("Dichotomy",), [[sentence]]))
    return tables, done.metrics
