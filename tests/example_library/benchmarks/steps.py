"""Benchmarks: each function returns the function that is timed."""

import torch
from their_optim import TheirAdam


def adam_with_many_small_parameters():
    torch.manual_seed(0)
    params = [torch.nn.Parameter(torch.randn(8)) for _ in range(50)]
    for param in params:
        param.grad = torch.randn(8)
    return TheirAdam(params).step
