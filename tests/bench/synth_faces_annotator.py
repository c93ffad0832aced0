"""FERAnno on renders of persons that it has not seen: accuracy, and wrong labels found and corrected.

    vcli synth-faces generate -n 800 --studio --size 64 --seed 77 -o held-out
    python tests/bench/synth_faces_annotator.py held-out --recogniser fer/weights.safetensors

Of the labels 15 % are changed to others. A recogniser of about the same size, trained on the same faces by
``vcli synth-faces train-fer``, is measured beside it, and votes with it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from vision_cli.core.compute.devices import configure
from vision_cli.synth_faces.data.sources import PictureFile
from vision_cli.synth_faces.evaluation.rectification import flip_labels, onto_classes, rectification_measures, rectify
from vision_cli.synth_faces.pipeline.annotation import latents_of
from vision_cli.synth_faces.pipeline.framing import FaceCutter
from vision_cli.synth_faces.pipeline.recogniser_files import read_recogniser
from vision_cli.synth_faces.pipeline.sampling.opening import open_annotator, open_model
from vision_cli.synth_faces.plans.manifests import read_manifest

FLIPPED, SEED, BATCH = 0.15, 5, 32


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--annotator", default="default")
    parser.add_argument("--recogniser", type=Path)
    given = parser.parse_args()
    model = open_model(given.model, configure("cpu", threads=1))
    annotator = open_annotator(given.annotator, model)
    classes = annotator.about.shape.classes
    rows = [row for row in read_manifest(given.faces / "manifest.jsonl") if row.label in classes]
    pictures = [PictureFile(given.faces / row.file).read() for row in rows]
    true = np.array([classes.index(row.label) for row in rows])
    said = {
        "annotator": np.concatenate(
            [
                annotator(latents_of(model.parts.autoencoder, pictures[start : start + BATCH]))
                for start in range(0, len(pictures), BATCH)
            ]
        )
    }
    if given.recogniser is not None:
        recogniser = read_recogniser(given.recogniser, what="expression")
        cutter = FaceCutter(recogniser.about.side)
        chances, _ = recogniser.recognise([cutter(picture).grey for picture in pictures])
        said["recogniser"] = onto_classes(chances, recogniser.about.names, classes)
    requested = flip_labels(true, FLIPPED, len(classes), np.random.default_rng(SEED))
    voters = {**{name: {name: one} for name, one in said.items()}, **({"both": said} if len(said) > 1 else {})}
    print("| voters | accuracy | flags wrong labels, AUROC | repaired | spoiled |\n|---|---|---|---|---|")
    for name, voting in voters.items():
        for trust in (None, 1 - FLIPPED):
            found = rectify(requested, voting, trust=trust)
            measures = rectification_measures(true, requested, found)
            accuracy = float((found.predicted == true).mean())
            words = name if trust is None else f"{name}, requests trusted to {trust:.0%}"
            print(
                f"| {words} | {accuracy:.3f} | {measures.flag_auroc:.3f} | {measures.repaired:.1%} | "
                f"{measures.spoiled:.1%} |"
            )


if __name__ == "__main__":
    main()
