"""The NIQE model under its own name: fitted to the photographs of the scikit-image and scikit-learn packages."""

from __future__ import annotations

from vision_cli.core.compute.training import WEIGHTS, write_card
from vision_cli.core.runs.runs import Run
from vision_cli.enhance_eval.quality.niqe import fit_niqe, niqe
from vision_cli.enhance_eval.quality.niqe_models import pristine_photographs, write_niqe

_DATA = (
    "nine photographs of the scikit-image and scikit-learn packages "
    "(vision_cli.enhance_eval.quality.niqe_models.pristine_photographs), sharp patches of 96 px every 48 px"
)


def train_niqe(run: Run | None, *, command: str, seed: int) -> None:
    """Fit the model; write its file, its card and ``metrics.json``.

    Parameters
    ----------
    run
        The open run; None on all processes but the first, which have nothing to do.
    command
        The line that repeats the fit, for the card.
    seed
        Recorded; the fit draws nothing.
    """
    if run is None:
        return
    pictures = pristine_photographs()
    model = fit_niqe(pictures)
    with run.output(WEIGHTS) as path:
        write_niqe(path, model)
    scores = [niqe(picture, model) for picture in pictures]
    measures = {"photographs": float(len(pictures)), "fitted_score_mean": sum(scores) / len(scores)}
    run.write_metrics(measures)
    write_card(run, measures, data=_DATA, command=command, seed=seed)
