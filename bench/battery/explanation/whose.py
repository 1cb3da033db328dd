"""Whose fault an error is: theirs, their reference's, or our own. Told by the frames that it came through.

Twinstep calls their code and hands it what it made itself; an error that their code raised is theirs, one that we
raised, or that a library raised for us, is ours. An error of ours that is shown as theirs is a false accusation.
"""

from __future__ import annotations

import enum
import pickle
import re
import sys
import traceback
from types import FrameType
from typing import Any

from torch.optim import Optimizer

from ..child import BENCH
from ..context import Context
from ..result import Failed
from ..subject import Owner, Subject

TREE = BENCH.parent  # with links as tracebacks name it
OURS = tuple(f"{TREE / name}/" for name in ("bench", "reference", "scratch_impls"))
# What only does what it is told: an error in there belongs to who called it.
LIBRARIES = {"torch", "numpy", "scipy", "pandas", "mpmath", *sys.stdlib_module_names}


class Whose(enum.Enum):
    """Who has to mend it."""

    SUBJECT = "the optimizer under judgement"
    REFERENCE = "what it is held against"
    TWINSTEP = "Twinstep"
    NOBODY_YET = "a library, for whoever called it"


def whose(error: BaseException, context: Context) -> Whose:
    """Who has to mend what raised this error."""
    if _is_no_copy(error) or _refuses_the_protocol(error, context):
        return Whose.SUBJECT
    found = [_of_frame(frame, context) for frame, _ in traceback.walk_tb(error.__traceback__)]
    callers = [who for who in found if who is not Whose.NOBODY_YET]
    if not callers:
        return Whose.TWINSTEP
    # A closure or hook of ours that their step called, in which a library raised: such as backward() under no_grad.
    if callers[-1] is Whose.TWINSTEP and found[-1] is Whose.NOBODY_YET and Whose.SUBJECT in callers:
        return Whose.SUBJECT
    return callers[-1]


def as_fault(error: Exception, context: Context) -> Failed | None:
    """An error of the subject as a fault that shows their frames; None for one of anybody else."""
    if whose(error, context) is not Whose.SUBJECT:
        return None
    return Failed(their_traceback(error), cause=f"it raised {type(error).__name__}")


def their_traceback(error: BaseException) -> str:
    """The error, below the last three frames that led to it and are not our own."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith((*OURS, "<frozen"))]
    theirs = "".join(traceback.format_list(frames[-3:]))
    return f"{theirs}{type(error).__name__}: {error}".rstrip()


def our_traceback(error: BaseException) -> str:
    """All of it, as a report of an error of ours needs it."""
    return "".join(traceback.format_exception(error)).rstrip()


def _of_frame(frame: FrameType, context: Context) -> Whose:
    file, module = frame.f_code.co_filename, str(frame.f_globals.get("__name__", ""))
    if file.startswith(OURS):
        return Whose.SUBJECT if _is_the_formula(file, context.subject) else Whose.TWINSTEP
    acting = frame.f_locals.get("self")
    if file.startswith("<frozen") or module.partition(".")[0] in LIBRARIES:
        # Methods that a class inherits from torch are its own: whoever overrides one part answers for the others.
        if not isinstance(acting, Optimizer):
            return Whose.NOBODY_YET
        return Whose.SUBJECT if _is_the_subjects(acting, context) else Whose.NOBODY_YET
    reference = context.against.as_subject.cls if context.against is not None else None
    if isinstance(reference, type) and isinstance(acting, reference) and not _is_the_subjects(acting, context):
        return Whose.REFERENCE
    return Whose.REFERENCE if _only_the_references(file, context) else Whose.SUBJECT


def _is_the_formula(file: str, subject: Subject) -> bool:
    """Whether a file of ours is the very thing that is judged: `twinstep check adam` blames adam, not the battery."""
    return subject.owner is Owner.OURS and file.startswith((f"{OURS[0]}adapter/", OURS[2]))


def _is_the_subjects(acting: Any, context: Context) -> bool:
    cls = context.subject.cls
    if isinstance(cls, type):
        return isinstance(acting, cls)
    # What a factory makes is known only once it has made one; the reference's class is known.
    reference = context.against.as_subject.cls if context.against is not None else None
    return not (isinstance(reference, type) and isinstance(acting, reference))


def _only_the_references(file: str, context: Context) -> bool:
    """Whether a file holds the reference, as a formula or a class of somebody's, and not the subject as well."""
    against = context.against
    if against is None:
        return False
    mine, theirs = _file_of(context.subject.cls, context.subject), _file_of(against.as_subject.cls, against.as_subject)
    return bool(theirs) and theirs == file != mine


def _file_of(cls: Any, subject: Subject) -> str:
    if subject.formula is not None:
        return str(getattr(getattr(subject.formula.update, "__code__", None), "co_filename", ""))
    return str(getattr(sys.modules.get(getattr(cls, "__module__", "")), "__file__", None) or "")


PROTOCOL = {name for name in dir(Optimizer) if not name.startswith("_")} | {"state", "param_groups", "defaults"}
_BINDING = re.compile(r"(\w+)\(\) (?:takes|missing|got an unexpected|got multiple)")


def _refuses_the_protocol(error: BaseException, context: Context) -> bool:
    """Whether a call of torch.optim.Optimizer's protocol is not to be had of it: no such method, or other arguments.

    Python raises that in the caller's frame, which is ours.
    """
    last = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][-1:]
    if not last or not last[0].f_code.co_filename.startswith(OURS):
        return False
    if isinstance(error, AttributeError):
        cls = context.subject.cls
        return error.name in PROTOCOL and isinstance(cls, type) and isinstance(error.obj, cls)
    called = _BINDING.search(str(error)) if isinstance(error, TypeError) else None
    return called is not None and called[1] in PROTOCOL


_COPYING = {"copy", "pickle", "_pickle", "torch.serialization"}


def _is_no_copy(error: BaseException) -> bool:
    """Whether something could not be copied or saved. No check copies or saves anything but their object and its state.

    What is written in C leaves no frame, and of a class that cannot be pickled no frame of its own appears either.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    innermost = str(frames[-1].f_globals.get("__name__")) if frames else ""
    said = str(error).lower().startswith(("cannot pickle", "can't pickle", "can't get local object"))
    return innermost in _COPYING or isinstance(error, pickle.PickleError) or said
