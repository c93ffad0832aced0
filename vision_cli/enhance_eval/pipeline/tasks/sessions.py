"""An ONNX file that computes: with ONNX Runtime where it is installed, else with OpenCV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError, NumericalError
from vision_cli.core.runs.files import library_path


@dataclass(frozen=True)
class Session:
    """A network of a file.

    Attributes
    ----------
    path
        The file.
    size
        Height and width of its input; None where it takes any, or the library does not say.
    engine
        ``onnxruntime`` or ``opencv``.
    """

    path: Path
    size: tuple[int, int] | None
    engine: str
    _compute: Callable[[NDArray[np.float32]], Sequence[NDArray[Any]]]

    def run(self, batch: NDArray[np.float32]) -> list[NDArray[Any]]:
        """Compute the outputs of a batch ``(1, 3, H, W)``.

        Raises
        ------
        InputError
            If the network does not take this input.
        NumericalError
            If an output is not finite.
        """
        try:
            outputs = [np.asarray(array) for array in self._compute(batch)]
        except Exception as error:
            reason = str(error).strip().splitlines()[-1][:200] if str(error).strip() else type(error).__name__
            raise InputError(
                f"{self.path}: does not compute on an input of shape {batch.shape} ({reason}).",
                hint="Give its input with size=WIDTHxHEIGHT.",
            ) from error
        if not all(np.isfinite(array).all() for array in outputs if array.dtype.kind == "f"):
            raise NumericalError(f"{self.path}: an output is not finite.")
        return outputs


def open_session(path: Path, *, threads: int | None = None, engine: str = "auto") -> Session:
    """Open an ONNX file on the CPU.

    Parameters
    ----------
    path
        The file.
    threads
        Threads to compute with; by default what the library takes.
    engine
        ``auto``, ``onnxruntime`` or ``opencv``.

    Raises
    ------
    InputError
        If the file is missing, damaged, or has several inputs.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file.", hint="Give an ONNX file.")
    name = library_path(path)
    try:
        if engine in {"auto", "onnxruntime"}:
            try:
                return _by_onnxruntime(path, name, threads)
            except ImportError:
                if engine != "auto":
                    raise
        return _by_opencv(path, name)
    except InputError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()[-1][:200] if str(error).strip() else type(error).__name__
        raise InputError(
            f"{path}: no ONNX network that can be read ({reason}).", hint="Export the network to ONNX again."
        ) from error


def _by_onnxruntime(path: Path, name: str, threads: int | None) -> Session:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if threads is not None:
        options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(name, options, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        shapes = ", ".join(str(found.shape) for found in inputs)
        raise InputError(f"{path}: inputs of shapes {shapes}; one (1, 3, H, W) expected.")
    height, width = inputs[0].shape[2:]
    size = (height, width) if isinstance(height, int) and isinstance(width, int) else None
    return Session(path, size, "onnxruntime", lambda batch: session.run(None, {inputs[0].name: batch}))


def _by_opencv(path: Path, name: str) -> Session:
    import cv2

    network = cv2.dnn.readNetFromONNX(name)
    if network.empty():
        raise ValueError("OpenCV finds no layer in it")
    outputs = network.getUnconnectedOutLayersNames()

    def compute(batch: NDArray[np.float32]) -> Sequence[NDArray[Any]]:
        network.setInput(batch)
        found: Sequence[NDArray[Any]] = network.forward(outputs)
        return found

    return Session(path, None, "opencv", compute)
