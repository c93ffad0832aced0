"""What the annotator says of generated faces, and labels that follow it or its vote with a recogniser."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vision_cli.core.compute.devices import Compute
from vision_cli.synth_faces.evaluation.rectification import UNLABELLED, onto_classes, rectify
from vision_cli.synth_faces.options.generating import LabellingOptions, Rectify
from vision_cli.synth_faces.pipeline.annotation import latents_of
from vision_cli.synth_faces.pipeline.annotator_files import LoadedAnnotator
from vision_cli.synth_faces.pipeline.diffusion_files import LoadedDiffusion
from vision_cli.synth_faces.pipeline.framing import FaceCutter
from vision_cli.synth_faces.pipeline.recogniser_files import LoadedRecogniser
from vision_cli.synth_faces.pipeline.sampling.backend import open_guide
from vision_cli.synth_faces.pipeline.sampling.opening import open_annotator
from vision_cli.synth_faces.plans.rows import DIGEST_JOIN
from vision_cli.synth_faces.values import Picture

ANNOTATOR, RECOGNISER = "annotator", "recogniser"
"""Names of the voters."""

_DIGITS = 4


@dataclass(frozen=True)
class Labeller:
    """Annotator, and whom it votes with.

    Attributes
    ----------
    annotator, model
        The annotator, and the model that it sees faces by.
    recogniser
        Of expressions; None where the annotator decides alone.
    rule
        Whether labels are corrected.
    min_confidence
        Faces with less are marked as dropped, where labels are corrected.
    """

    annotator: LoadedAnnotator
    model: LoadedDiffusion
    recogniser: LoadedRecogniser | None = None
    rule: Rectify = "none"
    min_confidence: float = 0.0
    _cutter: FaceCutter | None = field(default=None, repr=False)

    @property
    def digests(self) -> str:
        """Digests of all that vote, as the manifest has them."""
        own = [self.annotator.sha256] + ([] if self.recogniser is None else [self.recogniser.sha256])
        return DIGEST_JOIN.join(own)

    def facts_of(self, picture: Picture, label: str) -> dict[str, Any]:
        """Return what is said of a face of the side of the model, by the names of the fields of `ManifestRow`.

        Parameters
        ----------
        picture
            ``(side, side, 3)``.
        label
            What was asked for; empty where nothing.
        """
        classes = self.annotator.about.shape.classes
        said = {ANNOTATOR: self.annotator(latents_of(self.model.parts.autoencoder, [picture]))}
        if self.recogniser is not None:
            cutter = self._cutter or FaceCutter(self.recogniser.about.side)
            chances, _ = self.recogniser.recognise([cutter(picture).grey])
            said[RECOGNISER] = onto_classes(chances, self.recogniser.about.names, classes)
        requested = np.array([classes.index(label) if label in classes else UNLABELLED])
        found = rectify(requested, said, min_confidence=self.min_confidence if self.rule != "none" else 0.0)
        chances = found.probabilities[0]
        facts: dict[str, Any] = {
            "pseudo_label": classes[int(found.predicted[0])],
            "pseudo_probs": {name: round(float(one), _DIGITS) for name, one in zip(classes, chances, strict=True)},
            "confidence": round(float(found.confidence[0]), _DIGITS),
            "agree": bool(found.agree[0]) if label in classes else None,
            "votes": {name: classes[int(vote[0])] for name, vote in found.votes.items()},
            "anno": self.digests,
        }
        if self.rule != "none" and label in classes:
            facts |= {"label": classes[int(found.labels[0])], "label_source": found.sources[0]}
        return facts


def open_labeller(model: LoadedDiffusion, options: LabellingOptions, guide: str, compute: Compute) -> Labeller:
    """Return the annotator of a model, and the recogniser that votes with it where options ask for a vote.

    Parameters
    ----------
    model
        By which the annotator sees faces.
    options
        Which annotator, and whether labels are corrected.
    guide
        The recogniser.
    compute
        Where the recogniser is computed.

    Raises
    ------
    MissingError, InputError
        If weights are missing, damaged, or for another model.
    """
    annotator = open_annotator(options.annotator, model)
    voter = open_guide(guide, compute) if options.rectify == "vote" else None
    cutter = None if voter is None else FaceCutter(voter.about.side)
    return Labeller(annotator, model, voter, options.rectify, options.min_confidence, cutter)
