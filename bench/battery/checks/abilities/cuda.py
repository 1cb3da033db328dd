"""On a CUDA device the same steps as on the CPU.

For kernels that are other code on each device. Gradients are drawn on the CPU and copied, so that both sides get the
same numbers; twenty steps, within the tolerance measured for two right evaluations. No bug is planted here: it would
need a GPU.
"""

from __future__ import annotations

import torch

from ...context import Context, check, parameters
from ...result import NotApplicable
from ..cases import best_dtype, cases_of
from ..differences import require_equal, tolerance
from ..runs import clones, take_steps
from ..state import copies


@check("T11", place=5, since="0.2")
def cuda(context: Context) -> None:
    if not torch.cuda.is_available():
        raise NotApplicable("no CUDA device")
    dtype = best_dtype(context)
    for case in cases_of(context):
        ends = []
        # On the CPU first, and then copied: generators of two devices give different numbers for one seed.
        start = parameters(context.seed, dtype=dtype)
        for device in ("cuda", "cpu"):
            params = [torch.nn.Parameter(p.detach().to(device)) for p in clones(start)]
            optimizer = context.build(params, **case.hyper)
            take_steps(optimizer, params, range(20), context.seed)
            ends.append(copies({f"p{i}.param": p.detach() for i, p in enumerate(params)}))
        require_equal(
            ends[0], ends[1], "step 20 on CUDA, against the CPU", case=case, dtype=dtype, allowed=tolerance(dtype)
        )
