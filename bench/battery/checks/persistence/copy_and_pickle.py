"""A deepcopy, and a pickle where the class can be found by name, continue as the original and apart from it.

For options kept as attributes, which Optimizer.__getstate__ does not carry, and for state that is found by id(p): a
copy of lion-pytorch's Lion or of most of pytorch_optimizer cannot step (results/strangers.csv). The copy steps first,
so that what it shares with the original is seen there.
Control: an Adagrad that finds its state by id(p).
"""

from __future__ import annotations

import copy
import pickle
import sys
from typing import Any

from ...context import Context, check
from ..cases import cases_of
from ..differences import require_equal
from ..runs import subject_after, take_steps
from ..state import named_values
from ._save_and_resume import AFTER, BEFORE


@check("T9", place=5, since="0.2")
def copy_and_pickle(context: Context) -> None:
    dtype = context.dtypes[0]
    for case in cases_of(context):
        optimizer, params = subject_after(context, case, dtype, BEFORE)
        # Together, so that the groups of the copy hold the copied parameters and not the original ones.
        twins = {"a deepcopy": copy.deepcopy((params, optimizer))}
        if _importable(type(optimizer)):
            twins["an unpickled copy"] = pickle.loads(pickle.dumps((params, optimizer)))
        before = named_values(optimizer, params)
        for what, (fresh, twin) in twins.items():
            take_steps(twin, fresh, range(BEFORE, AFTER), context.seed)
            message = f"steps {BEFORE + 1} to {AFTER} of {what} changed the original"
            require_equal(named_values(optimizer, params), before, message, case=case, dtype=dtype)
        take_steps(optimizer, params, range(BEFORE, AFTER), context.seed)
        for what, (fresh, twin) in twins.items():
            message = f"step {AFTER} of {what} made after step {BEFORE}"
            require_equal(named_values(twin, fresh), named_values(optimizer, params), message, case=case, dtype=dtype)


def _importable(kind: type) -> bool:
    """Pickle stores a class by its name; one made inside a function has none, which is no fault of an optimizer."""
    found: Any = sys.modules.get(kind.__module__)
    try:
        for part in kind.__qualname__.split("."):
            found = getattr(found, part)
    except AttributeError:
        return False
    return found is kind
