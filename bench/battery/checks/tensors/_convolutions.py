"""The weight of a convolution beside the matrix that it is, one row for each channel that comes out."""

from __future__ import annotations

import torch

from .....scratch_impls import Case
from ...context import Context
from ...result import Failed
from ..cases import best_dtype

# Tall as a matrix (32 x 6) as well as in its last two dimensions (3 x 1) and its first two, by other ratios each.
KERNEL = (32, 2, 3, 1)
# One direction to five digits, and another length: measured, what takes the two for different matrices (Adafactor's
# rows and columns) stands at a cosine of 0.99 or below, and what has one length differs by rounding.
SAME_DIRECTION, ANOTHER_LENGTH = 1e-5, 1e-2


def judge_scale_of_kernels(context: Context, case: Case) -> None:
    """Where the first step of the weight is along that of the matrix, it is as long. Whoever takes the weight for
    something else, such as a stack of kernels, goes another way, and nothing is said.
    """
    dtype = getattr(torch, best_dtype(context))
    generator = torch.Generator().manual_seed(context.seed)
    value, gradient = (torch.randn(KERNEL, generator=generator, dtype=torch.float64) for _ in range(2))
    # Decay moves along the parameter, and not along the step whose length is compared.
    decay = {"weight_decay": 0} if "weight_decay" in context.subject.options else {}
    steps = []
    for shape in (KERNEL, (KERNEL[0], -1)):
        p = torch.nn.Parameter(value.reshape(shape).to(context.device, dtype))
        before = p.detach().clone()
        try:
            optimizer = context.build([p], **{**case.hyper, **decay})
            for _ in range(2):  # a first step may move nothing
                p.grad = gradient.reshape(shape).to(context.device, dtype)
                optimizer.step()
        except Exception:  # it takes no such shape, aloud: then nobody is misled
            return
        steps.append((p.detach() - before).double().reshape(-1))
    weight, matrix = steps
    lengths = float(weight.norm()), float(matrix.norm())
    if not min(lengths) > 0 or not max(lengths) < float("inf"):
        return
    apart = 1 - float(weight @ matrix) / (lengths[0] * lengths[1])
    if apart < SAME_DIRECTION and abs(lengths[0] / lengths[1] - 1) > ANOTHER_LENGTH:
        raise Failed(
            f"a weight of shape {KERNEL} steps in the direction of the matrix of its {KERNEL[0]} rows, and "
            f"{lengths[0] / lengths[1]:.3g} times as far",
            case=case.name, dtype=best_dtype(context),
            cause="a convolution's weight steps as its matrix, by the scale of another shape",
        )  # fmt: skip
