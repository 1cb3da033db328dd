"""The optimizer that loaded a dict and the dict do not change with one another, beyond what torch itself shares.

Bug: pytorch#75224. A dict may be loaded twice, or kept as the best checkpoint, so steps must not write into it.
torch's own load_state_dict shares tensors with the dict; who inherits it is not judged by that, and who hands the
dict on to it is judged with a copy between the two.
Controls: optimizers that load by reference; and without that copy torch's sharing is seen (the tests do so).
"""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import torch
from torch.optim import Optimizer

from ...context import Context, check
from ...result import NotApplicable
from ..differences import require_equal
from ..runs import subject_after, take_steps
from ..state import copies, leaves, named_values
from ._save_and_resume import AFTER, BEFORE, load_into_fresh


@check("T8", place=4, since="0.2")
def load_no_aliasing(context: Context) -> None:
    case, dtype = context.richest, context.dtypes[0]
    optimizer, params = subject_after(context, case, dtype, BEFORE)
    if context.subject.listed:
        copying: Any = contextlib.nullcontext()
    elif type(optimizer).load_state_dict is Optimizer.load_state_dict:
        raise NotApplicable("load_state_dict is inherited from torch.optim.Optimizer; its aliasing is torch's defect")
    else:
        copying = _TorchCopies()
    where: dict[str, Any] = {"case": case, "dtype": dtype}
    given = copy.deepcopy(optimizer.state_dict())
    before = copies(dict(leaves(given, "dict")))
    with copying:
        resumed, fresh = load_into_fresh(context, case, params, given)
    cause = "load_state_dict keeps the tensors of the dict it is given"
    take_steps(resumed, fresh, range(BEFORE, AFTER), context.seed)
    what = f"steps {BEFORE + 1} to {AFTER} changed the dict that was loaded"
    require_equal(copies(dict(leaves(given, "dict"))), before, what, cause=cause, **where)
    # The other way round: steps that replace their tensors write into no dict, and still begin with what it shares.
    given = copy.deepcopy(optimizer.state_dict())
    with copying:
        resumed, fresh = load_into_fresh(context, case, params, given)
    loaded = named_values(resumed, fresh)
    for _, leaf in leaves(given["state"], "dict"):
        if isinstance(leaf, torch.Tensor):
            leaf.zero_()
    what = "the dict was zeroed after loading, and so was the state"
    require_equal(named_values(resumed, fresh), loaded, what, cause=cause, **where)


class _TorchCopies:
    """torch's own load_state_dict takes a copy of the dict: who hands it on to torch is not judged by torch's defect.

    What still shares memory then is what the class does beside torch, or instead of it.
    """

    def __enter__(self) -> None:
        self.kept = kept = Optimizer.load_state_dict

        def load_state_dict(optimizer: Optimizer, state_dict: dict[str, Any]) -> None:
            kept(optimizer, copy.deepcopy(state_dict))

        # On the class itself, since who overrides it calls it by super() or by name.
        Optimizer.load_state_dict = load_state_dict  # type: ignore[method-assign,assignment]

    def __exit__(self, *error: object) -> None:
        Optimizer.load_state_dict = self.kept  # type: ignore[method-assign]
