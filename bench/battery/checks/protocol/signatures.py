"""What it overrides of torch.optim.Optimizer's public methods takes the same arguments, by name and by place.

Bug: dion#109 (load_state_dict(self, sd): torch.distributed.checkpoint passes state_dict= by name). Schedulers, scalers
and checkpoints call step(closure=None), zero_grad(set_to_none=True), load_state_dict(state_dict=...) of whatever they
are given. More arguments are no fault where they have defaults. What only forwards to an optimizer that it wraps is
not judged: the wrapped one is what they are given.
Controls: an optimizer for each method.
"""

from __future__ import annotations

import inspect
from typing import Any

from torch.optim import Optimizer

from ...context import Context, check, parameters
from ...result import Failed, NotApplicable
from ..cases import cases_of

METHODS = ("step", "zero_grad", "state_dict", "load_state_dict", "add_param_group")
BY_PLACE = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
BY_NAME = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@check("T15", place=6, since="0.3")
def signatures(context: Context) -> None:
    case = cases_of(context)[0]
    params = parameters(context.seed, dtype=context.dtypes[0], device=context.device)
    optimizer = context.build(params, **case.hyper)
    require_an_optimizer_of_its_own(optimizer)
    kind, told = type(optimizer), []
    for name in METHODS:
        ours, theirs = getattr(kind, name), getattr(Optimizer, name)
        # Unwrapped: the first instance of a class has the hooks put around its step (Optimizer._patch_step_function).
        if inspect.unwrap(ours) is not inspect.unwrap(theirs):
            told += [f"{name}() {what}" for what in differences(ours, theirs, context.whole and name == "step")]
    if told:
        raise Failed(
            f"{kind.__name__}: {'; '.join(told)}",
            case=case.name, cause=f"{told[0].partition('()')[0]}() takes other arguments than torch.optim.Optimizer's",
        )  # fmt: skip


def require_an_optimizer_of_its_own(optimizer: Any) -> None:
    """NotApplicable for what is no torch.optim.Optimizer, or hands its groups and state on from one that it wraps."""
    if not isinstance(optimizer, Optimizer):
        raise NotApplicable("the class does not inherit torch.optim.Optimizer")
    # Properties, which a wrapper has in their place, stand on the class.
    if not {"param_groups", "state"} <= set(vars(optimizer)):
        raise NotApplicable("its groups and state are those of an optimizer that it wraps")


def differences(ours: Any, theirs: Any, asks_for_closure: bool = False) -> list[str]:
    """What a caller of `theirs` cannot do with `ours`; a closure is needed where a step evaluates the loss itself."""
    found, mine = [], list(inspect.signature(ours).parameters.values())[1:]
    expected = list(inspect.signature(theirs).parameters.values())[1:]
    if inspect.unwrap(theirs).__name__ == "step" and not expected:
        expected = [CLOSURE]
    by_name = {p.name: p for p in mine if p.kind in BY_NAME}
    any_name = any(p.kind is p.VAR_KEYWORD for p in mine)
    any_place = any(p.kind is p.VAR_POSITIONAL for p in mine)
    for i, wanted in enumerate(expected):
        if wanted.name not in by_name and not any_name:
            takes = ", ".join(p.name for p in mine) or "nothing"
            found.append(f"takes no {wanted.name}= (it takes {takes})")
        elif not any_place and not (i < len(mine) and mine[i].kind in BY_PLACE):
            found.append(f"takes {wanted.name} by name alone, not as argument {i + 1}")
        elif _is_required(by_name.get(wanted.name)) and not _is_required(wanted) and not asks_for_closure:
            found.append(f"requires {wanted.name}, which may be left out")
    known = {p.name for p in expected}
    extra = [p for p in mine if p.name not in known and p.kind in (*BY_PLACE, *BY_NAME)]
    found += [f"requires {p.name} as well" for p in extra if p.default is p.empty and not found]
    return found


def _is_required(parameter: inspect.Parameter | None) -> bool:
    return parameter is not None and parameter.default is parameter.empty


CLOSURE = inspect.Parameter("closure", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)
