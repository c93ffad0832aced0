"""Detectors and classifiers of a folder in the shape of Hugging Face, computed by ``transformers``.

``preprocessor_config.json`` is read here: its own processors want torchvision, and change with their version. Weights
are read from safetensors alone, and no code of the folder is run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError, MissingError
from vision_cli.enhance_eval.pipeline.tasks.decoders import Candidates, decode_detr, decode_rtdetr
from vision_cli.enhance_eval.pipeline.tasks.onnx_models import probabilities, select
from vision_cli.enhance_eval.values import Detections, Picture
from vision_cli.io.reading import read_text

if TYPE_CHECKING:
    import torch

_RESAMPLE = {0: "nearest", 2: "bilinear", 3: "bicubic"}
"""Filters by the numbers of Pillow; the others are taken as bicubic."""

_DETECTION, _CLASSIFICATION = "ForObjectDetection", "ForImageClassification"


@dataclass(frozen=True)
class Preprocessing:
    """What ``preprocessor_config.json`` says.

    Attributes
    ----------
    exact
        Height and width to stretch to; None where the ratio is kept.
    shortest, longest
        The shorter side, and what the longer side may be at most, where the ratio is kept; None for no resizing.
    crop
        Height and width of the middle that is shown; None for all.
    mode
        Filter of the resizing.
    factor
        What values of 0 to 255 are multiplied by.
    mean, std
        Subtracted and divided by, by channel.
    """

    exact: tuple[int, int] | None
    shortest: int | None
    longest: int | None
    crop: tuple[int, int] | None
    mode: str
    factor: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def size_of(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width that a picture is resized to."""
        if self.exact is not None:
            return self.exact
        if self.shortest is None:
            return height, width
        one = self.shortest / min(height, width)
        if self.longest is not None:
            one = min(one, self.longest / max(height, width))
        return max(1, round(height * one)), max(1, round(width * one))

    def apply(self, picture: Picture) -> torch.Tensor:
        """Return ``(1, 3, H, W)`` as the network takes it."""
        import torch
        from torch.nn import functional as F

        batch = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)[None]))
        size = self.size_of(*picture.shape[:2])
        if size != picture.shape[:2]:
            # Averaging filters, as Pillow has them.
            smooth = {} if self.mode == "nearest" else {"antialias": True, "align_corners": False}
            batch = F.interpolate(batch, size, mode=self.mode, **smooth)
            batch = batch.clamp(0, 1)
        if self.crop is not None:
            height, width = self.crop
            top, left = (batch.shape[2] - height) // 2, (batch.shape[3] - width) // 2
            batch = F.pad(batch, (-left, width + left - batch.shape[3], -top, height + top - batch.shape[2]))
        mean = torch.tensor(self.mean).reshape(1, -1, 1, 1)
        std = torch.tensor(self.std).reshape(1, -1, 1, 1)
        return (batch * 255 * self.factor - mean) / std


@dataclass(frozen=True)
class HuggingFaceModel:
    """A detector or classifier of a folder; see `vision_cli.enhance_eval.values`.

    Attributes
    ----------
    folder
        Where it is.
    classes
        Their names.
    preprocessing
        How a picture is fed.
    """

    folder: Path
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    _network: Any

    def classify(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        """Return probabilities ``(B, C)``."""
        rows = [probabilities(self._run(picture)["logits"][0]) for picture in pictures]
        return np.stack(rows) if rows else np.zeros((0, len(self.classes)), dtype=np.float32)

    def detect(self, pictures: Sequence[Picture]) -> list[Detections]:
        """Return what each picture holds.

        Raises
        ------
        InputError
            If the network gives neither a logit a class, nor one more for no object.
        """
        return [self._detect(picture) for picture in pictures]

    def _detect(self, picture: Picture) -> Detections:
        outputs = self._run(picture)
        logits, boxes = outputs["logits"], outputs["pred_boxes"]
        extra = logits.shape[-1] - len(self.classes)
        if extra not in {0, 1}:
            raise InputError(
                f"{self.folder}: {logits.shape[-1]} logits for {len(self.classes)} classes; as many, or one more for "
                "no object, expected."
            )
        height, width = picture.shape[:2]
        found = (decode_detr if extra else decode_rtdetr)([logits, boxes], (height, width))
        corners = np.clip(found.corners, 0, [width, height, width, height])
        return select(Candidates(corners, found.scores), None)

    def _run(self, picture: Picture) -> dict[str, NDArray[np.float32]]:
        import torch

        device = next(self._network.parameters()).device
        with torch.inference_mode():
            outputs = self._network(pixel_values=self.preprocessing.apply(picture).to(device))
        return {
            name: values.float().cpu().numpy() for name, values in outputs.items() if name in {"logits", "pred_boxes"}
        }


def open_huggingface(
    folder: Path, task: Literal["detection", "classification"], *, device: str = "cpu"
) -> HuggingFaceModel:
    """Open a folder with ``config.json``, ``preprocessor_config.json`` and safetensors.

    Raises
    ------
    MissingError
        If ``transformers`` is not installed.
    InputError
        If a file is missing or damaged, or the network is for another task.
    """
    config = _document(folder / "config.json")
    wanted = _DETECTION if task == "detection" else _CLASSIFICATION
    named = [str(name) for name in config.get("architectures") or ()]
    if not any(name.endswith(wanted) for name in named):
        raise InputError(f"{folder / 'config.json'}: {', '.join(named) or 'no architecture'}; one {wanted} expected.")
    preprocessing = read_preprocessing(folder / "preprocessor_config.json")
    if not any(folder.glob("*.safetensors")):
        raise InputError(
            f"{folder}: no safetensors; weights of this format alone are read, as others may run code.",
            hint="Save the network again with safe_serialization=True.",
        )
    try:
        import transformers
    except ImportError as error:
        raise MissingError(
            f"hf:{folder}: transformers is not installed.", hint="Install it: uv pip install 'transformers>=5'."
        ) from error
    kind = getattr(transformers, f"AutoModel{wanted}")
    try:
        network = kind.from_pretrained(folder, local_files_only=True, use_safetensors=True, trust_remote_code=False)
    except Exception as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise InputError(f"{folder}: cannot be loaded ({reason}); a whole model of {named[0]} expected.") from error
    labels = network.config.id2label
    classes = tuple(str(labels[number]) for number in sorted(labels))
    return HuggingFaceModel(folder, classes, preprocessing, network.eval().to(device))


def read_preprocessing(path: Path) -> Preprocessing:
    """Read ``preprocessor_config.json``.

    Raises
    ------
    InputError
        If it is missing or damaged.
    """
    found = _document(path)
    try:
        size = found.get("size") if found.get("do_resize", True) else None
        exact, shortest, longest = _size(size)
        crop = _size(found.get("crop_size"), square=True)[0] if found.get("do_center_crop") else None
        is_normal = found.get("do_normalize", True)
        return Preprocessing(
            exact,
            shortest,
            longest if longest is not None else (found.get("max_size") if shortest is not None else None),
            crop,
            _RESAMPLE.get(int(found.get("resample", 2)), "bicubic"),
            float(found.get("rescale_factor", 1 / 255)) if found.get("do_rescale", True) else 1.0,
            tuple(float(value) for value in found["image_mean"]) if is_normal else (0.0,),
            tuple(float(value) for value in found["image_std"]) if is_normal else (1.0,),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: damaged ({type(error).__name__}: {error}); size, image_mean ... expected."
        ) from error


def _size(size: object, *, square: bool = False) -> tuple[tuple[int, int] | None, int | None, int | None]:
    """Return an exact size, or the shorter and the longest side."""
    if size is None:
        return None, None, None
    if isinstance(size, int):
        return ((size, size), None, None) if square else (None, size, None)
    if isinstance(size, Mapping) and "height" in size:
        return (int(size["height"]), int(size["width"])), None, None
    if isinstance(size, Mapping) and "shortest_edge" in size:
        longest = size.get("longest_edge")
        return None, int(size["shortest_edge"]), None if longest is None else int(longest)
    if isinstance(size, list) and len(size) == 2:
        return (int(size[0]), int(size[1])), None, None
    raise ValueError(f"size {size!r}")


def _document(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"{path}: no such file.", hint="Give the folder that save_pretrained wrote.")
    try:
        found = json.loads(read_text(path))
    except ValueError as error:
        raise InputError(f"{path}: damaged JSON ({error}).") from error
    if not isinstance(found, dict):
        raise InputError(f"{path}: no names and values; those of Hugging Face expected.")
    return found
