"""Networks of others as files: ONNX through ONNX Runtime or OpenCV, and TorchScript.

Both take ``(1, 3, H, W)`` float32 RGB in [0, 1] and give the enhanced picture in the same form, as their only output
or as the first of that shape.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError, MissingError, NumericalError
from vision_cli.enhance_eval.values import Picture
from vision_cli.io.limits import require_room

_COPIES = 3


@dataclass(frozen=True)
class GraphMethod:
    """A network of a file.

    Attributes
    ----------
    name
        As the user named it.
    path
        The file.
    run
        Gives the outputs of ``(1, 3, H, W)``.
    """

    name: str
    path: Path
    run: Callable[[NDArray[np.float32]], Sequence[NDArray[Any]]]

    def enhance(self, picture: Picture, *, reference: Picture | None = None) -> Picture:
        """Return the first output of the picture's shape.

        Raises
        ------
        NumericalError
            If there is none.
        """
        batch = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], dtype=np.float32)
        outputs = self.run(batch)
        for output in outputs:
            if np.shape(output) == batch.shape:
                made: Picture = np.asarray(output)[0].transpose(1, 2, 0)
                return made
        shapes = ", ".join(str(np.shape(output)) for output in outputs) or "nothing"
        raise NumericalError(f"{self.path}: returned {shapes}; {batch.shape} expected.")


def onnx_method(name: str, path: Path) -> GraphMethod:
    """Return the method of an ONNX file; ONNX Runtime runs it if it is installed, else OpenCV.

    Raises
    ------
    MissingError
        If the file is not there.
    InputError
        If it is no such file, or takes another number of inputs.
    """
    _require_file(path)
    try:
        import onnxruntime
    except ImportError:
        return GraphMethod(name, path, _opencv_runner(path))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    # Its errors have no common class of their own.
    except Exception as error:
        raise _no_graph(path, "ONNX", error) from error
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise InputError(f"{path}: {len(inputs)} inputs; one picture expected.")
    key = inputs[0].name
    return GraphMethod(name, path, lambda batch: session.run(None, {key: batch}))


def torchscript_method(name: str, path: Path, device: str = "cpu") -> GraphMethod:
    """Return the method of a TorchScript file.

    Raises
    ------
    MissingError, InputError
        As `onnx_method`.
    """
    import torch

    _require_file(path)
    try:
        with warnings.catch_warnings():
            # That TorchScript is on its way out is for who makes the files, not for who runs them.
            warnings.simplefilter("ignore", FutureWarning)
            module = torch.jit.load(str(path), map_location=device).eval()
    except (RuntimeError, ValueError, OSError) as error:
        raise _no_graph(path, "TorchScript", error) from error

    def run(batch: NDArray[np.float32]) -> list[NDArray[Any]]:
        with torch.inference_mode():
            output = module(torch.from_numpy(batch).to(device))
        outputs = output if isinstance(output, tuple | list) else [output]
        return [one.cpu().numpy() for one in outputs if isinstance(one, torch.Tensor)]

    return GraphMethod(name, path, run)


def _opencv_runner(path: Path) -> Callable[[NDArray[np.float32]], Sequence[NDArray[Any]]]:
    import cv2

    try:
        network = cv2.dnn.readNetFromONNX(np.frombuffer(path.read_bytes(), np.uint8))
    except cv2.error as error:
        raise _no_graph(path, "ONNX", error) from error

    def run(batch: NDArray[np.float32]) -> Sequence[NDArray[Any]]:
        network.setInput(batch)
        found: Sequence[NDArray[Any]] = network.forward(network.getUnconnectedOutLayersNames())
        return found

    return run


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise MissingError(f"{path}: no such file.", hint="Give the path of the network.")
    size = path.stat().st_size
    require_room(path, _COPIES * size, f"a network of {size} bytes")


def _no_graph(path: Path, kind: str, error: Exception) -> InputError:
    lines = str(error).strip().splitlines()
    return InputError(f"{path}: cannot be read as {kind} ({lines[0][:200] if lines else type(error).__name__}).")
