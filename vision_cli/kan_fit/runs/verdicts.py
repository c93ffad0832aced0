"""Verdicts of the reports: how good a fit, a classifier or an explanation is, as a sentence and a level."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vision_cli.core.command.console import format_value
from vision_cli.core.report import Level

WORSE = 1.1
"""Factor by which pruning or a formula may raise the RMSE without a warning."""

_ALMOST_ONE = 0.9999
_UNUSED = 0.01
"""A column is not used if shuffling it raises the RMSE by less than this fraction of it, or of the greatest rise."""

_MOST_NAMED, _MOST_UNUSED = 3, 12
_LONGEST_FORMULA = 200
"""Characters of the longest formula that the verdict quotes; a longer one is in a table."""

Verdict = tuple[str, Level]


def shown_r2(r2: float) -> str:
    """Return an R² as text; one below 1 is not rounded to 1."""
    return "> 0.9999" if _ALMOST_ONE < r2 < 1 else format_value(r2)


@dataclass(frozen=True)
class FoldErrors:
    """Test errors of a model in a cross-validation.

    Attributes
    ----------
    name
        The model.
    errors
        RMSE of each fold.
    """

    name: str
    errors: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over the folds."""
        return sum(self.errors) / len(self.errors)

    @property
    def half(self) -> float:
        """Half the width of the 95 % interval of the mean, by Student's t over the folds."""
        return _half_width(self.errors)

    def rows(self) -> list[tuple[object, ...]]:
        """Return its rows of ``folds.csv``."""
        return [(self.name, number + 1, error) for number, error in enumerate(self.errors)]


def _half_width(values: Sequence[float]) -> float:
    from scipy.stats import t

    return float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))


def standing(scores: Sequence[tuple[str, float]], folds: Sequence[FoldErrors] = ()) -> str:
    """Return in a line whether ours, the first, is ahead, and of which models it is not.

    Parameters
    ----------
    scores
        Names and test errors.
    folds
        Errors in a cross-validation, whose paired differences decide where they are known.
    """
    if len(scores) < 2:
        return f"test RMSE {format_value(scores[0][1])}; compared with no other model"
    own = scores[0][1]
    ahead = sorted((error, name) for name, error in scores[1:] if error < own)
    text = f"test RMSE {format_value(own)}: "
    if ahead:
        listed = ", ".join(f"{name} ({format_value(error)})" for error, name in ahead)
        text += f"not ahead of {listed}"
    else:
        error, name = min((error, name) for name, error in scores[1:])
        text += f"ahead of all; the next is {name} ({format_value(error)})"
    if len(folds) > 1:
        best = min(folds[1:], key=lambda one: one.mean)
        differences = [a - b for a, b in zip(folds[0].errors, best.errors, strict=True)]
        mean, half = sum(differences) / len(differences), _half_width(differences)
        word = "within the noise of" if abs(mean) <= half else "ahead of" if mean < 0 else "behind"
        text += (
            f"; over {len(differences)} folds {format_value(folds[0].mean)}, {word} the best other, {best.name} "
            f"({format_value(best.mean)}; difference {mean:.3g} ± {half:.2g})"
        )
    return text


def importance_words(target: str, rises: Mapping[str, float], rmse: float) -> str:
    """Return in a sentence which columns a target depends on, and which are not used.

    Parameters
    ----------
    target
        Name of the target.
    rises
        By how much the RMSE rises when a column is shuffled, the most important first.
    rmse
        RMSE with all columns.
    """
    floor = max(_UNUSED * max(rises.values(), default=0.0), _UNUSED * rmse)
    used = [(name, rise) for name, rise in rises.items() if rise > floor]
    unused = [name for name, rise in rises.items() if rise <= floor]
    if not used:
        return f"{target} depends on no column that was given."
    shown = [f"{name} (RMSE + {rise:.2g} when shuffled)" for name, rise in used[:_MOST_NAMED]]
    text = f"{target} depends most on {', then on '.join(shown)}"
    text += f", and less on {len(used) - _MOST_NAMED} others." if len(used) > _MOST_NAMED else "."
    if unused:
        listed = ", ".join(unused[:_MOST_UNUSED]) + (", ..." if len(unused) > _MOST_UNUSED else "")
        text += f" Hardly used or not at all: {listed}."
    return text


def fit_verdict(rmse: float, r2: float, others: Mapping[str, float]) -> Verdict:
    """Return the verdict on a fit.

    Bad: it explains no variance of the test rows. Caution: the test target does not vary, or another model has a lower
    RMSE. Good otherwise.

    Parameters
    ----------
    rmse, r2
        Of the network on test rows; R² is NaN where their target does not vary.
    others
        Test RMSE of the other models by name.
    """
    text = f"The network predicts test rows with an RMSE of {format_value(rmse)} (R² {shown_r2(r2)}); "
    best = min((name for name in others if math.isfinite(others[name])), key=others.__getitem__, default=None)
    if best is None:
        text += "it was compared with no other model."
    else:
        text += f"the best other model, {best}, has {format_value(others[best])}."
    if math.isnan(r2):
        return f"{text} The target is the same in all test rows, which cannot show whether it was learned.", "caution"
    if r2 <= 0:
        return f"{text} Always predicting the mean would do as well: the columns do not explain the target.", "bad"
    if best is not None and others[best] < rmse:
        return f"{text} That is better: prefer it, or search on with more rows or wider networks.", "caution"
    return text, "good"


def classifier_verdict(
    right: int, images: int, most_frequent: int, others: Mapping[str, float], *, items: str = "images"
) -> Verdict:
    """Return the verdict on a classifier.

    Bad: it is no more accurate than always predicting the most frequent class. Caution: another model is more accurate.
    Good otherwise.

    Parameters
    ----------
    right, images
        Numbers of correctly classified test images, or rows, and of all.
    most_frequent
        Number of test images of the most frequent class.
    others
        Test accuracy of the other models by name.
    items
        What is classified.
    """
    accuracy = right / images
    text = f"The network classifies {right} of {images} test {items} rightly (accuracy {format_value(accuracy)}); "
    best = max(others, key=others.__getitem__, default=None)
    if best is None:
        text += "it was compared with no other model."
    else:
        text += f"the best other model, {best}, has an accuracy of {format_value(others[best])}."
    if right <= most_frequent:
        return f"{text} Always naming the most frequent class would do as well.", "bad"
    if best is not None and others[best] > accuracy:
        return f"{text} That is better: prefer it, or train on more {items}.", "caution"
    return text, "good"


def explanation_verdict(
    target: str,
    edges: int,
    rmse: float,
    *,
    pruned_rmse: float | None = None,
    formula: str | None = None,
    formula_rmse: float = 0.0,
    network_rmse: float = 0.0,
) -> Verdict:
    """Return the verdict on an explanation.

    Caution: pruning, or the formula, raises the RMSE by more than a tenth. Good: a formula does not. Plain: neither was
    asked for.

    Parameters
    ----------
    target
        Name of the predicted column.
    edges
        Number of edges of the network.
    rmse, pruned_rmse
        Of the network on the sample of training rows, as fitted and after pruning.
    formula
        The formula.
    formula_rmse, network_rmse
        Of the formula and of the network, on the held-out rows of the sample.
    """
    text = f"The network computes {target} over {edges} edges, with an RMSE of {format_value(rmse)} on the kept sample."
    level: Level = "plain"
    if formula is not None:
        said = f"{target} = {formula}" if len(formula) <= _LONGEST_FORMULA else "the formula of the table below"
        text += f" It is {said}, with an RMSE of {format_value(formula_rmse)}"
        text += f" where the network has {format_value(network_rmse)}."
        level = "good"
        if formula_rmse > WORSE * network_rmse:
            text += " The formula misses a part of what the network learned."
            level = "caution"
    if pruned_rmse is not None:
        text += f" Pruning takes the RMSE to {format_value(pruned_rmse)}."
        if pruned_rmse > WORSE * rmse:
            text += " An edge that was left out is needed: prune less."
            level = "caution"
    return text, level
