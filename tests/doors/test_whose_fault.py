"""Three things that are never mixed: the optimizer failed, a check could not be tried, Twinstep itself failed."""

from __future__ import annotations

import dataclasses
import json

import jsonschema
import pytest
import torch

from twinstep.bench import ChecksFailed, check_optimizer
from twinstep.bench.battery.checks import CHECKS
from twinstep.bench.battery.child import BENCH
from twinstep.bench.battery.explanation.text import OURS
from twinstep.scratch_impls import load_file

from .asking import SCHEMA, check, verdicts

pytest_plugins = "pytester"


class Broken(Exception):
    """Planted."""


class RaisesInStep(torch.optim.SGD):
    def step(self, closure=None):
        raise Broken("planted")


class ClosureWithoutGrad(torch.optim.SGD):
    @torch.no_grad()
    def step(self, closure=None):
        return closure()


class NoClosure(torch.optim.SGD):
    def step(self):
        return super().step()


class NoProtocol:
    """It has a step and nothing else of torch.optim.Optimizer's."""

    def __init__(self, params, lr=0.1):
        self.held = list(params)

    def step(self, closure=None):
        with torch.no_grad():
            for p in self.held:
                p.sub_(p.grad)


class HoldsAGenerator(torch.optim.SGD):
    def __init__(self, params, lr=0.1):
        super().__init__(params, lr)
        self.param_groups[0]["lazy"] = (n for n in range(3))


@pytest.fixture
def planted(monkeypatch):
    """plant(check, function): the function in the place of the check's own."""

    def plant(name, function):
        monkeypatch.setitem(CHECKS, name, dataclasses.replace(CHECKS[name], function=function))

    return plant


def as_ours(body):
    """A check that stands in our folder, as its frames say."""
    source = f"import torch\ndef check(context):\n    p = torch.nn.Parameter(torch.ones(1))\n    {body}\n"
    found = {}
    exec(compile(source, str(BENCH / "battery" / "checks" / "planted_error.py"), "exec"), found)
    return found["check"]


ours = as_ours("raise LookupError('planted')")  # before anything of theirs was called
OURS_TOO = {
    "torch, called by us": "torch.zeros(2) @ torch.zeros(3)",
    "a wrong assumption about what they return": "context.build([p]).state_dict()['no such key']",
    "our hook, called by their step": "o = context.build([p]); o.register_step_pre_hook(lambda *_: 1 / 0); o.step()",
    "an option that they do not take": "context.build([p], no_such_option=1)",
    "no parameters, refused by torch": "torch.optim.Adam([])",
}


@pytest.mark.parametrize("function", [ours, *map(as_ours, OURS_TOO.values())], ids=["a check", *OURS_TOO])
def test_an_error_of_ours_is_no_failure_of_theirs(planted, function):
    planted("closure", function)
    report = check_optimizer(torch.optim.SGD, checks=["closure"], quick=True, expected_failures={"closure": "known"})
    (result,) = report.results
    assert result.status == "error" and "Traceback" in result.message and "planted_error.py" in result.message
    assert not report.passed and not report.ran and report.errors == (result,) and not report.headlines
    assert OURS in str(report) and result.message.splitlines()[-1] in str(report)
    with pytest.raises(ChecksFailed, match="please report it"):
        report.raise_for_failures()


def test_control_the_same_error_in_their_step_is_their_failure():
    (result,) = check_optimizer(RaisesInStep, checks=["closure"], quick=True).results
    assert (result.status, result.cause) == ("failed", "it raised Broken")
    assert "in step" in result.message and "bench/" not in result.message, "no frame of ours is shown as theirs"


@pytest.mark.parametrize(
    ("cls", "name"),
    [(ClosureWithoutGrad, "closure"), (NoClosure, "closure"), (NoProtocol, "save-load"),
     (HoldsAGenerator, "copy-and-pickle")],
)  # fmt: skip
def test_what_torchs_protocol_asks_and_they_do_not_have_is_their_failure(cls, name):
    """Python raises it in our frame: the call has other arguments, the attribute is missing, C could not copy it."""
    (result,) = check_optimizer(cls, checks=[name], quick=True).results
    assert result.status == "failed", str(result)


def test_an_error_of_the_reference_is_nobodys_failure(tmp_path, planted):
    file = tmp_path / "their_rule.py"
    file.write_text(FORMULA)
    planted("closure", _step_of_the_reference)
    (result,) = check_optimizer(torch.optim.SGD, load_file(file), checks=["closure"], quick=True).results
    assert result.status == "not applicable"
    assert "their_rule, which it is held against, raised ZeroDivisionError" in result.message


def _step_of_the_reference(context):
    p = torch.nn.Parameter(torch.ones(1))
    p.grad = 13 * torch.ones(1)
    context.against.make([p]).step()


FORMULA = '''"""A rule that cannot take a gradient of 13.

    x <- x - lr g
"""
from twinstep.scratch_impls import Spec, case, size, sum


def init(param):
    return {}


def update(param, grad, state, step, *, lr=0.1):
    if size(grad) == 1 and float(sum(grad)) == 13.0:
        return 1 / 0
    return param - lr * grad, {}


SPEC = Spec(name="their_rule", init=init, update=update, source="nobody", reference="SGD",
            cases=(case("default", "what a user gets"), case("fast", "lr", lr=0.5)))
'''


def test_the_command_says_so_and_ends_with_5(planted, tmp_path):
    planted("closure", ours)
    saved = tmp_path / "report.json"
    chosen = ("--checks", "closure,step-moves", "--expect", "closure=known")
    done = check("torch.optim:SGD", "--quick", *chosen, "--json", saved)
    assert done.exit_code == 5, done.output
    assert f"closure: error: {OURS}" in done.output and "LookupError: planted" in done.output
    body = json.loads(saved.read_text())
    jsonschema.validate(body, SCHEMA)
    assert (body["passed"], body["ran"], body["counts"]["error"]) == (False, 1, 1)
    assert check("torch.optim:SGD", "--quick", "--checks", "closure").exit_code == 5, "not 4: it is not their doing"


def test_a_failure_stands_whatever_else_went_wrong(planted):
    planted("defaults", ours)
    done = check("their_optimizers:Prints", "--against", "rmsprop", "--quick", "--checks", "defaults,global-state")
    assert done.exit_code == 1, done.output
    assert OURS in done.output, "and the error is not hidden"


def test_in_pytest_it_fails_with_that_text_whatever_is_expected(planted, run):
    planted("closure", ours)
    given = ("--twinstep", "torch.optim:SGD", "--twinstep-quick", "-k", "closure or step-moves")
    ran = run(*given, "--twinstep-expect", "closure=known")
    ran.assert_outcomes(failed=1, passed=1)
    ran.stdout.fnmatch_lines([f"closure: error: {OURS}:", "*LookupError: planted", "*1 error"])


def test_what_cannot_be_judged_first_leaves_the_rest_unjudged(planted):
    planted("is-an-optimizer", ours)
    found = verdicts(check_optimizer(torch.optim.SGD, checks=["closure"], quick=True))
    assert found == {"is-an-optimizer": "error", "closure": "not applicable"}
