"""The model shapes that a step is timed on: each stands for another cost that decides the time."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

Shapes = tuple[tuple[int, ...], ...]


def _resnet20() -> Shapes:
    """ResNet-20 for 32 x 32 images, 10 classes (He et al. 2015, arXiv 1512.03385, section 4.2; shortcuts without
    parameters, their option A): 19 convolutions without bias, a batch norm's weight and bias after each, and one
    linear layer. 59 tensors, 269 722 parameters, as the paper's table 6 has it (0.27 M)."""
    found: list[tuple[int, ...]] = []
    channels = 3
    for width, layers in ((16, 7), (32, 6), (64, 6)):  # the first convolution and three stages of three blocks
        for _ in range(layers):
            found += [(width, channels, 3, 3), (width,), (width,)]
            channels = width
    return (*found, (10, 64), (10,))


SHAPES: dict[str, Shapes] = {
    # Nothing but the cost of calls.
    "tiny": ((4,),),
    # A multi-layer perceptron 784-128-64-10: a few calls on tensors that stay in the cache.
    "mlp": ((128, 784), (128,), (64, 128), (64,), (10, 64), (10,)),
    # Many tensors, most of them small: where multi-tensor paths pay.
    "convnet": _resnet20(),
    # Ten million elements in one tensor: nothing but memory traffic.
    "large": ((10_000_000,),),
}


def elements(shapes: Sequence[Sequence[int]]) -> int:
    """The number of parameters."""
    # prod of no dimensions is 1: a single number is one parameter.
    return sum(prod(shape) for shape in shapes)
