"""Objectives for tests: every registered problem, without a network."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
import torch

from twinstep.bench.study.problems import Objective, Problem, all_problems
from twinstep.bench.study.problems import _airfoil_download as airfoil

each_problem = pytest.mark.parametrize("problem", all_problems(), ids=lambda p: p.name)


NEEDS_DATA = "needs the airfoil data: pytest --data=PATH"  # one reason, so that the summary has one line of it a place


def or_skip(config: pytest.Config, use: Any) -> Any:
    """use(path), where path is what --data gave; a skip where the data is not to be had."""
    try:
        with mock.patch.object(airfoil, "ADDRESSES", ()):  # a copy in the user's cache will do, a download will not
            return use(config.getoption("--data"))
    except airfoil.DataUnavailable:
        pytest.skip(NEEDS_DATA)


def objective(problem: Problem, config: pytest.Config, *, seed: int = 0) -> Objective:
    return or_skip(config, lambda data: problem.setup(seed, torch.float64, "cpu", data))
