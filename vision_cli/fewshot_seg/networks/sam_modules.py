"""The classes of Segment Anything: `ImageEncoderViT`, `PromptEncoder`, `MaskDecoder`, `TwoWayTransformer`, `Sam`.

They are loaded without the package around them. That package imports torchvision for its predictor, which takes 4.9 s
of CPU time and fails where torch and torchvision are no pair; the classes themselves need torch alone and take 0.01 s.
"""

from __future__ import annotations

import importlib
import sys
from importlib import util
from pathlib import Path
from types import ModuleType

from vision_cli.core.errors import MissingError

_PACKAGE = "segment_anything"
_MODULE = "segment_anything.modeling"
_CURE = "install it and what it needs from one index: uv sync --reinstall-package torch --reinstall-package torchvision"


def sam_modules() -> ModuleType:
    """Return the module with the classes.

    Raises
    ------
    MissingError
        If segment-anything is not installed or cannot be imported, as beside a torchvision of another torch
        (``operator torchvision::nms does not exist``).
    """
    if _MODULE in sys.modules:
        return sys.modules[_MODULE]
    try:
        if _PACKAGE in sys.modules:
            return importlib.import_module(_MODULE)
        return _load_alone()
    # A torchvision that does not belong to torch raises RuntimeError when it registers its operators.
    except (ImportError, OSError, RuntimeError) as error:
        for name in [name for name in sys.modules if name == _MODULE or name.startswith(f"{_MODULE}.")]:
            del sys.modules[name]
        raise MissingError(f"segment-anything: cannot be imported ({error}).", hint=_CURE) from error


def _load_alone() -> ModuleType:
    package = util.find_spec(_PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise ImportError("not installed")
    folder = Path(package.submodule_search_locations[0]) / "modeling"
    spec = util.spec_from_file_location(_MODULE, folder / "__init__.py", submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder}: no module")
    module = util.module_from_spec(spec)
    # Under its own name: whoever imports the whole package later gets these same classes.
    sys.modules[_MODULE] = module
    spec.loader.exec_module(module)
    return module
