"""What somebody asked for in words (a command line, options of pytest) becomes the arguments of `check_optimizer`.

All fields are plain text and numbers, so a request travels to another process as JSON. Importing this loads no torch.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ... import scratch_impls
from ...reference.data_files import DataFileError
from ...scratch_impls import Spec, SpecError, UnknownName, nearest
from .cases import read_cases, read_data
from .child import BENCH
from .guard import no_exit

DTYPES = ("float32", "float64")


class TargetError(ValueError):
    """A name that leads nowhere; the message says what would be right, its cause is the import's own error."""


# What the user can mend; everything else is our own fault.
BAD_REQUEST = (TargetError, SpecError, UnknownName, DataFileError)


@dataclass(frozen=True, kw_only=True)
class Request:
    """One battery, in words.

    target      MODULE:CLASS, MODULE:FUNCTION, a scratch optimizer's name or a formula file
    against     the same; None: what the target's own kind is held against
    cases       a TOML or JSON file
    shapes      such as "64x16,8x3x3x3,7"
    """

    target: str
    against: str | None = None
    cases: str | None = None
    dtypes: tuple[str, ...] = DTYPES
    supports: tuple[str, ...] | None = None
    declare: tuple[str, ...] = ()
    shapes: str | None = None
    quick: bool = False
    device: str = "cpu"
    seed: int = 0

    def arguments(self) -> dict[str, Any]:
        """For `check_optimizer` and `context_for`. One of BAD_REQUEST says what is wrong with the request."""
        for dtype in self.dtypes:
            if dtype not in DTYPES:
                raise UnknownName(f"no dtype {dtype!r} to choose: {nearest(dtype, DTYPES)}; others are for --supports")
        return {
            "target": _named(self.target),
            "against": None if self.against is None else _named(self.against),
            "cases": None if self.cases is None else read_cases(Path(self.cases)),
            "dtypes": self.dtypes,
            "supports": self.supports,
            "declare": self.declare,
            "shapes": None if self.shapes is None else shapes_in(self.shapes),
            "quick": self.quick,
            "device": _device(self.device),
            "seed": self.seed,
            "label": self.target,
        }


def _named(text: str) -> Any:
    """A class, a function, a name or the Spec of a file."""
    if text.endswith(".py") or Path(text).is_file():
        return _formula(Path(text))
    if ":" not in text:
        if text in scratch_impls.names():
            return text
        near = nearest(text, scratch_impls.names())
        raise TargetError(
            f"{text!r} is neither MODULE:CLASS, such as torch.optim:SGD, nor a file FORMULA.py, nor a scratch "
            f"optimizer: {near}"
        )
    try:
        with no_exit():
            found = resolve(text)
        inspect.signature(found)
    except SystemExit as error:  # a module that exits would otherwise end this run, and with 0 as a pass
        raise TargetError(f"cannot import {text.partition(':')[0]}: it ends the process") from error
    except TypeError as error:
        raise TargetError(f"{text}: {error}") from None
    except TargetError:
        raise
    except ValueError as error:
        raise TargetError(f"{text} has no signature that could be read: {error}") from None
    return found


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


def _formula(path: Path) -> Spec:
    try:
        with no_exit():
            return scratch_impls.load_file(path)
    except SpecError:
        raise
    except (Exception, SystemExit) as error:  # whatever their file raises on import
        raise TargetError(f"cannot load {path}: {type(error).__name__}: {error}") from error


def _device(text: str) -> str:
    if text != "cpu":
        import torch

        try:
            torch.empty(0, device=text)
        except (AssertionError, RuntimeError) as error:
            raise TargetError(f"no device {text!r} here: {str(error).splitlines()[0]}") from None
    return text


def shapes_in(text: str) -> tuple[tuple[int, ...], ...]:
    """The shapes of "64x16,8x3x3x3,7". SpecError for what is none."""
    found = []
    for part in text.split(","):
        sizes = part.strip().split("x")
        if not all(size.isdecimal() and int(size) for size in sizes):
            raise SpecError(f"{part.strip()!r} is no shape: write sizes of 1 or more, such as 64x16,8x3x3x3,7")
        found.append(tuple(int(size) for size in sizes))
    return tuple(found)


def names_of(what: str, given: Iterable[str] | None, known: Iterable[str]) -> tuple[str, ...]:
    """The names as a tuple, none for None. TypeError for text in place of a list, UnknownName for what does not exist.

    A text is a sequence too, of letters.
    """
    if isinstance(given, str):
        raise TypeError(f"{what}={given!r}: give a list of names, such as [{given!r}]")
    names = () if given is None else tuple(given)
    for name in names:
        if name not in known:
            raise UnknownName(f"{what}: no {name!r}: {nearest(str(name), list(known))}")
    return names


def expectations(texts: Iterable[str]) -> dict[str, str] | None:
    """check -> reason from `check=reason` texts and from files (TOML or JSON) of such pairs; None where there are none.

    Raises SpecError for a text without a reason and for a file that holds something else.
    """
    found: dict[str, str] = {}
    for text in texts:
        check, equals, reason = text.partition("=")
        if equals and check.strip() and reason.strip():
            found[check.strip()] = reason.strip()
            continue
        if equals or not Path(text).is_file():
            raise SpecError(f"{text!r}: write CHECK=REASON, or name a TOML or JSON file of such pairs")
        pairs = read_data(Path(text))
        if not isinstance(pairs, Mapping) or not all(isinstance(r, str) and r.strip() for r in pairs.values()):
            raise SpecError(f"{text}: every check needs its reason, as text")
        found.update(pairs)
    return found or None


def explain(error: BaseException) -> str:
    """The message; where importing their code raised, their traceback too, without the frames that led there."""
    cause = error.__cause__
    frame = cause.__traceback__ if cause is not None else None
    folders = (BENCH, Path(scratch_impls.__file__).parent, Path(importlib.__file__).parent)
    skipped = (*(str(folder) + os.sep for folder in folders), "<frozen importlib")
    while frame is not None and frame.tb_frame.f_code.co_filename.startswith(skipped):
        frame = frame.tb_next
    # An error of syntax has its place in the message and no frame of theirs.
    if cause is None or (frame is None and not isinstance(cause, SyntaxError)):
        return str(error)
    theirs = traceback.TracebackException(type(cause), cause, frame)
    theirs.stack = traceback.StackSummary.from_list([f for f in theirs.stack if not f.filename.startswith(skipped[0])])
    return f"{error}\n{''.join(theirs.format())}".rstrip()
