"""The work of ``prepare``: a data set in another layout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vision_cli.core.command.console import Output
from vision_cli.core.runs.runs import Run
from vision_cli.fewshot_seg.data.layouts.maps import deepglobe_pairs
from vision_cli.fewshot_seg.data.preparing import cut_deepglobe
from vision_cli.io.pictures.folders import Findings
from vision_cli.io.pictures.indexed import write_labels
from vision_cli.io.pictures.photographs import write_photograph


def prepare_deepglobe(run: Run, root: Path, output: Output) -> None:
    """Write ``N/test/origin/*.jpg`` and ``N/test/groundtruth/*.png`` for the classes 1 to 6.

    Raises
    ------
    InputError
        If there are no pictures with masks.
    """
    findings = Findings(strict=False)
    pairs = deepglobe_pairs(root, findings)
    for sentence in findings.sentences():
        run.warn(sentence)

    def work(pair: tuple[str, Path, Path]) -> Mapping[str, object]:
        count = 0
        for tile in cut_deepglobe(*pair):
            with run.output(f"{tile.folder}/test/origin/{tile.name}.jpg") as path:
                write_photograph(path, tile.picture)
            with run.output(f"{tile.folder}/test/groundtruth/{tile.name}.png") as path:
                write_labels(path, (255 * tile.mask).astype(np.uint8))
            count += 1
        return {"tiles": count}

    run.each(pairs, work, name=lambda pair: pair[0], what="pictures", output=output)
