"""Where the weights of ``--model``, ``--adapter``, ``--annotator`` and ``--guide`` are; nothing heavy is imported."""

from __future__ import annotations

from pathlib import Path

from vision_cli.core.compute.weights import ResolvedWeights, resolve_weights
from vision_cli.synth_faces.options.sets import NO_WEIGHTS

TASK = "synth-faces"
SHIPPED_MODEL, SHIPPED_ADAPTER, SHIPPED_ANNOTATOR, SHIPPED_GUIDE = "mini-sd", "mini-sd-au", "mini-sd-anno", "fer-guide"
"""Names of shipped weights."""


def is_hub_id(choice: str) -> bool:
    """Return whether a model is named as ``OWNER/NAME[@REVISION]``."""
    path = Path(choice)
    return choice.count("/") == 1 and not path.suffix and not path.expanduser().parent.exists()


def find_model(choice: str) -> ResolvedWeights | Path | None:
    """Return the file of a model, or its directory; None for one of a hub, which is looked for when it is read.

    Raises
    ------
    MissingError
        If there is no such file.
    InputError
        If it is no safetensors file.
    """
    path = Path(choice).expanduser()
    if path.is_dir():
        return path
    return None if is_hub_id(choice) else resolve_weights(choice, TASK, SHIPPED_MODEL)


def find_adapter(choice: str) -> ResolvedWeights | None:
    """Return the file of an adapter; None for ``none``. Errors are those of `find_model`."""
    return None if choice == NO_WEIGHTS else resolve_weights(choice, TASK, SHIPPED_ADAPTER)


def find_annotator(choice: str) -> ResolvedWeights:
    """Return the file of an annotator. Errors are those of `find_model`."""
    return resolve_weights(choice, TASK, SHIPPED_ANNOTATOR)


def find_guide(choice: str) -> ResolvedWeights:
    """Return the file of the recogniser that guides or votes. Errors are those of `find_model`."""
    return resolve_weights(choice, TASK, SHIPPED_GUIDE)
