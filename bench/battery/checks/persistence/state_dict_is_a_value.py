"""state_dict() has state and param_groups, holds no parameter, changes nothing, and is pickled and loaded."""

from __future__ import annotations

import copy
import pickle
from typing import Any

from ...context import Context, check
from ...result import Failed
from ..equal import copied, go, leaves, same, started, values
from ._resume import group_options


@check("T9", place=3)
def state_dict_is_a_value(context: Context) -> None:
    case, dtype = context.richest, context.dtypes[0]
    for steps in (0, 3):
        optimizer, params = started(context, case, dtype, steps)
        before = {**values(optimizer, params), **group_options(optimizer)}
        saved = optimizer.state_dict()
        if not isinstance(saved, dict) or not {"state", "param_groups"} <= set(saved):
            found = sorted(map(str, saved)) if isinstance(saved, dict) else type(saved).__name__
            message = f"state_dict() after {steps} steps has {found}; it must have state and param_groups"
            raise Failed(message, case=case.name)
        for name, leaf in leaves(saved, "state_dict"):
            if any(leaf is p for p in params):
                message = f"{name} is a parameter: it would be saved twice and loaded as another tensor"
                raise Failed(message, case=case.name)
        where: dict[str, Any] = {"case": case, "dtype": dtype}
        taken = copied(dict(leaves(saved, "state_dict")))
        back = dict(leaves(pickle.loads(pickle.dumps(saved)), "state_dict"))
        same(back, taken, f"state_dict of step {steps} after pickling", **where)
        same(copied(dict(leaves(optimizer.state_dict(), "state_dict"))), taken, "a second state_dict()", **where)
        after = {**values(optimizer, params), **group_options(optimizer)}
        same(after, before, f"state_dict() after {steps} steps changed the optimizer", **where)
        optimizer.load_state_dict(copy.deepcopy(saved))
        after = {**values(optimizer, params), **group_options(optimizer)}
        same(after, before, f"loading its own state_dict of step {steps} changed the optimizer", **where)
        go(optimizer, params, range(steps, steps + 2), context.seed)
