"""What is known to be wrong in the reference itself, as data. Each entry is strict: its test fails once it is mended.

An entry says where it applies, why, and since which version it was seen; the test that meets it expects exactly the
error named here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..scratch_impls import Spec, load, names


@dataclass(frozen=True, kw_only=True)
class Defect:
    """One known failure of a class of the reference.

    applies     predicate over the case's hyperparameters
    scenario    the kind of history that shows it
    raises      the exception that is expected, or AssertionError where numbers disagree
    """

    name: str
    reference: str
    path: str
    scenario: str
    applies: Callable[[Mapping[str, Any]], bool]
    raises: type[Exception]
    reason: str
    seen: str


DEFECTS: tuple[Defect, ...] = (
    Defect(
        name="fused-sgd-late-start",
        reference="SGD",
        path="fused",
        scenario="late-start",
        applies=lambda hyper: bool(hyper.get("momentum")),
        raises=TypeError,
        reason="a parameter whose first gradient arrives after the others' has no momentum buffer yet, and fused SGD "
        "hands a list that mixes tensors and None to its kernel: 'expected Tensor ... but got NoneType'",
        seen="torch 2.13.0, CPU",
    ),
)


def known_defect(reference: str, path: str, scenario: str, hyper: Mapping[str, Any]) -> Defect | None:
    """The defect that a comparison with these coordinates will meet, or None."""
    for defect in DEFECTS:
        where = (defect.reference, defect.path, defect.scenario)
        if where == (reference, path, scenario) and defect.applies(hyper):
            return defect
    return None


@dataclass(frozen=True, kw_only=True)
class BatteryDefect:
    """What the battery finds in classes of torch.optim themselves.

    checks          the checks that fail by it
    classes         the classes that have it, and formulas of ours (by their small names) that share it
    paths           "default", "foreach", "fused": the argument that the class was made with
    reproduction    at most ten lines; {cls} is the class, and the last line asserts that the defect is there
    seen            the versions of torch that were seen to have it, and where; a CUDA device takes foreach by default
    """

    name: str
    checks: tuple[str, ...]
    classes: tuple[str, ...]
    paths: tuple[str, ...]
    reason: str
    reproduction: str
    seen: str = "torch 2.13.0, CPU"


ALL = ("SGD", "Adagrad", "RMSprop", "Adam", "AdamW")
EVERY_PATH = ("default", "foreach", "fused")

BATTERY_DEFECTS: tuple[BatteryDefect, ...] = (
    BatteryDefect(
        name="load-aliases",
        checks=("load-no-aliasing",),
        classes=ALL,
        paths=EVERY_PATH,
        reason="load_state_dict keeps the tensors of the dict it is given, so that steps change the dict",
        reproduction="""\
import torch
options = {"momentum": 0.9} if "{cls}" == "SGD" else {}
one, other = (torch.optim.{cls}([torch.nn.Parameter(torch.zeros(1))], **options) for _ in range(2))
one.param_groups[0]["params"][0].grad = torch.ones(1)
one.step()
saved = one.state_dict()
other.load_state_dict(saved)
name = "momentum_buffer" if options else "step"
assert list(other.state.values())[0][name] is saved["state"][0][name]
""",
    ),
    BatteryDefect(
        name="half-zero-gradients",
        checks=("float16-zero-gradients",),
        classes=("Adagrad", "RMSprop", "Adam", "AdamW"),
        paths=("default", "foreach"),
        reason="the default eps is 0 in float16, and gradients of zero give 0/0 (fused computes in float32)",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.zeros(1, dtype=torch.float16))
optimizer = torch.optim.{cls}([p])
p.grad = torch.zeros_like(p)
optimizer.step()
assert bool(p.isnan())
""",
    ),
    BatteryDefect(
        name="centered-constant-gradients",
        checks=("constant-gradients",),
        classes=("RMSprop", "rmsprop"),
        paths=("default", "foreach"),
        reason="centered: under constant gradients v - m^2 rounds below 0, and its root is NaN; so does our formula, "
        "which keeps torch's convention",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.zeros(64))
optimizer = torch.optim.RMSprop([p], alpha=0.9, eps=1e-3, centered=True)
p.grad = torch.logspace(-6, 4, 64)
for _ in range(200):
    optimizer.step()
assert bool(p.isnan().any())
""",
    ),
    BatteryDefect(
        name="adagrad-group-accumulator",
        checks=("groups",),
        classes=("Adagrad",),
        paths=EVERY_PATH,
        reason="a group's own initial_accumulator_value is not used: state is made with the constructor's",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.zeros(1))
optimizer = torch.optim.Adagrad([{"params": [p], "initial_accumulator_value": 1.0}])
assert optimizer.state[p]["sum"].item() == 0.0
""",
    ),
    BatteryDefect(
        name="foreach-nesterov-writes-gradients",
        checks=("inputs-untouched", "no-aliasing"),
        classes=("SGD",),
        paths=("foreach",),
        reason="foreach SGD with nesterov and without weight decay adds the momentum to p.grad in place, twice to a "
        "gradient that two parameters share",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.zeros(1))
optimizer = torch.optim.SGD([p], lr=0.1, momentum=0.9, nesterov=True, foreach=True)
p.grad = torch.ones(1)
optimizer.step()
assert p.grad.item() != 1.0  # 1.9
""",
    ),
    BatteryDefect(
        name="fused-strides",
        checks=("strides",),
        classes=("SGD", "Adagrad", "Adam", "AdamW"),
        paths=("fused",),
        reason="the fused kernel of the CPU pairs parameter and gradient in the order of memory: with other strides "
        "than the parameter's, elements take each other's gradients",
        reproduction="""\
import torch
ends = []
for fused in (False, True):
    p = torch.nn.Parameter(torch.zeros(2, 3).t())  # 3 x 2, column by column
    optimizer = torch.optim.{cls}([p], lr=0.1, fused=fused)
    for k in (1.0, -0.5):
        p.grad = torch.arange(6.0).view(3, 2) ** k if k > 0 else torch.full((3, 2), k)
        optimizer.step()
    ends.append(p.detach())
assert not torch.allclose(*ends)
""",
    ),
    BatteryDefect(
        name="fused-sgd-late-start",
        checks=("late-parameters", "late-start", "frozen"),
        classes=("SGD",),
        paths=("fused",),
        reason="a parameter whose first gradient arrives after the others' has no momentum buffer yet, and fused SGD "
        "hands a list that mixes tensors and None to its kernel",
        reproduction="""\
import torch
p, q = (torch.nn.Parameter(torch.zeros(1)) for _ in range(2))
optimizer = torch.optim.SGD([p, q], lr=0.1, momentum=0.9, fused=True)
p.grad = torch.ones(1)
optimizer.step()
q.grad = torch.ones(1)
try:
    optimizer.step()
except TypeError as error:
    assert "NoneType" in str(error)
""",
    ),
    BatteryDefect(
        name="fused-sgd-found-inf",
        checks=("grad-scaler",),
        classes=("SGD",),
        paths=("fused",),
        reason="fused SGD whose first step is skipped by found_inf goes on from a momentum buffer that nobody wrote to",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.zeros(1))
optimizer = torch.optim.SGD([p], lr=0.1, momentum=0.9, fused=True)
optimizer.grad_scale, optimizer.found_inf = torch.ones(()), torch.ones(())
p.grad = torch.ones(1)
optimizer.step()
assert optimizer.state[p]["momentum_buffer"] is not None  # torch.empty_like, not initialised
""",
    ),
    BatteryDefect(
        name="fused-sgd-half",
        checks=("float16", "bfloat16"),
        classes=("SGD",),
        paths=("fused",),
        reason="fused SGD of the CPU leaves full vector blocks (n >= 16) as they are in float16 and bfloat16 "
        "(pytorch#191763, corrected in #192545)",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.zeros(32, dtype=torch.bfloat16))
optimizer = torch.optim.SGD([p], lr=1.0, fused=True)
p.grad = torch.ones_like(p)
optimizer.step()
assert bool((p == 0).any())
""",
    ),
)


def path_of(make: Any) -> tuple[Any, str]:
    """The class behind a partial, and the path that the partial asks for."""
    given: dict[str, Any] = {}
    while isinstance(make, functools.partial):
        given, make = {**make.keywords, **given}, make.func
    return make, next((path for path in ("fused", "foreach") if given.get(path)), "default")


def load_if_ours(name: str) -> Spec | None:
    """The registered formula of that name; somebody else's may have the same."""
    return load(name) if name in names() else None


def expected_failures(make: Any) -> dict[str, str]:
    """check -> reason, for a class of torch.optim, a partial of one, or a formula of ours; else nothing."""
    cls, path = path_of(make)
    name = getattr(cls, "__name__", "")
    if isinstance(spec := getattr(cls, "spec", None), Spec) and spec is load_if_ours(spec.name):
        name = spec.name
    elif not isinstance(cls, type) or not cls.__module__.startswith("torch.optim."):
        return {}
    return {
        check: f"{defect.reason} ({defect.seen})"
        for defect in BATTERY_DEFECTS
        if name in defect.classes and path in defect.paths
        for check in defect.checks
    }
