"""Step hooks and the profiler's label run, before and after the parameters change.

Gradient clipping, logging and profilers hang on hooks. They come with the wrapper that torch.optim.Optimizer puts
around the step() of a class, and are lost by a step that is set on the instance, or wrapped once more.
Control: an RMSprop whose step is an attribute of the instance.
"""

from __future__ import annotations

import torch
from torch.optim import Optimizer

from ...context import Context, check, gradients, parameters
from ...result import Failed, NotApplicable
from ..cases import cases_of
from ..faults import reported_at
from ..runs import rest_of, snapshot


@check("T15", place=4, since="0.2")
def hooks(context: Context) -> None:
    case = cases_of(context)[0]
    with reported_at(case, context.dtypes[0]):
        params = parameters(context.seed, dtype=context.dtypes[0], device=context.device)
        optimizer = context.build(params, **case.hyper)
        if not isinstance(optimizer, Optimizer):
            raise NotApplicable("the class does not inherit torch.optim.Optimizer, which brings the hooks")
        step_before = rest_of(context, case, context.dtypes[0])  # ADOPT's first step moves nothing
        for step in range(step_before):
            gradients(context.seed, step, params)
            optimizer.step()
        calls: list[tuple[str, list[torch.Tensor]]] = []
        optimizer.register_step_pre_hook(lambda *_: calls.append(("pre", snapshot(params))))
        optimizer.register_step_post_hook(lambda *_: calls.append(("post", snapshot(params))))
        start = snapshot(params)
        gradients(context.seed, step_before, params)
        labels = _labels_of_step(optimizer)
        for kind in ("pre", "post"):
            if kind not in [name for name, _ in calls]:
                raise Failed(f"the step {kind}-hook did not run")
        # Values and not counts: a hook may run, and at the wrong moment.
        same = [all(torch.equal(a, b) for a, b in zip(at_hook, start, strict=True)) for _, at_hook in calls]
        if calls[0][0] != "pre" or not same[0]:
            raise Failed("the step pre-hook ran after the parameters had changed")
        if calls[-1][0] != "post" or same[-1]:
            raise Failed("the step post-hook ran before the parameters had changed")
        # The wrapper that runs the hooks also labels the step for the profiler: its own, or that of one it wraps.
        if not labels:
            raise Failed(f"{type(optimizer).__name__}.step is not wrapped, so a profile does not name it")


def _labels_of_step(optimizer: Optimizer) -> list[str]:
    """The names by which a profiler would know a step; a profiler itself would cost, and print."""
    labels: list[str] = []
    # profile_hook_step of torch's optimizer.py looks it up under this name at every step.
    label = torch.autograd.profiler.record_function

    class Recorder(label):  # type: ignore[misc,valid-type]
        def __init__(self, name: str, args: str | None = None) -> None:
            labels.append(name)
            super().__init__(name, args)

    torch.autograd.profiler.record_function = Recorder  # type: ignore[misc]
    try:
        optimizer.step()
    finally:
        torch.autograd.profiler.record_function = label  # type: ignore[misc]
    return [name for name in labels if name.startswith("Optimizer.step#")]
