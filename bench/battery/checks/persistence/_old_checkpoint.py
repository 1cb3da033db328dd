"""A dict that was saved before an option existed, which lacks it in its groups."""

from __future__ import annotations

import copy
from typing import Any

from torch.optim import Optimizer

from .....scratch_impls import Case
from ...context import Context
from ...result import Failed
from ...subject import Owner
from ..cases import cases_of
from ..differences import require_equal
from ..runs import clones, subject_after, take_steps
from ..state import groups_of, named_values

BEFORE, AFTER = 3, 5


def judge_old_checkpoint(context: Context, dtype: str) -> None:
    """Switches that are off by default, where torch's own class fills them in: nobody's older dict has another value.

    What torch's class does not fill in need not be filled in by others either. A class that is no port of one of
    torch's is not judged: nobody knows which of its options are new. Nor is one that leaves loading to its base class:
    it may have had all its options from its first version on.
    """
    reference = context.of_the_reference
    if reference is None or reference.subject.owner is not Owner.TORCH or not _says_how_it_loads(context.subject.cls):
        return
    for name, default in context.subject.options.items():
        off = [case for case in cases_of(context, every=True) if case.hyper.get(name, default) is False]
        if default is not False or not off or name not in reference.subject.options:
            continue
        try:
            _judge_without(reference, off[0], name, dtype)
        except Exception:  # the reference does not fill it in
            continue
        _judge_without(context, off[0], name, dtype)


def _says_how_it_loads(cls: Any) -> bool:
    # torch's classes fill in what older dicts lack in __setstate__: group.setdefault("nesterov", False) in SGD's.
    inherited = vars(Optimizer)
    return any(getattr(cls, name, None) not in (None, inherited[name]) for name in ("__setstate__", "load_state_dict"))


def _judge_without(context: Context, case: Case, name: str, dtype: str) -> None:
    optimizer, params = subject_after(context, case, dtype, BEFORE)
    saved = copy.deepcopy(optimizer.state_dict())
    # Kept elsewhere, no dict has ever carried it.
    if name not in groups_of(optimizer)[0]:
        return
    for group in saved["param_groups"]:
        group.pop(name, None)
    fresh = clones(params)
    resumed = context.build(fresh, **case.hyper)
    message, cause = f"a state_dict whose groups lack {name}, as from before it existed", f"{name} is not filled in"
    where: dict[str, Any] = {"case": case, "dtype": dtype}
    try:
        resumed.load_state_dict(saved)
        take_steps(resumed, fresh, range(BEFORE, AFTER), context.seed)
    except Exception as error:
        told = f"{message}, is loaded, and a step raises {type(error).__name__}: {error}"
        raise Failed(told, case=case.name, dtype=dtype, cause=f"{cause} where an older state_dict lacks it") from error
    take_steps(optimizer, params, range(BEFORE, AFTER), context.seed)
    found, expected = named_values(resumed, fresh), named_values(optimizer, params)
    require_equal(found, expected, f"{message}, is loaded, against the unbroken run", cause=cause, **where)
