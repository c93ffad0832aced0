"""A function of the user's as a method: ``py:package.module:function`` or ``py:FILE.py:function``.

The function takes ``(H, W, 3)`` float RGB in [0, 1] and returns the same. It is code of the user's own, named on the
command line; nothing else in this project runs code from a file.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module, util
from pathlib import Path
from types import ModuleType
from typing import Any

from vision_cli.core.errors import InputError, MissingError, UsageError
from vision_cli.enhance_eval.values import Picture


@dataclass(frozen=True)
class FunctionMethod:
    """A Python function; what it returns is checked by the caller.

    Attributes
    ----------
    name
        As the user named it.
    function
        The function.
    """

    name: str
    function: Callable[[Picture], Any]

    def enhance(self, picture: Picture, *, reference: Picture | None = None) -> Picture:
        """Return what the function makes of a copy of the picture."""
        result: Picture = self.function(picture.copy())
        return result


def function_method(name: str, target: str) -> FunctionMethod:
    """Return the method of ``module:function``; modules of the working directory are found.

    Raises
    ------
    UsageError
        If the words are not of that form, or there is no such function in the module.
    MissingError
        If there is no such module.
    InputError
        If it fails while it is imported.
    """
    module_name, colon, attribute = target.rpartition(":")
    if not colon or not module_name or not attribute.isidentifier():
        raise UsageError(f"{name}: {target!r} found; package.module:function or FILE.py:function expected.")
    function = getattr(_module(name, module_name), attribute, None)
    if not callable(function):
        raise UsageError(f"{name}: no function {attribute} in {module_name}.")
    return FunctionMethod(name, function)


def _module(name: str, module: str) -> ModuleType:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        if module.endswith(".py"):
            spec = util.spec_from_file_location(Path(module).stem, module)
            if spec is None or spec.loader is None or not Path(module).is_file():
                raise MissingError(f"{name}: {module}: no such file.")
            loaded = util.module_from_spec(spec)
            spec.loader.exec_module(loaded)
            return loaded
        return import_module(module)
    except ModuleNotFoundError as error:
        raise MissingError(f"{name}: no module named {error.name}.", hint="Start vcli where it can be found.") from None
    except MissingError:
        raise
    # Code of the user's may raise anything.
    except Exception as error:
        raise InputError(f"{name}: {module} fails on import ({type(error).__name__}: {error}).") from error
    finally:
        sys.path.remove(here)
