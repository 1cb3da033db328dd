"""The formulas print what the book printed, and the comparison tells wrong rules from right ones."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from twinstep.bench.study import book as judged
from twinstep.bench.study.book import walk, walk_rows
from twinstep.reference.book import PUBLISHED, RULES, SURFACES, Rule, follow, trace
from twinstep.scratch_impls import load

BOWL = SURFACES["0.1 x1^2 + 2 x2^2"]
# Measured 1.2e-16 at most, one rounding; the book is to come out to twelve digits.
TRACE_TOLERANCE = 1e-12

each_published = pytest.mark.parametrize("published", PUBLISHED, ids=lambda p: p.name.replace(" ", "-"))


def published(rule: str, *symbols: float):
    return next(p for p in PUBLISHED if p.rule == rule and tuple(p.symbols.values()) == symbols and p.style == "%f")


def printed(points, style="%f") -> tuple[str, ...]:
    return tuple(style % value for value in points[-1])


def trace_gap(ours, theirs) -> tuple[float, int]:
    """The largest gap of two walks, relative above 1 and absolute below, and its step."""
    points = zip(ours, theirs, strict=True)
    gaps = [max(abs(a - b) / max(1, abs(b)) for a, b in zip(p, q, strict=True)) for p, q in points]
    return max(gaps), gaps.index(max(gaps))


@pytest.mark.parametrize("row", walk_rows(), ids=lambda r: r.name.replace(" ", "-"))
def test_the_formula_prints_what_the_book_printed(row):
    assert row.equal, f"{row.name} (section {row.where}): published {row.published}, came out {row.came_out}"


@each_published
def test_the_books_rule_prints_what_the_book_printed(published):
    points = trace(published)
    assert printed(points, published.style) == published.printed
    for k, point in enumerate(published.first, start=1):
        assert tuple("%f" % value for value in points[k]) == point, f"{published.name} after step {k}"  # noqa: UP031
    for value, exact in zip(points[-1], published.exact, strict=True):
        assert math.isclose(value, exact, rel_tol=1e-12, abs_tol=1e-15), f"{published.name}: {value!r}, not {exact!r}"


@each_published
def test_whole_walks_of_formula_and_rule_agree(published):
    gap, step = trace_gap(walk(load(published.rule), published.hyper, SURFACES[published.surface]), trace(published))
    assert gap <= TRACE_TOLERANCE, f"{published.name} step {step}: gap {gap:.3g}"


def test_every_published_number_is_judged():
    assert len(walk_rows()) == len(PUBLISHED) + sum(len(p.first) for p in PUBLISHED) == 18


def unscaled(x, g, s, *, eta, gamma):
    """RMSProp without (1 - gamma)."""
    s = gamma * s + g**2
    return x - eta / (s + 1e-6) ** 0.5 * g, s


def averaged(x, g, v, *, eta, gamma):
    """Momentum with (1 - gamma) before the gradient."""
    v = gamma * v + eta * (1 - gamma) * g
    return x - v, v


def wrong_rule(step, p):
    return follow(Rule(step=step, names={}, options={}), BOWL, p.symbols)


WRONG = {
    "adagrad-eps-outside": (
        published("adagrad", 0.4), lambda p: walk(load("adagrad"), {"lr": 0.4}, BOWL), ("-2.382562", None)),
    "rmsprop-eps-outside": (
        published("rmsprop", 0.4, 0.9), lambda p: walk(load("rmsprop"), {"lr": 0.4, "alpha": 0.9}, BOWL),
        ("-0.010598", None)),
    "rmsprop-without-1-gamma": (
        published("rmsprop", 0.4, 0.9), lambda p: wrong_rule(unscaled, p), ("-1.908845", "-0.037118")),
    "averaged-momentum": (
        published("momentum", 0.4, 0.5), lambda p: wrong_rule(averaged, p), ("-0.886362", "0.001548")),
    "nesterov": (
        published("momentum", 0.4, 0.5), lambda p: walk(load("momentum"), {**p.hyper, "nesterov": True}, BOWL),
        ("-0.109296", "-44.663927")),
}  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "prints"), WRONG.values(), ids=WRONG.keys())
def test_control_wrong_rules_print_what_they_must_and_are_told_apart(right, wrong, prints):
    points = wrong(right)
    assert all(want in (None, got) for got, want in zip(printed(points), prints, strict=True)), printed(points)
    assert printed(points) != right.printed
    # The nearest of them, AdaGrad with eps outside the root, stands 1.6e-7 off at its largest step.
    gap, _ = trace_gap(points, trace(right))
    assert gap > 1e5 * TRACE_TOLERANCE, f"gap {gap:.3g}, at least {1e5 * TRACE_TOLERANCE:.3g} expected"


@pytest.mark.parametrize(("rule", "symbols"), [("rmsprop", (0.4, 0.9)), ("adagrad", (0.4,)), ("adagrad", (2.0,))])
def test_control_a_last_line_alone_misses_a_wrong_gradient_and_the_walk_does_not(rule, symbols):
    """g2 = 0.4 x2 instead of 4 x2: the adaptive rules divide the factor out again."""
    right = published(rule, *symbols)
    mistaken = replace(BOWL, gradient=lambda x: (0.2 * x[0], 0.4 * x[1]))
    points = walk(load(right.rule), right.hyper, mistaken)
    assert printed(points) == right.printed
    gap, _ = trace_gap(points, trace(right))
    assert gap > 1e5 * TRACE_TOLERANCE, f"gap {gap:.3g}, at least {1e5 * TRACE_TOLERANCE:.3g} expected"


def test_control_a_number_that_differs_is_reported(monkeypatch):
    p = published("momentum", 0.6, 0.5)
    monkeypatch.setattr(judged, "PUBLISHED", (p, replace(p, printed=("0.007188", "0.002554"))))
    assert [row.equal for row in walk_rows()] == [True, False]


def test_every_rule_has_its_names_and_state():
    for name, rule in RULES.items():
        _, state = rule.step(1.0, 0.5, rule.state, **dict.fromkeys(rule.names, 0.5))
        assert type(state) is type(rule.state), name
