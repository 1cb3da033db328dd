"""Scripts that show a fault without this project. One is handed out only if it showed the fault when it was run here.

So a check may propose a few lines without proving that they show what it found: they end with an assertion, and where
that holds (the fault needs another shape, another case, a reference that only we have) there is no script.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from ...compare.gap import Gap
from ...compare.scenario import Scenario
from ..context import Context, Subject
from ..result import Failed

LINES = 15  # what is read in a terminal, below the message


@contextlib.contextmanager
def reproduced_by(context: Context, *proposals: Callable[[], list[str]]) -> Iterator[None]:
    """A Failed that passes through without a reproduction gets the first proposal that shows a fault, below imports."""
    try:
        yield
    except Failed as fault:
        scripts = (_verified_script(context, lines) for lines in proposals)
        fault.reproduction = fault.reproduction or next(filter(None, scripts), "")
        raise


def _verified_script(context: Context, lines: Callable[[], list[str]]) -> str:
    module, _, name = context.subject.label.partition(":")
    if not _importable(module, name, context.subject.make):
        return ""
    try:
        text = "\n".join(["import torch", f"from {module} import {name.partition('.')[0]}", *lines()])
    except Exception:  # such as a reference that raises where the subject failed
        return ""
    return text if text.count("\n") < LINES and _shows_fault(text) else ""


def constructor_call(context: Context, hyper: Mapping[str, Any], params: str = "[p]") -> str:
    """The call that makes the subject."""
    given = "".join(f", {name}={value!r}" for name, value in hyper.items())
    return f"{context.subject.label.partition(':')[2]}({params}{given})"


class VariableName(str):
    """The name of a variable where a value is written."""

    __slots__ = ()
    __repr__ = str.__str__


def parameter_line(values: list[float], dtype: str) -> str:
    """The line that makes the parameter p."""
    return f"p = torch.nn.Parameter(torch.tensor({values!r}, dtype=torch.{dtype}))"


def step_lines(gradients: list[float]) -> list[str]:
    """A step for each gradient."""
    return [f"for g in {gradients!r}:", "    p.grad = torch.full_like(p, g)", "    optimizer.step()"]


def _importable(module: str, name: str, subject: Any) -> bool:
    """Whether another process finds the subject there: not a class inside a function, nor one of a script."""
    try:
        found = functools.reduce(getattr, name.split("."), importlib.import_module(module))
    except (AttributeError, ImportError, ValueError):
        return False
    return module != "__main__" and found is subject


def _shows_fault(text: str) -> bool:
    """Whether it ends in its own AssertionError when it is run here; any other error would only confuse."""
    try:
        with warnings.catch_warnings(), torch.enable_grad():
            warnings.simplefilter("ignore")
            exec(compile(text, "<reproduction>", "exec"), {"__name__": "reproduction"})
    except AssertionError:
        return True
    except (Exception, SystemExit):
        return False
    return False


def reproduction_of_gap(subject: Subject, hyper: Mapping[str, Any], scenario: Scenario, gap: Gap, dtype: str) -> str:
    """At most fifteen lines of Python that show the disagreement at one element without this project."""
    module, _, name = subject.label.partition(":")
    tensor, _, part = gap.tensor.partition(".")
    if not name or "(" in name or part != "param" or tensor not in scenario.labels:
        return ""
    i = scenario.labels.index(tensor)
    history = [row[i] for row in scenario.gradients[: gap.step]]
    grads = [None if g is None else float(np.ravel(g)[gap.element]) for g in history]
    start = float(np.ravel(scenario.start[i])[gap.element])
    lr = hyper.get("lr", subject.options.get("lr"))
    given = "".join(f", {k}={v!r}" for k, v in hyper.items())
    lines = [
        "import torch",
        f"from {module} import {name}",
        f"p = torch.nn.Parameter(torch.tensor([{start!r}], dtype=torch.{dtype}))",
        f"optimizer = {name}([p]{given})",
        *(["optimizer.train()"] if subject.trains else []),
        f"gradients = {grads!r}",
    ]
    if any(f != 1 for f in scenario.lr_factors[: gap.step]) and lr is not None:
        lines += [
            f"lrs = {[lr * f for f in scenario.lr_factors[: gap.step]]!r}",
            "for g, lr in zip(gradients, lrs):",
            "    optimizer.param_groups[0]['lr'] = lr",
        ]
    else:
        lines.append("for g in gradients:")
    # The adapter of a row-wise formula, such as SparseAdam, takes nothing but sparse gradients.
    sparse = getattr(subject.cls, "by_rows", False)
    made = "torch.sparse_coo_tensor([[0]], [g], (1,), dtype=p.dtype)" if sparse else "torch.full_like(p, g)"
    lines += [
        f"    p.grad = None if g is None else {made}",
        "    optimizer.step()",
        f"print(p.item(), 'expected', {gap.theirs!r}, 'within', {gap.bound!r})",
    ]
    return "\n".join(lines)
