"""Work that is added to every step of a copy of this tree."""

from __future__ import annotations

import itertools
import time

from .... import scratch_impls
from ...speed.shapes import elements
from ..subjects import Cell
from ..trees import Checkout

SLOWDOWNS = {"+5 %": 0.05, "+10 %": 0.10}

# Written into the head's adapter, at the end of its step: a loop with as many iterations in every process. That is
# work, and not a share of whatever time a step took.
_END_OF_STEP = "        return loss\n"
_LOOP = """        for _ in _repeat(None, self.__dict__.get("_loops") or _loops_of(self)):
            pass
        return loss
"""
_LOOPS_OF = """

from itertools import repeat as _repeat

_LOOPS = {loops!r}


def _loops_of(optimizer):
    group = optimizer.param_groups[0]
    numbers = sum(p.numel() for p in group["params"])
    key = f"{{optimizer.spec.name}} {{numbers}} {{[group[name] for name in optimizer.spec.defaults]}}"
    optimizer._loops = _LOOPS[key]
    return optimizer._loops
"""


def loop_key(cell: Cell) -> str:
    """How the loop above knows which cell it stands in."""
    hyper = scratch_impls.load(cell.optimizer).hyper(**cell.hyper)
    return f"{cell.optimizer} {elements(cell.shapes)} {list(hyper.values())}"


def loops_per_second() -> float:
    def once() -> float:
        began = time.perf_counter()
        for _ in itertools.repeat(None, 20_000):
            pass
        return time.perf_counter() - began

    # The fastest of fifty: what others took away is not the loop's.
    return 20_000 / min(once() for _ in range(50))


def add_loops(head: Checkout, loops: dict[str, int]) -> None:
    """Makes every step of every optimizer of this tree longer; loops: key of a cell -> iterations."""
    file = head.root / "bench" / "adapter" / "optimizer.py"
    before, end, after = file.read_text(encoding="utf-8").partition(_END_OF_STEP)
    assert end and _END_OF_STEP not in after, "the optimizer has one step, and the loop goes to its end"
    # In the file and not around a class in memory: the worker loads the head's tree from disk, as it does anybody's.
    file.write_text(before + _LOOP + after + _LOOPS_OF.format(loops=loops), encoding="utf-8")
