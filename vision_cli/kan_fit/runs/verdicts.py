"""What a report says first: whether a network is to be trusted, in words and as a level, by rules that stand here."""

from __future__ import annotations

import math
from collections.abc import Mapping

from vision_cli.core.command.console import format_value
from vision_cli.core.report import Level

_WORSE = 1.1
"""How many times the RMSE may grow by pruning or by a formula before it is said."""

_ALMOST_ONE = 0.9999
_LONGEST_FORMULA = 200
"""Characters of a formula that a sentence holds; a longer one stands in a table."""

Verdict = tuple[str, Level]


def shown_r2(r2: float) -> str:
    """Return how an R² is written: one that is not 1 is not rounded to it."""
    return "> 0.9999" if _ALMOST_ONE < r2 < 1 else format_value(r2)


def fit_verdict(rmse: float, r2: float, others: Mapping[str, float]) -> Verdict:
    """Judge a fit.

    Bad: it explains none of the variance of the test rows. Caution: there is none, or another model has a lower RMSE.
    Good otherwise.

    Parameters
    ----------
    rmse, r2
        Of the network, on test rows; R² is NaN where their target does not vary.
    others
        Test RMSE by the name of the model that the network is compared with.
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


def classifier_verdict(right: int, images: int, most_frequent: int, others: Mapping[str, float]) -> Verdict:
    """Judge a classifier.

    Bad: it is no more accurate than always naming the most frequent class. Caution: another model is more accurate.
    Good otherwise.

    Parameters
    ----------
    right, images
        Test images that are classified rightly, and all of them.
    most_frequent
        Test images of the class that most of them have.
    others
        Test accuracy by the name of the model that the network is compared with.
    """
    accuracy = right / images
    text = f"The network classifies {right} of {images} test images rightly (accuracy {format_value(accuracy)}); "
    best = max(others, key=others.__getitem__, default=None)
    if best is None:
        text += "it was compared with no other model."
    else:
        text += f"the best other model, {best}, has an accuracy of {format_value(others[best])}."
    if right <= most_frequent:
        return f"{text} Always naming the most frequent class would do as well.", "bad"
    if best is not None and others[best] > accuracy:
        return f"{text} That is better: prefer it, or train for more epochs on more images.", "caution"
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
    """Judge an explanation.

    Caution: pruning, or the formula beside the network, raises the RMSE by more than a tenth. Good: a formula does not.
    Plain where there is neither.

    Parameters
    ----------
    target
        Name of the column that is predicted.
    edges
        Edges of the network that is drawn.
    rmse, pruned_rmse
        On the kept sample, as it was fitted and after pruning.
    formula
        The formula that was found.
    formula_rmse, network_rmse
        Of the formula, and of the network, on the rows of the sample that chose between formulas.
    """
    text = f"The network computes {target} over {edges} edges, with an RMSE of {format_value(rmse)} on the kept sample."
    level: Level = "plain"
    if formula is not None:
        said = f"{target} = {formula}" if len(formula) <= _LONGEST_FORMULA else "the formula of the table below"
        text += f" It is {said}, with an RMSE of {format_value(formula_rmse)}"
        text += f" where the network has {format_value(network_rmse)}."
        level = "good"
        if formula_rmse > _WORSE * network_rmse:
            text += " The formula misses a part of what the network learned."
            level = "caution"
    if pruned_rmse is not None:
        text += f" Pruning takes the RMSE to {format_value(pruned_rmse)}."
        if pruned_rmse > _WORSE * rmse:
            text += " An edge that was left out is needed: prune less."
            level = "caution"
    return text, level
