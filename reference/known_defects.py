"""What is known to be wrong in the reference itself, as data. Each entry is strict: its test fails once it is mended.

An entry says where it applies, why, and since which version it was seen; the test that meets it expects exactly the
error named here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


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
