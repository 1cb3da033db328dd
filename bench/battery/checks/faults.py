"""Whose fault it is: where it was found, whether the reference has it too, and what may be refused."""

from __future__ import annotations

import contextlib
import dataclasses
import dis
from collections.abc import Callable, Iterator
from typing import Any

from ....scratch_impls import Case
from ..context import Context, judged, judged_as
from ..explanation.whose import Whose, as_fault, whose
from ..result import BY_DESIGN, Failed, NotApplicable, NotDeclared


@contextlib.contextmanager
def reported_at(case: Case | None, dtype: str = "") -> Iterator[None]:
    """Says where a fault was found; an error of the optimizer becomes a fault that names the line.

    An error of anybody else passes as it is: what it means is for the judge to say.
    """
    name = case.name if case else ""
    try:
        yield
    except (NotApplicable, NotDeclared):
        raise
    except Failed as fault:
        fault.case, fault.dtype = fault.case or name, fault.dtype or dtype
        raise
    except Exception as error:
        context = judged()
        theirs = as_fault(error, context) if context is not None else None
        if theirs is None:
            raise
        theirs.case, theirs.dtype = name, dtype
        raise theirs from error


def unless_by_design(context: Context, case: Case, judge: Callable[[Context, Case], None]) -> None:
    """Judges the subject; a fault that the reference has as well belongs to the rule, not to who wrote it down."""
    try:
        judge(context, case)
    except Failed as fault:
        reference = context.of_the_reference
        if reference is None:
            raise
        assert context.against is not None
        try:
            with judged_as(reference):
                judge(reference, dataclasses.replace(case, hyper=context.against.taken(case.hyper)))
        except Failed as theirs:
            # Another cause is another fault: torch's ASGD takes a changed lr a step late, which excuses no eps.
            if theirs.cause == fault.cause:
                message = f"{reference.subject.label}, which it is held against, {BY_DESIGN}: {theirs.message}"
                raise NotApplicable(message) from None
        except Exception:  # it cannot even be tried on the reference, as where an option is the subject's alone
            raise fault from None
        raise


REFUSALS = (RuntimeError, TypeError, ValueError, NotImplementedError)
_RAISE = dis.opmap["RAISE_VARARGS"]


def says_no(error: BaseException) -> bool:
    """Whether a `raise` statement raised it: a refusal. What a call ran into, such as max(()), is an accident."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    # By the instruction and not by the text: both may say "empty".
    return place is not None and place.tb_frame.f_code.co_code[place.tb_lasti] == _RAISE


@contextlib.contextmanager
def may_refuse(context: Context, ability: str, attempt: Callable[[Any], Any]) -> Iterator[None]:
    """What is inside may refuse with an error; that is a fault unless the reference refuses too.

    torch's own classes are judged on every ability without anybody having declared it, so they may refuse as well.

    attempt     factory -> anything; tries the same on the reference
    """
    try:
        yield
    except REFUSALS as error:
        if context.subject.formula is None and whose(error, context) is Whose.TWINSTEP:
            raise  # of a formula, the adapter refuses: it is part of that optimizer
        message = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        if getattr(context.subject.cls, "__module__", "").startswith("torch.optim"):
            raise NotApplicable(f"refuses {ability}: {message}") from None
        if context.against is not None:
            try:
                attempt(context.against.make)
            except REFUSALS:
                raise NotApplicable(f"refuses {ability}, as {context.against.label} does: {message}") from None
        raise Failed(f"{ability} is declared, and refused: {message}") from None
