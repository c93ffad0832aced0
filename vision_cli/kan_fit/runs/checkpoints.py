"""Finished candidates of a search on disk, so that an interrupted run resumes after the last of them.

A candidate depends on the data, the options and the seed only. One whose fit was interrupted is fitted again, so that a
resumed search ends with the numbers of an uninterrupted one.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import json_text, write_bytes, write_text
from vision_cli.kan_fit.tables.candidates import Candidate, ModeScore, Step
from vision_cli.kan_fit.tables.files import build_network, describe_plans, network_bytes
from vision_cli.kan_fit.tables.levenberg_marquardt import Penalty
from vision_cli.kan_fit.tables.selection import OutOfBudget

DIRECTORY = "stages"


class CandidateCheckpoints:
    """The finished candidates of one run.

    Parameters
    ----------
    directory
        The run directory.
    on_candidate
        Called with the name of each finished candidate, computed or read, and the seconds that it took.
    budget_s
        Seconds after which no further candidate is begun; the first one always is.

    Attributes
    ----------
    seconds
        Wall-clock time of each candidate by name.
    """

    def __init__(
        self,
        directory: Path,
        on_candidate: Callable[[str, float], None] = lambda _name, _seconds: None,
        budget_s: float = math.inf,
    ) -> None:
        self.seconds: dict[str, float] = {}
        self._budget_s = budget_s
        self._directory = directory / DIRECTORY
        self._on_candidate = on_candidate

    def __call__(
        self, name: str, compute: Callable[[], tuple[Candidate, Sequence[ModeScore]]]
    ) -> tuple[Candidate, Sequence[ModeScore]]:
        """Return the candidate of a name, read from its checkpoint or computed.

        Raises
        ------
        InputError
            If the checkpoint is damaged.
        OutOfBudget
            If it would have to be computed and the time budget is spent.
        """
        stem = re.sub(r"[^\w-]+", "_", name)
        description, numbers = self._directory / f"{stem}.json", self._directory / f"{stem}.safetensors"
        if description.exists():
            found = self._read(name, description, numbers)
        elif self.seconds and sum(self.seconds.values()) >= self._budget_s:
            raise OutOfBudget(name)
        else:
            started = time.monotonic()
            candidate, choices = compute()
            self.seconds[name] = time.monotonic() - started
            write_bytes(numbers, network_bytes(candidate.network))
            document = {
                "name": candidate.name,
                "score": candidate.score.hex(),
                "seconds": self.seconds[name],
                "plans": describe_plans(candidate.network.plans),
                "penalty": asdict(candidate.penalty),
                "left_out": candidate.left_out,
                "steps": [list(asdict(step).values()) for step in candidate.steps],
                "choices": [list(asdict(choice).values()) for choice in choices],
            }
            write_text(description, json_text(document))
            found = candidate, choices
        self._on_candidate(name, self.seconds[name])
        return found

    def remove(self) -> None:
        """Remove all checkpoints of a finished run."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def _read(self, name: str, description: Path, numbers: Path) -> tuple[Candidate, Sequence[ModeScore]]:
        try:
            document = json.loads(description.read_text(encoding="utf-8"))
            candidate = Candidate(
                document["name"],
                build_network(document["plans"], numbers.read_bytes()),
                float.fromhex(document["score"]),
                tuple(Step(*row) for row in document["steps"]),
                Penalty(**document["penalty"]),
                tuple(document["left_out"]),
            )
            self.seconds[name] = float(document["seconds"])
            return candidate, [ModeScore(*row) for row in document["choices"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{description}: damaged ({error}).", hint="Start again with --overwrite.") from error
