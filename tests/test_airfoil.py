"""Linear regression on airfoil self-noise: what is known of it, and runs with and without randomness.

The file and its download: test_airfoil_file.py.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from twinstep import scratch_impls
from twinstep.bench.adapter import as_optimizer
from twinstep.bench.study import book as judged
from twinstep.bench.study.book import airfoil_losses, airfoil_rows
from twinstep.bench.study.problems import load
from twinstep.bench.study.problems._airfoil_download import airfoil_table
from twinstep.bench.study.problems._problem import in_batches
from twinstep.bench.study.problems.airfoil import airfoil_regression
from twinstep.bench.study.train import train
from twinstep.reference import torch_paths
from twinstep.reference.book import AIRFOIL, RULES

LEAST = 0.241687955
# min and max of the final loss over 1,000 shuffled float32 runs of the book's rules.
RANGES = {
    "gd": ({"lr": 0.05}, 0.24189, 0.25902),
    "momentum": ({"lr": 0.004, "momentum": 0.9}, 0.24184, 0.25239),
    "adagrad": ({"lr": 0.1}, 0.24178, 0.24970),
    "rmsprop": ({"lr": 0.01, "alpha": 0.9}, 0.24184, 0.25454),
}
each_run = pytest.mark.parametrize("run", AIRFOIL, ids=lambda r: r.name.replace(" ", "-").replace(",", ""))


@pytest.fixture(scope="module")
def table(airfoil_path):
    return airfoil_table(airfoil_path)


def least_squares(x, y):
    """(loss, w and b) at the minimum of half the mean squared error."""
    columns = np.column_stack([x, np.ones(len(x))])
    solution = np.linalg.lstsq(columns, y, rcond=None)[0]
    return 0.5 * np.square(columns @ solution - y).mean(), solution


def nine(value):
    return f"{value:.9f}"


# What is known of the prepared data


def test_what_is_known_of_the_problem(table):
    x, y = airfoil_regression(table)
    least, solution = least_squares(x, y)
    assert (x.shape, y.shape) == ((1500, 5), (1500,))
    assert nine(0.5 * np.square(y).mean()) == "0.493258972"
    assert nine(least) == nine(LEAST) == nine(load("airfoil").minimum)
    assert np.round(solution, 5).tolist() == [-0.58318, -0.36551, -0.48433, 0.22387, -0.27133, 0.00196]
    columns = np.column_stack([x, np.ones(len(x))])
    assert round(np.linalg.eigvalsh(columns.T @ columns / len(x))[-1], 4) == 2.0985


@pytest.mark.parametrize(
    ("mistake", "least"),
    [
        (lambda t: ((t - t.mean(0)) / t.std(0, ddof=1))[:1500], "0.241527151"),
        (lambda t: (t[:1500] - t[:1500].mean(0)) / t[:1500].std(0), "0.244998603"),
        (lambda t: (t - t.mean(0)) / t.std(0), "0.242145129"),
    ],
    ids=["ddof-1", "normalised-over-1500-rows", "all-1503-rows"],
)
def test_control_the_common_mistakes_of_preparation_move_the_minimum(table, mistake, least):
    scaled = mistake(table)
    assert nine(least_squares(scaled[:, :-1], scaled[:, -1])[0]) == least != nine(LEAST)


# Without randomness: nine digits


def test_every_formula_comes_out_to_nine_digits(airfoil_path):
    rows = airfoil_rows(airfoil_path)
    assert len(rows) == 2 * sum(run.rule in scratch_impls.names() for run in AIRFOIL) >= 14
    for row in rows:
        assert row.equal, f"{row.name} (section {row.where}): expected {row.published}, came out {row.came_out}"


@each_run
def test_the_books_own_rule_comes_out_to_nine_digits(table, run):
    """The rules of reference/book.py, with w and b as one vector: neither the formulas nor their loop takes part."""
    x, y = airfoil_regression(table)
    x, rule, p = np.column_stack([x, np.ones(len(x))]), RULES[run.rule], np.zeros(6)
    state, losses = rule.state, []
    for _ in range(2):
        for k in range(0, len(x), run.batch):
            part = x[k : k + run.batch]
            p, state = rule.step(p, part.T @ (part @ p - y[k : k + run.batch]) / run.batch, state, **run.symbols)
        losses.append(0.5 * np.square(x @ p - y).mean())
    assert ", ".join(map(nine, losses)) == run.book_losses


@each_run
def test_torch_itself_comes_out_to_nine_digits(table, run):
    x, y = (torch.from_numpy(a) for a in airfoil_regression(table))
    w, b = (torch.zeros(shape, dtype=torch.float64) for shape in ((5,), ()))
    optimizer = torch_paths.build(RULES[run.rule].twin, "forloop", [w, b], **run.torch_hyper)
    losses = []
    for _ in range(2):
        for xs, ys in zip(x.split(run.batch), y.split(run.batch), strict=True):
            error = xs @ w + b - ys
            w.grad, b.grad = xs.T @ error / len(error), error.mean()
            optimizer.step()
        losses.append(float(0.5 * (x @ w + b - y).square().mean()))
    assert ", ".join(map(nine, losses)) == run.torch_losses


def test_control_a_wrong_rule_differs_in_nine_digits(table):
    right = next(run for run in AIRFOIL if run.rule == "adagrad")
    for wrong in ({"eps": 1e-7}, {"eps_inside": False}, {"initial_accumulator_value": 1e-6}):
        losses = airfoil_losses(scratch_impls.load("adagrad"), {**right.book_hyper, **wrong}, table, batch=10)
        assert ", ".join(map(nine, losses)) != right.book_losses, wrong


def test_a_formula_that_comes_later_is_judged_at_once(airfoil_path, monkeypatch):
    def update(param, grad, state, step, *, lr=1.0, rho=0.9, eps=1e-6):
        v = rho * state["square_avg"] + (1 - rho) * grad * grad
        d = ((state["acc_delta"] + eps) / (v + eps)) ** 0.5 * grad
        return param - lr * d, {"square_avg": v, "acc_delta": rho * state["acc_delta"] + (1 - rho) * d * d}

    later = replace(
        scratch_impls.load("gd"), name="adadelta", update=update,
        init=lambda param: {"square_avg": 0 * param, "acc_delta": 0 * param},
    )  # fmt: skip
    monkeypatch.setattr(judged.scratch_impls, "names", lambda: ("adadelta",))
    monkeypatch.setattr(judged.scratch_impls, "load", {"adadelta": later}.__getitem__)
    assert [row.equal for row in airfoil_rows(airfoil_path)] == [True, True]


# Shuffled: a distribution, never one number


def outside(final_loss, least, most) -> str:
    """What is wrong with the final loss of a shuffled run; empty where nothing is."""
    if not final_loss > LEAST:
        return f"{final_loss:.6f} is below the least-squares minimum {LEAST}"
    return "" if least <= final_loss <= most else f"{final_loss:.6f} is outside {least} ... {most}"


@pytest.mark.parametrize("name", RANGES)
def test_shuffled_runs_end_inside_the_range(name, airfoil_path):
    hyper, least, most = RANGES[name]
    spec = scratch_impls.load(name)
    for seed in range(3):
        runs = train(
            load("airfoil"), {"a": as_optimizer(spec)}, hyper=hyper, seed=seed, dtype="float32", data=airfoil_path
        )
        assert not (why := outside(runs["a"].final_loss, least, most)), f"{name} seed {seed}: {why}"


def test_control_a_loss_that_broadcasts_ends_outside(airfoil_path, table):
    """(n, 1) predictions against (n,) labels make an (n, n) error; the best such model predicts the mean for all."""

    def setup(seed, dtype, device, data):
        x, y = (torch.tensor(a, dtype=dtype) for a in airfoil_regression(table))
        params = load("airfoil").setup(seed, dtype, device, data).params
        w, b = params

        def loss(x, y):
            return 0.5 * (x @ w[:, None] + b - y).square().mean()

        return in_batches(params, loss, x, y, batch=10, seed=seed)

    hyper, least, most = RANGES["momentum"]
    problem, make = replace(load("airfoil"), setup=setup), {"a": as_optimizer("momentum")}
    for seed in range(2):
        loss = train(problem, make, hyper=hyper, seed=seed, dtype="float32", data=airfoil_path)["a"].final_loss
        # Where the historical bug ended, to three digits: 0.990 to 1.009, printed without the half.
        assert 0.9895 <= 2 * loss < 1.0095, 2 * loss
        assert outside(loss, least, most)
        assert outside(2 * loss, least, most)


def test_control_below_the_minimum_is_noticed():
    assert "below the least-squares minimum" in outside(0.2415, 0.24, 0.26)
    assert "outside" in outside(float("nan"), 0.24, 0.26) + outside(0.27, 0.24, 0.26)
