"""Gradients that carry a graph, as backward(create_graph=True) makes them: the step lets the graph go."""

from __future__ import annotations

from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef

from .....scratch_impls import Case
from ...context import Context
from ...result import Failed
from ..differences import run_difference
from ..runs import clones, run, snapshot
from ..state import state_tensors

KEPT = "state keeps the graph of gradients that were made with create_graph=True"


def judge_graph_is_let_go(context: Context, case: Case, start: Any, history: Any) -> None:
    """Three steps: no state has a graph, what the graphs held is free, and the steps are those of plain gradients."""
    params, alive = clones(start), []
    optimizer, found = context.build(params, **case.hyper), []
    for row in history[:3]:
        for p, g in zip(params, row, strict=True):
            # mul keeps `inside` for the derivative by `factor`, and so does whoever keeps the graph.
            factor = torch.ones_like(g).requires_grad_()
            inside = g.clone()  # what the graph holds, and nobody else
            p.grad = factor * inside
            alive.append(StorageWeakRef(inside.untyped_storage()))
        del factor, inside
        optimizer.step()
        found.append(snapshot(params))
    for i, p in enumerate(params):
        for name, tensor in state_tensors(optimizer, p).items():
            if tensor.requires_grad:
                raise Failed(f"after step 3 the state of parameter {i}: [{name!r}] has a graph", cause=KEPT)
    for p in params:
        p.grad = None
    held = sum(not storage.expired() for storage in alive)
    if held:
        raise Failed(
            f"what the graphs of {len(alive)} gradients held is still there of {held} of them, after step 3 and with "
            "p.grad at None",
            cause="the graph of gradients that were made with create_graph=True is kept",
        )
    if context.draws:  # a step draws from the random state of its gradients, which these two runs need not share
        return
    plain = clones(start)
    usual = run(context.build(plain, **case.hyper), plain, history[:3])
    if difference := run_difference(found, usual, snapshot(start)):
        raise Failed(f"gradients that carry a graph, and the same without one, differ: {difference}")
