"""No check may fail an optimizer that is right: a count that is an int, rules that take a sign, with a twin or without.

The formula files of what torch does not have stand in tests/formulas.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from honest_optimizers import IntStepAdam, Lion, NamesItsRate, OfNoBase, Signum, WideState, Wrapper

from twinstep.bench.battery.judge import check_optimizer

FORMULAS = Path(__file__).parent / "formulas"
HONEST = [
    (IntStepAdam, torch.optim.Adam), (IntStepAdam, None), (Lion, FORMULAS / "lion.py"), (Lion, None),
    (Signum, FORMULAS / "signum.py"), (Signum, None), (Wrapper, torch.optim.SGD), (WideState, torch.optim.RMSprop),
    (OfNoBase, torch.optim.SGD), (OfNoBase, None), (NamesItsRate, torch.optim.SGD), (NamesItsRate, None),
]  # fmt: skip
IDS = [f"{cls.__name__}-{'against' if against else 'alone'}" for cls, against in HONEST]


@pytest.mark.parametrize(("cls", "against"), HONEST, ids=IDS)
def test_an_honest_optimizer_passes_the_whole_battery(cls, against):
    report = check_optimizer(cls, against, quick=True, supports=["bfloat16"])
    assert report.passed and report.ran >= 26, [str(result) for result in report.results if result.bad]


@pytest.mark.thorough("the whole battery over three seeds")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("cls", "against"), HONEST, ids=IDS)
def test_an_honest_optimizer_passes_for_every_seed(cls, against, seed):
    report = check_optimizer(cls, against, seed=seed)
    assert report.passed, [str(result) for result in report.results if result.bad]


@pytest.mark.parametrize(("cls", "against"), [pair for pair in HONEST if pair[1]], ids=lambda x: getattr(x, "name", ""))
def test_control_a_step_that_is_a_little_longer_fails(cls, against):
    def longer(params, **hyper):
        hyper["lr"] = 1.00001 * hyper["lr"]
        return cls(params, **hyper)

    report = check_optimizer(longer, against, quick=True, checks=["one-step"])
    assert not report.passed
