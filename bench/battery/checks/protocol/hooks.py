"""Step hooks and the profiler's label run, before and after the parameters change.

Gradient clipping, logging and profilers hang on hooks. They come with the wrapper that torch.optim.Optimizer puts
around the step() of a class, and are lost by a step that is set on the instance, or wrapped once more.
Control: an RMSprop whose step is an attribute of the instance.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.optim import Optimizer

from ...context import Context, check, gradients, parameters
from ...result import Failed, NotApplicable
from ..cases import cases_of
from ..faults import reported_at
from ..runs import Params, snapshot

MOST = 10  # steps, of which one must move something


@check("T15", place=4)
def hooks(context: Context) -> None:
    case = cases_of(context)[0]
    with reported_at(case, context.dtypes[0]):
        params = parameters(context.seed, dtype=context.dtypes[0], device=context.device)
        optimizer = context.build(params, **case.hyper)
        if not isinstance(optimizer, Optimizer):
            raise NotApplicable("the class does not inherit torch.optim.Optimizer, which brings the hooks")
        calls: list[tuple[str, list[torch.Tensor]]] = []
        optimizer.register_step_pre_hook(lambda *_: calls.append(("pre", snapshot(params))))
        optimizer.register_step_post_hook(lambda *_: calls.append(("post", snapshot(params))))
        labels = _step_until_moved(context, optimizer, params, calls)
        for kind in ("pre", "post"):
            if kind not in [name for name, _ in calls]:
                raise Failed(f"the step {kind}-hook did not run")
        # Values and not counts: a hook may run, and at the wrong moment.
        end, first, last = snapshot(params), calls[0], calls[-1]
        if first[0] != "pre" or all(torch.equal(a, b) for a, b in zip(first[1], end, strict=True)):
            raise Failed("the step pre-hook ran after the parameters had changed")
        if last[0] != "post" or not all(torch.equal(a, b) for a, b in zip(last[1], end, strict=True)):
            raise Failed("the step post-hook ran before the parameters had changed")
        # The wrapper that runs the hooks also labels the step for the profiler: its own, or that of one it wraps.
        if not labels:
            raise Failed(f"{type(optimizer).__name__}.step is not wrapped, so a profile does not name it")


def _step_until_moved(context: Context, optimizer: Optimizer, params: Params, calls: list[Any]) -> list[str]:
    """Steps until one moves something (ADOPT's first does not), whose calls alone are kept; the labels of that step."""
    labels: list[str] = []
    label = torch.autograd.profiler.record_function

    class Recorder(label):  # type: ignore[misc,valid-type]  # a profiler itself would cost, and print
        def __init__(self, name: str, args: str | None = None) -> None:
            labels.append(name)
            super().__init__(name, args)

    torch.autograd.profiler.record_function = Recorder  # type: ignore[misc]
    try:
        for step in range(MOST):
            calls.clear()
            labels.clear()
            before = snapshot(params)
            gradients(context.seed, step, params)
            optimizer.step()
            if not all(torch.equal(p, was) for p, was in zip(params, before, strict=True)):
                break
    finally:
        torch.autograd.profiler.record_function = label  # type: ignore[misc]
    return [name for name in labels if name.startswith("Optimizer.step#")]
