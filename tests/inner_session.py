"""A small suite under our conftest, for tests of what a session records, leaves out and says."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parent

SUITE = """
import pytest

CELL = dict(optimizer="gd", case="default", problem="bowl", implementation="scratch", dtype="float64", device="cpu")

@pytest.mark.parametrize("seed", range(4))
def test_loss(record, seed):
    record("losses", **CELL, seed=seed, final_loss=1.0 / (seed + 1))

def test_speed(benchmark, record):
    benchmark.pedantic(lambda: None, rounds=2)
    record("timings", **CELL, seed=0, ratio=1.0, step_s=1.0)
"""

# What only options run, and what no machine like this one can.
LONG = """

@pytest.mark.thorough("it takes a minute")
@pytest.mark.parametrize("seed", range(3))
def test_long(seed):
    pass

@pytest.mark.full("cells of the large shape")
def test_large(benchmark):
    benchmark.pedantic(lambda: None, rounds=2)

@pytest.mark.parametrize("what", ["a", "b"])
def test_elsewhere(what):
    pytest.skip("no CUDA device")
"""


def summary(capsys):
    """The lines of a run's output that say what was left out, and the output."""
    out = capsys.readouterr().out
    return [line for line in out.splitlines() if line.startswith(("deselected:", "skipped:"))], out
