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
from .design.declarations import DECLARATIONS
from .guard import no_exit

DTYPES = ("float32", "float64")
SUPPORTS = ("sparse", "complex", "float16", "bfloat16", "tensor-lr", "grad-scaler")
LARGEST_SEED = 2**32 - 1  # NumPy's legacy generator takes no larger one, and torch's is multiplied by thousands


RIGHT = "write MODULE:CLASS, such as torch.optim:SGD"


# A battery is a set of checks under a version of Twinstep: a later one may have more, and an upgrade alone turns nobody
# red who judges by the one that he knows. A check says since which battery it is.
BATTERIES = ("0.2", "0.3")


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
        self.check_names()
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

    def check_names(self) -> None:
        """One of BAD_REQUEST for a name that does not exist. Imports nothing of theirs and no torch: it is quick."""
        for dtype in self.dtypes:
            if dtype not in DTYPES:
                raise UnknownName(f"no dtype {dtype!r} to choose: {nearest(dtype, DTYPES)}; others are for --supports")
        names_of("supports", self.supports, SUPPORTS)
        names_of("declare", self.declare, DECLARATIONS)
        if not 0 <= self.seed <= LARGEST_SEED:
            raise TargetError(f"seed {self.seed}: a seed is a whole number from 0 to {LARGEST_SEED}")
        for text in (self.target, *(() if self.against is None else (self.against,))):
            check_form(text)


def _is_file(text: str) -> bool:
    return text.endswith(".py") or Path(text).is_file()


def check_form(text: str) -> None:
    """TargetError for what is no name of an optimizer, as far as its letters tell."""
    if _is_file(text):
        if not Path(text).is_file():
            raise SpecError(f"there is no formula file {text}")
    elif ":" in text:
        check_class_name(text)
    elif text not in scratch_impls.names():
        near = nearest(text, scratch_impls.names())
        raise TargetError(
            f"{text!r} is neither MODULE:CLASS, such as torch.optim:SGD, nor a file FORMULA.py, nor a scratch "
            f"optimizer: {near}"
        )


def check_class_name(text: str) -> None:
    """TargetError for what is not MODULE:CLASS, or of a library that has no optimizers."""
    module, colon, name = text.partition(":")
    if not (module and colon and name):
        raise TargetError(f"{text!r} names no class: {RIGHT}")
    top = module.partition(".")[0]
    # A file of theirs may have the name of a module of Python's, and goes before it.
    if top in sys.stdlib_module_names and not any(Path(there).exists() for there in (top, f"{top}.py")):
        raise TargetError(f"{text!r} is of Python's standard library, which has no optimizers: {RIGHT}")


def _named(text: str) -> Any:
    """A class, a function, a name or the Spec of a file."""
    if _is_file(text):
        return formula(text)
    return optimizer(text) if ":" in text else text


def optimizer(text: str) -> Any:
    """The class or function that MODULE:CLASS names. TargetError where it is none, or could make no optimizer."""
    try:
        with no_exit():
            found = resolve(text)
        inspect.signature(found)
    except SystemExit as error:  # a module that exits would otherwise end this run, and with 0 as a pass
        raise TargetError(f"cannot import {text.partition(':')[0]}: it ends the process") from error
    except TypeError as error:
        raise TargetError(f"{text}: {error}") from None
    # Before ValueError, which it is: its message says already what would be right.
    except TargetError:
        raise
    except ValueError as error:
        raise TargetError(f"{text} has no signature that could be read: {error}") from None
    if inspect.isclass(found) and text.startswith("torch.") and not _is_of_torch_optim(found):
        raise TargetError(f"{text} is no optimizer: it does not derive from torch.optim.Optimizer")
    return found


def _is_of_torch_optim(found: type) -> bool:
    from torch.optim import Optimizer

    return issubclass(found, Optimizer)


def resolve(target: str) -> Any:
    """The class or factory function that `package.module:Name` names, importable from the working directory too."""
    check_class_name(target)
    module, _, name = target.partition(":")
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


def formula(path: str | Path) -> Spec:
    """The Spec of a formula file. SpecError for what it lacks, TargetError from whatever it raises on import."""
    try:
        with no_exit():
            return scratch_impls.load_file(path)
    # What the file lacks is not what it raises: no traceback of theirs belongs to it.
    except SpecError:
        raise
    except (Exception, SystemExit) as error:  # whatever their file raises on import
        raise TargetError(f"cannot load {path}: {type(error).__name__}: {error}") from error


def _device(text: str) -> str:
    if text != "cpu":
        import torch

        try:
            torch.zeros(1, device=text).item()  # a device such as meta holds no numbers
        # A torch that was built without CUDA asserts (torch.cuda._lazy_init); one that has it and finds no card raises.
        except (AssertionError, RuntimeError) as error:
            raise TargetError(f"no device {text!r} here: {str(error).splitlines()[0]}") from None
    return text


def shapes_in(text: str) -> tuple[tuple[int, ...], ...]:
    """The shapes of "64x16,8x3x3x3,7". SpecError for what is none."""
    found = []
    for part in text.split(","):
        sizes = part.strip().split("x")
        # isdecimal() and not isdigit(), which takes ² as well, at which int() raises.
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


def battery_named(version: str | None) -> str:
    """The battery of that version, the newest for None. UnknownName names those there are."""
    if version is None:
        return BATTERIES[-1]
    if version not in BATTERIES:
        raise UnknownName(f"no battery {version!r}: there are {', '.join(BATTERIES)}")
    return version


def expectations(texts: Iterable[str]) -> dict[str, str] | None:
    """check -> reason from `check=reason` texts and from files (TOML or JSON) of such pairs; None where there are none.

    A reason says whose the failure is by a word of WHOSE in front of it, `upstream:reason`; ours unless it does.

    Raises SpecError for a text without a reason and for a file that holds something else.
    """
    found: dict[str, str] = {}
    for text in texts:
        check, equals, reason = text.partition("=")
        if equals and check.strip() and reason.strip():
            found[check.strip()] = reason.strip()
            continue
        if equals or not Path(text).is_file():
            raise SpecError(
                f"{text!r}: write CHECK=REASON, or CHECK=upstream:REASON (or ours, never), or name a TOML or JSON file "
                "of such pairs"
            )
        pairs = read_data(Path(text))
        if not isinstance(pairs, Mapping) or not all(isinstance(r, str) and r.strip() for r in pairs.values()):
            raise SpecError(f"{text}: every check needs its reason, as text")
        found.update(pairs)
    return found or None


# Whose a known failure is: another project's to mend, our own, or nobody's, since it is meant.
WHOSE = ("upstream", "ours", "never")


def with_owner(reason: str) -> str:
    """The reason with its owner in front, `ours` where it names none. SpecError for an owner without a reason."""
    owner, colon, rest = reason.partition(":")
    if not colon or owner.strip() not in WHOSE:
        return f"{WHOSE[1]}: {reason.strip()}"
    if not rest.strip():
        raise SpecError(f"{reason!r}: {owner.strip()} is whose it is; write the reason behind the colon")
    return f"{owner.strip()}: {rest.strip()}"


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
