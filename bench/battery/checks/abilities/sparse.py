"""Sparse gradients step the rows they touch as the reference's, or else as dense ones do, and no other.

Bug: pytorch#145461 (of a row that is named twice one entry counts). Rules differ by design in what a row does while
it rests; so the reference is asked first, and without one a row may go as with dense zeros or stay where it is.
Controls: an SGD with that bug, and three sparse Adams whose resting rows decay, forget, or count for themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from .....scratch_impls import Case
from ...context import Context, check, declared, parameters
from ..cases import best_dtype, cases_of
from ..differences import require_equal, tolerance, values_difference
from ..faults import REFUSALS, may_refuse

COMMON_STEPS, RESTING_ROWS = 4, [3, 5]  # the first steps, of which ROWS tells, and the rows that never come

# The rows of a table of six that each step's gradient names; what is named twice must add up. Rows 1 and 4 are in each
# of the first four, so that a lazy rule too moves them as with dense gradients; then all rest, and 0, 1, 2 and 4 come
# back in their turns. 3 and 5 never come.
ROWS = ((4, 1, 4), (1, 4, 0), (4, 1, 4, 2), (0, 4, 1), (), (2, 4, 0, 2), (1, 0), (4, 1, 2, 1))


@check("T12", place=1, since="0.2")
def sparse(context: Context) -> None:
    declared(context, "sparse")
    dtype = best_dtype(context)
    with may_refuse(context, "sparse", lambda make: _run_table(context, make, context.cases[0].hyper, dtype, True)):
        _run_table(context, context.subject.make, context.cases[0].hyper, dtype, True)
    for case in cases_of(context):
        try:
            ours = _run_table(context, context.subject.make, case.hyper, dtype, True)
        except REFUSALS:
            continue  # refuses sparse gradients together with an option of this case, such as weight decay
        theirs = _reference_run(context, case, dtype)
        if theirs is None:
            _judge_without_reference(context, case, dtype, ours)
        else:
            for step, rows in enumerate(ROWS):
                what = f"step {step + 1}, with a sparse gradient of rows {list(rows)}, against the reference"
                a, b = ({"p0.param": tables[step]} for tables in (ours, theirs))
                require_equal(a, b, what, case=case, dtype=dtype, allowed=tolerance(dtype))


def _reference_run(context: Context, case: Case, dtype: str) -> torch.Tensor | None:
    """What the reference makes of the same sparse gradients; None where there is none, or it refuses them.

    And where a step is many, which two implementations need not take alike to the tolerance here.
    """
    if context.against is None or context.whole:
        return None
    hyper = context.against.taken(case.hyper)
    try:
        return _run_table(context, context.against.make, hyper, dtype, True)
    except REFUSALS:
        return None


def _judge_without_reference(context: Context, case: Case, dtype: str, ours: torch.Tensor) -> None:
    """Every row goes as with dense gradients, whose other rows are 0; or the rule is lazy, and a row that rests stays.

    How a lazy rule goes on with a row that comes back is its own affair: only a reference tells.
    """
    where: dict[str, Any] = {"case": case, "dtype": dtype, "allowed": tolerance(dtype)}
    dense = _run_table(context, context.subject.make, case.hyper, dtype, False)
    if not values_difference({"": ours}, {"": dense}, tolerance(dtype)):
        return
    touched = [{"p0.param (rows 1 and 4)": side[:COMMON_STEPS, [1, 4]]} for side in (ours, dense)]
    require_equal(touched[0], touched[1], f"{COMMON_STEPS} steps with sparse gradients, against dense ones", **where)
    start = parameters(context.seed, ((6, 3),), dtype, context.device)[0].detach()
    never = [{"p0.param (rows without gradient)": side[..., RESTING_ROWS, :]} for side in (ours[-1], dense[-1], start)]
    if values_difference(never[0], never[2]):
        what = f"{len(ROWS)} steps with sparse gradients, neither unmoved nor as with dense ones"
        require_equal(never[0], never[1], what, **where)
        return  # it decays the whole table, so that rows which rest move as well
    for step, rows in enumerate(ROWS):
        rest = [row for row in range(6) if row not in rows]
        before = start if step == 0 else ours[step - 1]
        what = f"step {step + 1}, with a sparse gradient of rows {list(rows)}, neither as with dense ones nor at rest"
        name = f"p0.param (rows {rest})"
        require_equal({name: ours[step][rest]}, {name: before[rest]}, what, case=case, dtype=dtype)


def _run_table(context: Context, make: Any, hyper: Mapping[str, Any], dtype: str, is_sparse: bool) -> torch.Tensor:
    """The table after each of the steps."""
    params = parameters(context.seed, ((6, 3),), dtype, context.device)
    optimizer, tables = make(params, **hyper), []
    for step, rows in enumerate(ROWS):
        values = parameters(context.seed + 1000 + step, ((len(rows), 3),), dtype, context.device)[0].detach()
        indices = torch.tensor([rows], dtype=torch.long, device=context.device)
        gradient = torch.sparse_coo_tensor(indices, values, (6, 3), check_invariants=True)
        params[0].grad = gradient if is_sparse else gradient.to_dense()
        with torch.sparse.check_sparse_tensor_invariants(True):  # said so, torch does not warn
            optimizer.step()
        tables.append(params[0].detach().clone())
    return torch.stack(tables)
