"""A scratch optimizer steps DTensor parameters as plain ones: in one process, and in two by gloo on a CPU."""

from __future__ import annotations

import contextlib
import datetime
import json
import sys
from pathlib import Path

import pytest
import this_tree
import torch

this_tree.use_this_tree()  # a process that was spawned imports this file and no conftest

from twinstep import scratch_impls  # noqa: E402
from twinstep.bench.adapter import as_optimizer  # noqa: E402

distributed = pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no torch.distributed")
STEPPED = [name for name in scratch_impls.names() if not scratch_impls.load(name).closure]  # L-BFGS: one vector
SHAPE, STEPS = (4, 3), 4


@contextlib.contextmanager
def group_of(store, rank, ranks):
    """A process group over a file: no port, so that it may run beside others."""
    from torch.distributed.device_mesh import init_device_mesh

    torch.distributed.init_process_group(
        "gloo", store=torch.distributed.FileStore(str(store), ranks), rank=rank, world_size=ranks,
        timeout=datetime.timedelta(seconds=60),
    )  # fmt: skip
    try:
        yield init_device_mesh("cpu", (ranks,))
    finally:
        torch.distributed.destroy_process_group()


def gap(name, mesh, placement):
    """How far a DTensor parameter ends from a plain one; and the kinds of the state's tensors."""
    from torch.distributed.tensor import distribute_tensor

    generator = torch.Generator().manual_seed(3)
    start, *gradients = (torch.randn(SHAPE, generator=generator) for _ in range(STEPS + 1))
    plain = torch.nn.Parameter(start.clone())
    spread = torch.nn.Parameter(distribute_tensor(start.clone(), mesh, [placement]))
    ours, theirs = as_optimizer(name)([plain]), as_optimizer(name)([spread])
    for g in gradients:
        plain.grad, spread.grad = g.clone(), distribute_tensor(g.clone(), mesh, [placement])
        ours.step()
        theirs.step()
    kinds = {type(v).__name__ for v in theirs.state[spread].values() if isinstance(v, torch.Tensor)}
    return float((plain.detach() - spread.full_tensor().detach()).abs().max()), sorted(kinds)


@distributed
def test_in_one_process(tmp_path):
    from torch.distributed.tensor import Replicate, Shard

    with group_of(tmp_path / "store", 0, 1) as mesh:
        for name in STEPPED:
            for placement in (Shard(0), Replicate()):
                apart, kinds = gap(name, mesh, placement)
                assert apart == 0.0 and kinds in ([], ["DTensor"]), (name, placement, apart, kinds)


def rank_of_two(rank, folder):
    """What one of two processes finds, in a file of its own."""
    from torch.distributed.tensor import Replicate, Shard

    torch.set_num_threads(1)
    with group_of(Path(folder) / "store", rank, 2) as mesh:
        found = {}
        for name in STEPPED:
            found[f"{name} Replicate"] = gap(name, mesh, Replicate())[0]
            if scratch_impls.load(name).elementwise:  # a rule for a whole matrix is another one on a part of it
                found[f"{name} Shard"] = gap(name, mesh, Shard(0))[0]
    (Path(folder) / f"rank{rank}.json").write_text(json.dumps(found), encoding="utf-8")


@distributed
@pytest.mark.thorough("two processes that start torch, a quarter of a minute")
@pytest.mark.skipif(sys.platform == "win32", reason="gloo on Windows has no FileStore that two processes share")
def test_in_two_processes(tmp_path):
    """One start for all formulas; spawn ends the other process where one fails, and raises what it raised."""
    torch.multiprocessing.spawn(rank_of_two, args=(str(tmp_path),), nprocs=2)
    for rank in range(2):
        found = json.loads((tmp_path / f"rank{rank}.json").read_text(encoding="utf-8"))
        assert len(found) > 20 and set(found.values()) == {0.0}, (rank, found)


def test_control_a_state_that_is_its_gradient_is_copied():
    """The comparison of addresses that a DTensor has none for: momentum's first buffer would be p.grad itself."""
    p = torch.nn.Parameter(torch.zeros(3))
    optimizer = as_optimizer("momentum")([p], lr=0.1, momentum=0.9)
    p.grad = torch.ones(3)
    optimizer.step()
    assert optimizer.state[p]["momentum_buffer"].data_ptr() != p.grad.data_ptr()
