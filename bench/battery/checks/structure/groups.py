"""Groups with different hyperparameters equal optimizers of their own, however many parameters there are."""

from __future__ import annotations

from typing import Any

from .....scratch_impls import Case
from ...context import Context, check, each_for_itself
from ...result import Failed
from ..equal import best_dtype, two_cases
from ..trials import at, cases_of, clones, first_gap, groups_of, only, run
from ._alone import as_in_a_model, difference_from, each_case, run_alone

COUPLED = "one parameter's step depends on another's (by design where a norm over all of them is used, else a fault)"


@check("T6", place=1)
def groups(c: Context) -> None:
    each_for_itself(c)
    chosen = cases_of(c, every=True)
    for k, (case, start, rows) in enumerate(each_case(c, every=True)):
        with at(case, c.dtypes[0]):
            params = clones(start)
            together = run(c.build(params, **case.hyper), params, rows) if k == 0 or not c.quick else []
            for i in (0, 1, 2) if together else ():
                if told := difference_from(together, run_alone(c, case.hyper, start, rows, i), start, i):
                    raise Failed(f"parameters together and in optimizers of their own differ: {told}", cause=COUPLED)
            if together:
                _beside_an_empty_group(c, case, start, rows)
            keys = set(groups_of(c.build(clones(start), **case.hyper))[0]) - {"params"}
            first = {n: v for n, v in {**c.subject.options, **case.hyper}.items() if n in keys}
            other = {**first, **{n: v for n, v in chosen[(k + 1) % len(chosen)].hyper.items() if n in keys}}
            if isinstance(first.get("lr"), (int, float)) and first["lr"] == other["lr"]:
                other["lr"] = first["lr"] / 2
            changed = [n for n in first if first[n] != other[n]]
            if told := _grouped(c, case.hyper, {n: other[n] for n in changed}, start, rows):
                single = [n for n in changed if _grouped(c, case.hyper, {n: other[n]}, start, rows)]
                theirs, ours = (", ".join(f"{n}={h[n]!r}" for n in single or changed) for h in (other, first))
                raise Failed(
                    f"a group with {theirs} beside one with {ours} is not what two optimizers do: {told}",
                    cause=f"the group's own {', '.join(single or changed)} is not used",
                )
    for case in two_cases(c) if c.cases else ():
        with at(case, best_dtype(c)):
            as_in_a_model(c, case)


def _beside_an_empty_group(c: Context, case: Case, start: Any, rows: Any) -> None:
    """A group without parameters, as of layers that are all frozen, stands between two others."""
    params = clones([start[0], start[2]])
    try:
        optimizer = c.build([{"params": params[:1]}, {"params": []}, {"params": params[1:]}], **case.hyper)
    except (TypeError, ValueError):
        return  # it refuses such a group, and says so
    found = run(optimizer, params, only(rows, 0, 2))
    if told := first_gap(found, run_alone(c, case.hyper, start, rows, 0, 2), [start[0], start[2]], names=[0, 2]):
        raise Failed(f"beside a group without parameters, and without that group, it differs: {told}",
                     cause="a group without parameters disturbs the others")  # fmt: skip


def _grouped(c: Context, hyper: Any, own: dict[str, Any], start: Any, rows: Any) -> str:
    """Parameters 0 and 2 with `hyper`, 1 with its own as well, against optimizers of their own; "" where they agree."""
    params = clones(start)
    try:
        alone = [run_alone(c, hyper, start, rows, 0), run_alone(c, {**hyper, **own}, start, rows, 1)]
    except (TypeError, ValueError):
        return ""  # the two cases do not combine
    optimizer = c.build([{"params": [params[0], params[2]]}, {"params": [params[1]], **own}], **hyper)
    found = run(optimizer, params, rows)
    return difference_from(found, alone[0], start, 0) or difference_from(found, alone[1], start, 1)
