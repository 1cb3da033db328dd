"""What somebody asked for in words (a command line, options of pytest) becomes the arguments of `check_optimizer`.

All fields are plain text and numbers, so a request travels to another process as JSON. Importing this loads no torch.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import tomllib
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ... import scratch_impls
from ...reference.data_files import DataFileError
from ...scratch_impls import Case, Spec, SpecError, UnknownName, nearest
from .guard import no_exit
from .targets import TargetError, resolve

DTYPES = ("float32", "float64")
# What the user can mend; everything else is our own fault.
BAD_REQUEST = (TargetError, SpecError, UnknownName, DataFileError)


@dataclass(frozen=True, kw_only=True)
class Request:
    """One battery, in words.

    target      MODULE:CLASS, MODULE:FUNCTION, a scratch optimizer's name or a formula file
    against     the same; None: what the target's own kind is held against
    cases       a TOML or JSON file
    """

    target: str
    against: str | None = None
    cases: str | None = None
    dtypes: tuple[str, ...] = DTYPES
    supports: tuple[str, ...] | None = None
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


def read_cases(path: Path) -> tuple[Case, ...]:
    """The cases of a TOML file ([[case]] tables) or a JSON list: name, reason and the hyperparameters themselves.

    Raises SpecError, which names the file and the entry.
    """
    found = _read(path)
    if isinstance(found, dict):
        found = found.get("case", found.get("cases"))
    if not isinstance(found, list) or not found:
        raise SpecError(f"{path}: give at least one case: [[case]] tables in TOML, or a list in JSON")
    cases = tuple(_case(entry, f"{path}, case {i}") for i, entry in enumerate(found, 1))
    names = [case.name for case in cases]
    for name in names:
        if names.count(name) > 1:
            raise SpecError(f"{path}: the case name {name!r} is used twice")
    return cases


def _case(entry: Any, where: str) -> Case:
    if not isinstance(entry, dict):
        raise SpecError(f"{where}: {entry!r} is no table of name, reason and hyperparameters")
    for word in ("name", "reason"):
        if not isinstance(entry.get(word), str) or not entry[word].strip():
            raise SpecError(f"{where}: it needs a {word}, as text")
    hyper = {name: value for name, value in entry.items() if name not in ("name", "reason")}
    for name, value in hyper.items():
        if isinstance(value, list):
            hyper[name] = tuple(value)
        elif not isinstance(value, (bool, int, float, str, type(None))):
            raise SpecError(f"{where}: {name} is {value!r}; give a number, a truth value, text or a list")
    return Case(name=entry["name"], reason=entry["reason"], hyper=hyper)


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
        pairs = _read(Path(text))
        if not isinstance(pairs, Mapping) or not all(isinstance(r, str) and r.strip() for r in pairs.values()):
            raise SpecError(f"{text}: every check needs its reason, as text")
        found.update(pairs)
    return found or None


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except OSError as error:
        raise SpecError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:  # both decoders' errors, and that of the encoding
        kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
        raise SpecError(f"{path} is no {kind}: {error}") from None


def explain(error: BaseException) -> str:
    """The message; where importing their code raised, their traceback too, without the frames that led there."""
    cause = error.__cause__
    frame = cause.__traceback__ if cause is not None else None
    folders = (Path(__file__).parents[1], Path(scratch_impls.__file__).parent, Path(importlib.__file__).parent)
    skipped = (*(str(folder) + os.sep for folder in folders), "<frozen importlib")
    while frame is not None and frame.tb_frame.f_code.co_filename.startswith(skipped):
        frame = frame.tb_next
    # An error of syntax has its place in the message and no frame of theirs.
    if cause is None or (frame is None and not isinstance(cause, SyntaxError)):
        return str(error)
    told = traceback.TracebackException(type(cause), cause, frame)
    told.stack = traceback.StackSummary.from_list([f for f in told.stack if not f.filename.startswith(skipped[0])])
    return f"{error}\n{''.join(told.format())}".rstrip()
