"""torch.optim and our own formulas before the battery, as everybody: no false alarm; known defects are strict."""

from __future__ import annotations

import functools
import re
import warnings

import pytest
import torch

from twinstep import scratch_impls
from twinstep.bench.adapter import ScratchOptimizer, as_optimizer
from twinstep.bench.battery.checks import CHECKS
from twinstep.bench.battery.judge import check_optimizer
from twinstep.bench.report import defects
from twinstep.reference import known_defects, torch_paths
from twinstep.reference.known_defects import DEFECTS, expected_failures

CLASSES = sorted({spec.reference for spec in scratch_impls.all_specs() if spec.reference})
# Each walks all cases, or hundreds of steps; test_lockstep and test_replay judge agreement on every path anyway.
LONG = (
    "one-step",
    "many-steps",
    "tiny-gradients",
    "late-parameters",
    "paths",
    "long-run",
    "constant-gradients",
    "unusual-values",
    "large-tensor",
    "descends",
)
SHORT = [name for name in CHECKS if name not in LONG]


# What judges how an optimizer is driven applies to every formula, but where its rule leaves nothing to be asked: it has
# no such option, Rprop reads lr once and ASGD a step late, and L-BFGS moves all parameters as one, in one group.
DRIVING = ("protocol", "options", "structure", "ownership")
BY_ITS_RULE = ("has no option maximize", "by design", "moves all parameters as one", "hold no option but lr")


# A path is another kernel below one class: closures, options as they are read, saving and loading are the class's, and
# test_lockstep holds every case on every path. No known defect of a path is found by these alone; the thorough tests
# judge every path by everything.
ABOVE_PATHS = ("target", "protocol", "options", "persistence", "cost")
# As for its parts, and it takes half the time of all the others; beside groups of a path there are the bugs of paths.
LONG_ON_A_PATH = ("groups",)


def of_a_path(check):
    return chapter(check) not in ABOVE_PATHS and check not in LONG_ON_A_PATH


def chapter(check):
    return CHECKS[check].function.__module__.split(".")[-2]


def flags(name):
    """How a user can make the class: the path that torch chooses, or one by name."""
    return ["default", *(path for path in torch_paths.paths(name) if path != "forloop")]


def made(name, path):
    cls = torch_paths.twin(name)
    return cls if path == "default" else functools.partial(cls, **{path: True})


CELLS = [(name, path) for name in CLASSES for path in flags(name)]
each_cell = pytest.mark.parametrize(("name", "path"), CELLS, ids=[f"{name}-{path}" for name, path in CELLS])
each_formula = pytest.mark.parametrize("name", scratch_impls.names())
each_seed = pytest.mark.parametrize("seed", range(20))
thorough = pytest.mark.thorough("the whole battery, eight minutes a seed")


def faults(report):
    return [str(result) for result in report.results if result.bad]


def test_there_is_something_to_judge():
    assert {"SGD", "Adagrad", "RMSprop", "Adam", "AdamW"} <= set(CLASSES)
    assert len(CELLS) >= 14 and set(LONG) <= set(CHECKS)


@pytest.mark.parametrize("name", CLASSES)
def test_torch_passes_but_for_its_known_defects(name):
    """The short checks, the defects' own among them, as a user gets the class."""
    judge(name, "default", SHORT, fewest=22)


@pytest.mark.thorough(
    "other kernels below the same classes: test_lockstep and test_replay judge every path in every run"
)
@each_cell
def test_other_paths_of_torch_pass_but_for_their_known_defects(name, path):
    judge(name, path, [check for check in SHORT if of_a_path(check)], fewest=12)


def judge(name, path, checks, fewest):
    expected = expected_failures(made(name, path), ["float32"])
    report = check_optimizer(made(name, path), checks={*checks, *expected}, quick=True)
    assert report.passed and report.ran >= fewest, faults(report)
    assert {r.check for r in report.results if r.status == "failed as expected"} == set(expected)


def test_defects_of_one_format_are_found_there():
    cells = {(cls, path, d.dtypes) for d in DEFECTS if d.dtypes for cls in d.classes for path in d.paths}
    for cls, path, dtypes in sorted(cells):
        everywhere = expected_failures(made(cls, path), ["float32"])
        expected = set(expected_failures(made(cls, path), dtypes)) - set(everywhere)
        report = check_optimizer(made(cls, path), checks=expected, dtypes=dtypes)
        assert {r.check for r in report.results if r.status == "failed as expected"} == expected, faults(report)


@each_formula
def test_our_own_formulas_pass(name):
    expected = expected_failures(as_optimizer(name), ["float32"])  # what a formula shares with its twin
    report = check_optimizer(name, checks={*SHORT, *expected}, quick=True)
    assert report.passed and report.ran >= 22, faults(report)
    for result in report.results:
        if result.status == "not applicable" and chapter(result.check) in DRIVING:
            assert any(words in result.message for words in BY_ITS_RULE), str(result)


@thorough
@each_seed
@each_cell
def test_no_false_alarm_on_torch(name, path, seed):
    report = check_optimizer(made(name, path), seed=seed)
    assert report.passed and report.ran >= 32, faults(report)


@thorough
@each_seed
@each_formula
def test_no_false_alarm_on_our_formulas(name, seed):
    report = check_optimizer(name, seed=seed)
    assert report.passed and report.ran >= 28, faults(report)


REPRODUCED = [(defect, cls) for defect in DEFECTS for cls in defect.classes if cls in CLASSES]


@pytest.mark.parametrize(("defect", "cls"), REPRODUCED, ids=[f"{d.name}-{cls}" for d, cls in REPRODUCED])
def test_a_known_defect_is_there_as_its_reproduction_says(defect, cls):
    """The last line of each asserts the defect; when torch mends it, this fails and the entry goes."""
    assert len(defect.reproduction.splitlines()) <= 11, defect.name
    assert set(defect.checks) <= set(CHECKS) and set(defect.paths) <= {"default", "foreach", "fused"}
    script = re.sub('^cls = ".*', f'cls = "{cls}"', defects.script(defect))  # as the page has it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(compile(script, defect.name, "exec"), {})
        finally:
            torch.use_deterministic_algorithms(False)


def test_every_defect_that_was_known_before_is_found():
    """Those that stood in issues and sources of torch when the battery was begun, in the order of that list."""
    known = {
        "fused-sgd-found-inf", "radam-foreach-zero-gradients", "centered-constant-gradients", "half-zero-gradients",
        "learned-decay-writes-gradients", "load-aliases", "load-casts-wide-numbers", "fused-sgd-half",
    }  # fmt: skip
    found = {defect.name for defect in DEFECTS if defect.checks}
    assert known <= found, known - found


def test_nobody_elses_class_has_defects_that_are_excused():
    class TheirSGD(torch_paths.twin("SGD")):
        pass

    assert expected_failures(TheirSGD) == {}
    assert expected_failures(ScratchOptimizer) == {}
    assert known_defects.path_of(functools.partial(made("SGD", "fused"), lr=1.0))[1] == "fused"
    assert set(expected_failures(as_optimizer("rmsprop"))) < set(expected_failures(made("RMSprop", "default")))
    assert expected_failures(made("SGD", "fused")) != expected_failures(made("SGD", "default"))


def test_control_a_defect_that_is_not_there_is_told():
    """Strict: what was expected to fail and passes is a failure."""
    mended = {"defaults": "no more"}
    report = check_optimizer(made("SGD", "default"), checks=["defaults"], expected_failures=mended, quick=True)
    assert not report.passed and report.results[0].status == "passed unexpectedly"
