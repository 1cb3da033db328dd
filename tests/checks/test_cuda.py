"""Without a device the check says so."""

from __future__ import annotations

import pytest
import torch

from twinstep.bench.battery.result import NotApplicable

from .one_check import HYPER, run
from .right_optimizers import Momentum


@pytest.mark.skipif(torch.cuda.is_available(), reason="where a device is present the check runs in every battery")
def test_cuda_says_that_there_is_no_device():
    with pytest.raises(NotApplicable, match="no CUDA device"):
        run("cuda", Momentum, cases=HYPER)
