"""The printed report: likely mistakes first, what they explain was tried, and it fits a screen."""

from __future__ import annotations

import json

import pytest
import torch

from twinstep.bench import CheckReport, CheckResult, ChecksFailed, check_optimizer
from twinstep.bench.battery.explanation import headlines

from .asking import check
from .eps_inside import TheirRMSprop

TARGET = ("doors.eps_inside:TheirRMSprop", "--against", "torch.optim:RMSprop")
EPS = "eps stands inside the root"


class EpsInsideAndPrints(TheirRMSprop):
    def step(self, closure=None):
        print("stepping")
        return super().step(closure)


def test_one_mistake_is_one_headline_on_one_screen(tmp_path):
    """Every check: twenty-five lines at most, one reproduction, and no cause that it has not."""
    saved = tmp_path / "report.json"
    done = check(*TARGET, "--quick", "--json", saved)
    assert done.exit_code == 1
    assert len(done.stdout.splitlines()) <= 25 and done.stdout.count("reproduction:") == 1
    body = json.loads(saved.read_text())
    failed = [result["check"] for result in body["results"] if result["status"] == "failed"]
    assert body["headlines"] == [{"cause": EPS, "checks": failed}]
    tried = [r["check"] for r in body["results"] if r["status"] == "failed" and r["cause"] != EPS]
    assert tried, "some are explained only by the formula with that mistake in the reference's place"


def test_what_another_mistake_does_is_left_unexplained():
    report = check_optimizer(EpsInsideAndPrints, torch.optim.RMSprop, quick=True, checks=["global-state", "one-step"])
    assert {result.check for result in report.results if result.status == "failed"} == {"global-state", "one-step"}
    assert dict(report.headlines)[EPS] == ("one-step",)


class DecaysTheGradient(torch.optim.SGD):
    """It adds weight decay to p.grad itself."""

    def __init__(self, params, lr=1e-3, momentum=0, weight_decay=0):
        super().__init__(params, lr, momentum, weight_decay=weight_decay)

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in (p for p in group["params"] if p.grad is not None):
                g, state = p.grad.add_(p, alpha=group["weight_decay"]), self.state[p]
                if group["momentum"]:
                    old = state.get("momentum_buffer")
                    g = state["momentum_buffer"] = g.clone() if old is None else group["momentum"] * old + g
                p.sub_(group["lr"] * g)


def test_what_follows_from_a_changed_gradient_is_told_as_that():
    checks = ["inputs-untouched", "no-aliasing", "strides", "one-step", "zero-gradients"]
    report = check_optimizer(DecaysTheGradient, torch.optim.SGD, quick=True, checks=checks)
    (headline,) = report.headlines
    assert headline.cause == "p.grad is changed in place" and len(headline.checks) == report.counts["failed"] >= 3


def result(check, cause="", status="failed"):
    return CheckResult(check=check, key="T1", status=status, cause=cause, message="why")


def test_only_what_was_tried_is_explained():
    """A cause of others is claimed for a check where the retry passes; nothing is, where none is tried."""
    results = [result("a", "x"), result("b", "x"), result("c"), result("d", "y"), result("e", "it raised KeyError")]

    def retry(verdicts):
        return lambda check, cause: result(check, status=verdicts.get((check, cause), "failed"))

    passes = headlines.of(results, retry({("c", "x"): "passed", ("d", "x"): "passed", ("e", "y"): "not applicable"}))
    assert passes == (("x", ("a", "b", "c", "d")),)
    assert headlines.of(results, retry({})) == (("x", ("a", "b")), ("y", ("d",)))
    assert headlines.of(results, lambda check, cause: None) == headlines.own_causes(results)


def test_print_shows_what_the_command_shows_and_failures_raise_it():
    report = check_optimizer(TheirRMSprop, torch.optim.RMSprop, quick=True, checks=["one-step"], label=TARGET[0])
    done = check(*TARGET, "--quick", "--checks", "one-step")
    assert done.stdout == f"{report}\n"
    assert report.summary().splitlines()[0] == f"{EPS}: explains 1 of 1 failure"
    with pytest.raises(ChecksFailed, match=EPS):
        report.raise_for_failures()
    assert check_optimizer(torch.optim.SGD, quick=True, checks=["closure"]).raise_for_failures() is None, "control"
    with pytest.raises(ChecksFailed, match="nothing was checked"):
        check_optimizer(TheirRMSprop, quick=True, checks=["sparse"]).raise_for_failures()


def test_a_notebook_shows_it_escaped():
    report = CheckReport(subject="<b>", against="", results=(result("a", "<script>"),))
    assert "<script>" not in report._repr_html_() and "&lt;script&gt;" in report._repr_html_()


def test_verbose_shows_every_check():
    done = check(*TARGET, "--quick", "--checks", "one-step,many-steps,closure,sparse", "--verbose")
    assert done.stdout.count("reproduction:") == 2
    assert "closure: passed (" in done.output and "sparse: not declared (" in done.output
