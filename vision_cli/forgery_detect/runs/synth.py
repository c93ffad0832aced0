"""The work of ``synth``: pairs of a real face and a simulated forgery of it, with masks and a manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.console import Output
from vision_cli.core.report import Picture as Shown
from vision_cli.core.report import Report
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.core.runs.runs import Run
from vision_cli.forgery_detect.data.layouts.tables import COLUMNS, manifest_rows
from vision_cli.forgery_detect.runs.reading import MANIFEST, counts_of
from vision_cli.forgery_detect.simulation.pairs import Kind, Pair, pair_at
from vision_cli.forgery_detect.simulation.portraits import Portrait, rendered_portraits
from vision_cli.forgery_detect.values import Manifest, Medium, Picture
from vision_cli.io.pictures.photographs import read_photograph, write_photograph

REAL, FAKE, MASKS, SHEET = "real", "fake", "masks", "contact_sheet.png"
_DOMAINS = {False: "simulated", True: "rendered"}
_SHOWN, _CELL, _WHITE = 8, 160, 255
_READ_SHEET = "Above: real faces as the simulated camera took them. Below: a forgery of each, delivered alike."


@dataclass(frozen=True)
class SynthPlan:
    """What is simulated.

    Attributes
    ----------
    portraits
        Photographs.
    rendered
        Rendered faces after them.
    kinds
        Kinds of forgery, which take turns.
    per_portrait
        Pairs of each portrait.
    seed
        Of all drawing.
    """

    portraits: Sequence[Portrait]
    rendered: int
    kinds: Sequence[Kind]
    per_portrait: int
    seed: int


def simulate_all(run: Run, plan: SynthPlan, output: Output) -> None:
    """Write every pair that is not done yet; a pair depends on its portrait, its number and the seed alone."""
    total = len(plan.portraits) + plan.rendered

    # Drawn when it is its turn, and kept for its pairs alone: a thousand drawn faces would not fit into memory.
    @lru_cache(maxsize=1)
    def portrait_at(place: int) -> Portrait:
        if place < len(plan.portraits):
            return plan.portraits[place]
        return _rendered(plan.seed, place - len(plan.portraits))

    def work(item: tuple[int, int]) -> Mapping[str, object]:
        place, number = item
        pair = pair_at(portrait_at(place), place, number, seed=plan.seed, kinds=plan.kinds)
        return _write(run, _name(item), pair)

    items = [(place, number) for place in range(total) for number in range(plan.per_portrait)]
    run.each(items, work, name=_name, what="pairs", output=output)


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the manifest, counts, a sheet of the first pairs and the report."""
    done = [entry for entry in entries if entry.error is None]
    media: list[Medium] = []
    for entry in done:
        home = run.home_of(entry)
        facts = json.loads(str(entry.row["facts"]))
        domain, identities = facts["domain"], tuple(facts["identities"])
        # A pair is delivered alike, another pair of the same portrait is not: the source is the pair.
        for kind, label in ((REAL, 0), (FAKE, 1)):
            mask = home / MASKS / f"{entry.id}.png"
            media.append(
                Medium(
                    path=home / kind / f"{entry.id}.png",
                    name=f"{kind}/{entry.id}",
                    label=label,
                    domain=domain,
                    generator=facts["generator"] if label else "",
                    forgery=facts["forgery"] if label else "",
                    family=facts["family"] if label else "",
                    source=f"{domain}:{entry.id}",
                    identities=identities,
                    mask=mask if label and mask.is_file() else None,
                )
            )
    manifest = Manifest("simulated", tuple(media))
    run.write_csv(MANIFEST, COLUMNS, manifest_rows(run.directory, manifest))
    metrics = counts_of(manifest)
    run.write_metrics(metrics)
    if not done:
        return
    with run.output(SHEET) as path:
        write_photograph(path, _sheet(run, done))
    run.report(
        Report(
            title="Simulated forgeries",
            verdict=f"{len(done)} pairs of a real face and a forgery made of it.",
            summary=metrics,
            pictures=[Shown(run.directory / SHEET, "The first pairs", _READ_SHEET)],
            notes=["No generative model took part: the forgeries imitate what decoders leave behind."],
        )
    )


def _rendered(seed: int, index: int) -> Portrait:
    # The seed and the number of a face are all that it depends on.
    return rendered_portraits(1, seed=seed, first=index)[0]


def _name(item: tuple[int, int]) -> str:
    return f"{item[0]:05}-{item[1]:03}"


def _write(run: Run, name: str, pair: Pair) -> dict[str, object]:
    for kind, crop in ((REAL, pair.real), (FAKE, pair.fake)):
        with run.output(f"{kind}/{name}.png") as path:
            write_photograph(path, crop.picture)
    # A face that was painted as a whole needs no mask; resizing leaves its ones a rounding below 1.
    if pair.fake.mask is not None and (mask := _grey(pair.fake.mask)).min() < _WHITE:
        with run.output(f"{MASKS}/{name}.png") as path:
            write_photograph(path, mask)
    facts = {
        "domain": _DOMAINS[pair.is_rendered],
        "generator": pair.generator,
        "forgery": pair.forgery,
        "family": pair.family,
        "identities": [f"{_DOMAINS[pair.is_rendered]}:{pair.source}"],
    }
    return {"generator": pair.generator, "side": len(pair.real.picture), "facts": json.dumps(facts)}


def _grey(mask: NDArray[np.float32]) -> Picture:
    """Return a mask as a picture ``(N, N, 3)``."""
    return np.repeat(np.rint(_WHITE * mask).astype(np.uint8)[..., None], 3, axis=2)


def _sheet(run: RunFiles, done: Sequence[Entry]) -> Picture:
    import cv2

    step = max(len(done) // _SHOWN, 1)
    rows = []
    for kind in (REAL, FAKE):
        cells = [_read(run.home_of(entry) / kind / f"{entry.id}.png") for entry in done[::step][:_SHOWN]]
        rows.append(
            np.concatenate([cv2.resize(cell, (_CELL, _CELL), interpolation=cv2.INTER_AREA) for cell in cells], 1)
        )
    return np.asarray(np.concatenate(rows), np.uint8)


def _read(path: Path) -> Picture:
    return np.asarray(read_photograph(path), np.uint8)
