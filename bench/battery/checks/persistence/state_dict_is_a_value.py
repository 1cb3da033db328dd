"""state_dict() has state and param_groups, holds no parameter, changes nothing, and is pickled and loaded.

For checkpoints: a parameter in the state is saved twice and loaded as a tensor of its own, and a state_dict() that
changes something lets a run depend on how often it is saved. Before the first step, where there is no state yet, and
after three.
Control: an SGD whose state holds the parameter.
"""

from __future__ import annotations

import copy
import pickle
from typing import Any

from ...context import Context, check
from ...result import Failed
from ..differences import require_equal
from ..runs import subject_after, take_steps
from ..state import copies, leaves, named_values
from ._save_and_resume import group_options


@check("T9", place=3, since="0.2")
def state_dict_is_a_value(context: Context) -> None:
    case, dtype = context.richest, context.dtypes[0]
    for steps in (0, 3):
        optimizer, params = subject_after(context, case, dtype, steps)
        before = {**named_values(optimizer, params), **group_options(optimizer)}
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
        # Copies, since a state_dict holds live tensors by torch's own convention: what it says now must be said again.
        values_then = copies(dict(leaves(saved, "state_dict")))
        back = dict(leaves(pickle.loads(pickle.dumps(saved)), "state_dict"))
        require_equal(back, values_then, f"state_dict of step {steps} after pickling", **where)
        require_equal(
            copies(dict(leaves(optimizer.state_dict(), "state_dict"))), values_then, "a second state_dict()", **where
        )
        after = {**named_values(optimizer, params), **group_options(optimizer)}
        require_equal(after, before, f"state_dict() after {steps} steps changed the optimizer", **where)
        # A copy, since torch's load_state_dict goes on with the dict's own tensors, and these are the optimizer's.
        optimizer.load_state_dict(copy.deepcopy(saved))
        # An option that is new in the groups is no change: loading may fill in what older dicts lack.
        now = {name: value for name, value in group_options(optimizer).items() if name in before}
        after = {**named_values(optimizer, params), **now}
        require_equal(after, before, f"loading its own state_dict of step {steps} changed the optimizer", **where)
        # And it steps on with what it loaded from itself.
        take_steps(optimizer, params, range(steps, steps + 2), context.seed)
