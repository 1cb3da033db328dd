"""What the user names on the command line becomes a factory: a class or function by MODULE:NAME."""

from __future__ import annotations

import importlib
import sys
from typing import Any


class TargetError(ValueError):
    """A name that leads nowhere; the message says what would be right, its cause is the import's own error."""


def resolve(target: str) -> Any:
    """The class or factory function that `package.module:Name` names, importable from the working directory too."""
    module, colon, name = target.partition(":")
    if not (module and colon and name):
        raise TargetError(f"{target!r} names no class: write MODULE:CLASS, such as torch.optim:SGD")
    if "" not in sys.path:
        sys.path.insert(0, "")  # as `python -m` does: their package lies where they stand
    try:
        found = importlib.import_module(module)
    except Exception as error:
        raise TargetError(f"cannot import {module}: {type(error).__name__}: {error}") from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise TargetError(f"{module} has no {name!r}")
        found = getattr(found, part)
    if not callable(found):
        raise TargetError(f"{target} is a {type(found).__name__}, not a class or a function that makes an optimizer")
    return found
