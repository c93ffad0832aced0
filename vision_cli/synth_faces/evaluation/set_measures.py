"""All measures of a set of faces: recognition, action units, distances, copies, balance, paired smiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision_cli.metrics.resampling import Resampled
from vision_cli.synth_faces.evaluation.au_agreement import Agreement, au_agreement
from vision_cli.synth_faces.evaluation.balance import BalanceTable, balance_tables
from vision_cli.synth_faces.evaluation.control import SeriesPlace, UnitControl, control_of_faces
from vision_cli.synth_faces.evaluation.coverage import Memorisation, memorisation, prdc
from vision_cli.synth_faces.evaluation.distances import FeatureSet, frechet_distance, kernel_distance
from vision_cli.synth_faces.evaluation.paired_smiles import paired_smiles
from vision_cli.synth_faces.evaluation.recognition import Recognition, recognition
from vision_cli.synth_faces.pipeline.face_tables import FaceTable

Floats = NDArray[np.float64]

_SMILE, _SMILE_AU, _NEUTRAL = "happiness", "12", "neutral"
_NEIGHBOURS = 5
_NAN = float("nan")


@dataclass(frozen=True)
class Judged:
    """A set of faces and what judges say of them.

    Attributes
    ----------
    table
        The faces.
    space, features
        Name of the features of a judge, and the features, ``(N, F)``.
    classes, probabilities
        Of the judge of expressions, ``(N, K)``; None without one.
    au_names, intensities
        Of the judge of action units, ``(N, A)``; None without one.
    labels
        Of each face, compound ones too; empty for none.
    facts
        What else is known of each face, for the balance.
    places
        Of each face in a series of one action unit; None, or empty, for none.
    """

    table: FaceTable
    space: str
    features: Floats = field(repr=False)
    classes: tuple[str, ...]
    probabilities: Floats | None = field(repr=False)
    au_names: tuple[str, ...]
    intensities: Floats | None = field(repr=False)
    labels: Sequence[str] = field(repr=False)
    facts: Sequence[Mapping[str, str | float]] = field(repr=False)
    places: Sequence[SeriesPlace | None] = field(default=(), repr=False)


@dataclass(frozen=True)
class Measure:
    """A number with its 95 % interval.

    Attributes
    ----------
    name
        Flat name.
    value, low, high
        NaN where there is none.
    faces
        How many it comes from.
    """

    name: str
    value: float
    low: float = _NAN
    high: float = _NAN
    faces: int = 0


@dataclass(frozen=True)
class SetMeasures:
    """All that was measured on a set.

    Attributes
    ----------
    measures
        In the order in which they are shown.
    recognition, agreement, memorisation
        None where there are no labels, no action units or no real faces.
    control
        Of each action unit that a series varies.
    balance
        Of the labels and of what else is known.
    notes
        A sentence on each measure that is not to be trusted or could not be taken.
    """

    measures: tuple[Measure, ...]
    recognition: Recognition | None
    agreement: Agreement | None
    memorisation: Memorisation | None
    balance: tuple[BalanceTable, ...]
    notes: tuple[str, ...]
    control: tuple[UnitControl, ...] = ()


def measure_set(judged: Judged, real: Judged | None, *, resamples: int, seed: int) -> SetMeasures:
    """Return the measures of a set; those of distances where there are real faces too.

    Parameters
    ----------
    judged, real
        The set, and the real faces; None for none.
    resamples, seed
        Of the intervals and of the subsets of KID.
    """
    count = len(judged.table.faces)
    measures = [Measure("faces_found_share", float(judged.table.is_found.mean()), faces=count)]
    recognised, of_recognition = _recognition(judged, resamples, seed)
    agreement, of_units = _agreement(judged)
    units, of_control = _control(judged)
    unseen = [unit.name for unit in units if np.isinf(unit.leakage)]
    notes = [f"AU {', '.join(unseen)}: no rise with the level is seen, so leakage has no value."] if unseen else []
    measures += of_recognition + of_units + of_control + _smiles(judged, "")
    copies = None
    if real is not None:
        copies, of_distances, more = _distances(judged, real, seed)
        measures += of_distances + _smiles(real, "real_")
        notes += more
    tables = balance_tables(judged.labels, judged.facts)
    measures += [Measure(f"evenness_of_{table.attribute}", table.evenness, faces=count) for table in tables]
    return SetMeasures(tuple(measures), recognised, agreement, copies, tables, tuple(notes), units)


def _recognition(judged: Judged, resamples: int, seed: int) -> tuple[Recognition | None, list[Measure]]:
    """Return how often the judge names the label, over the faces whose label it knows."""
    if judged.probabilities is None:
        return None, []
    labels = judged.table.labels(judged.classes)
    known = labels >= 0
    if not known.any():
        return None, []
    subjects = [name for name, taken in zip(judged.table.subjects(), known, strict=True) if taken]
    found = recognition(
        judged.probabilities[known].argmax(axis=1),
        labels[known],
        judged.classes,
        groups=subjects,
        resamples=resamples,
        seed=seed,
    )
    measures = [
        _resampled("fer_accuracy", found.accuracy),
        _resampled("fer_macro_f1", found.macro_f1),
        _resampled("fer_balanced_accuracy", found.balanced_accuracy),
    ]
    measures += [
        Measure(f"recall/{name}", float(value), faces=int(total))
        for name, value, total in zip(found.classes, found.recall, found.confusion.sum(axis=1), strict=True)
        if np.isfinite(value)
    ]
    return found, measures


def _agreement(judged: Judged) -> tuple[Agreement | None, list[Measure]]:
    """Return how well measured action units agree with the labelled ones."""
    if judged.intensities is None:
        return None, []
    true = judged.table.intensities(judged.au_names)
    known = int(np.isfinite(true).any(axis=1).sum())
    if not known:
        return None, []
    found = au_agreement(true, judged.intensities, judged.au_names)
    names = ("pearson", "icc", "f1", "accuracy", "mae")
    return found, [Measure(f"au_mean_{name}", found.mean(name), faces=known) for name in names]


def _control(judged: Judged) -> tuple[tuple[UnitControl, ...], list[Measure]]:
    """Return how well each action unit of a series is controlled."""
    if judged.intensities is None:
        return (), []
    units = control_of_faces(judged.places, judged.intensities, judged.au_names)
    if not units:
        return (), []
    count = sum(place is not None for place in judged.places)
    linearity = [unit.linearity for unit in units]
    return units, [
        Measure("control_mean_linearity", float(np.mean(linearity)), faces=count),
        Measure("control_least_linearity", min(linearity), faces=count),
        Measure("control_mean_leakage", float(np.mean([unit.leakage for unit in units])), faces=count),
        Measure("control_worst_leakage", max(unit.worst_leakage for unit in units), faces=count),
        Measure("control_monotone_share", float(np.mean([unit.monotone for unit in units])), faces=count),
    ]


def _smiles(judged: Judged, start: str) -> list[Measure]:
    """Return whether smiles score above the neutral faces of the same persons, in portraits of both."""
    if judged.table.dataset.layout != "portraits":
        return []
    scores: dict[str, Floats] = {}
    if judged.probabilities is not None and _SMILE in judged.classes:
        scores["happiness"] = judged.probabilities[:, judged.classes.index(_SMILE)]
    if judged.intensities is not None and _SMILE_AU in judged.au_names:
        scores["au12"] = judged.intensities[:, judged.au_names.index(_SMILE_AU)]
    smiles = [face.expression == _SMILE for face in judged.table.faces]
    measures = []
    for name, values in scores.items():
        found = paired_smiles(values, smiles, judged.table.subjects())
        measures += [
            Measure(f"{start}paired_smiles_{name}", found.share, found.low, found.high, found.pairs),
            Measure(f"{start}smile_auc_{name}", found.auc, faces=len(smiles)),
        ]
    return measures


def _distances(judged: Judged, real: Judged, seed: int) -> tuple[Memorisation | None, list[Measure], list[str]]:
    """Return distances from the real faces, coverage and copies; notes where there are too few faces."""
    few = min(len(judged.features), len(real.features))
    if few <= _NEIGHBOURS:
        return None, [], [f"{few} faces in a set: too few for distances; more than {_NEIGHBOURS} expected."]
    generated, others = FeatureSet(judged.space, judged.features), FeatureSet(real.space, real.features)
    frechet, kernel = frechet_distance(others, generated), kernel_distance(others, generated, seed=seed)
    spread = prdc(others, generated, neighbours=_NEIGHBOURS)
    copies = memorisation(others, generated)
    count = len(judged.features)
    measures = [
        Measure(frechet.name, frechet.value, faces=count),
        Measure(f"{kernel.name}_x1000", 1000 * kernel.mean, faces=count),
        Measure(f"{kernel.name}_x1000_sd", 1000 * kernel.sd, faces=count),
        Measure(f"precision_{judged.space}", spread.precision, faces=count),
        Measure(f"recall_{judged.space}", spread.recall, faces=count),
        Measure(f"density_{judged.space}", spread.density, faces=count),
        Measure(f"coverage_{judged.space}", spread.coverage, faces=count),
        Measure("closer_than_real_share", copies.copies, faces=count),
        Measure("nearest_distance_ratio", copies.ratio, faces=count),
    ]
    return copies, measures, list(frechet.notes)


def _resampled(name: str, found: Resampled) -> Measure:
    low, high = found.interval()
    return Measure(name, found.value, low, high, found.images)
