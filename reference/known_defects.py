"""What is known to be wrong in the reference itself, as data. Each entry is strict: its test fails once it is mended.

An entry says where it applies, why, and since which version it was seen; the test that meets it expects exactly the
error named here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..scratch_impls import Spec, load, names
from .torch_defects import BATTERY_DEFECTS, BatteryDefect


@dataclass(frozen=True, kw_only=True)
class Defect:
    """One known failure of a class of the reference.

    path        the path that shows it, or "every"
    scenario    the kind of history that shows it, or "every"
    applies     predicate over the case's hyperparameters
    raises      the exception that is expected, or AssertionError where numbers disagree
    dtypes      the formats that show it
    mended      the formats in which `torch_paths.build(..., mended=True)` takes the cause away: the class is judged so,
                and then must agree
    """

    name: str
    reference: str
    path: str
    scenario: str
    applies: Callable[[Mapping[str, Any]], bool]
    raises: type[Exception]
    reason: str
    seen: str
    dtypes: tuple[str, ...] = ("float32", "float64")
    mended: tuple[str, ...] = ()


def _float32_numbers(reference: str, what: str) -> Defect:
    return Defect(
        name=f"{reference.lower()}-float32-numbers",
        reference=reference,
        path="every",
        scenario="every",
        applies=lambda hyper: True,
        raises=AssertionError,
        reason=f"{what} in float32 even where the parameters are float64, so that float64 training has float32 steps",
        seen="torch 2.13.0, CPU",
        dtypes=("float64",),
        mended=("float64",),
    )


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
    _float32_numbers("NAdam", "the product of momenta, mu_product, is kept"),
    _float32_numbers("ASGD", "the rates eta and mu are kept"),
    Defect(
        name="muon-bfloat16",
        reference="Muon",
        path="every",
        scenario="every",
        applies=lambda hyper: True,
        raises=AssertionError,
        reason="the momentum is orthogonalized in bfloat16 whatever the format of the parameters: two digits of a step",
        seen="torch 2.13.0, CPU",
        dtypes=("float64",),  # where float32 rounds, five iterations make it nearly as much
        mended=("float32", "float64"),
    ),
)


def known_defect(
    reference: str | None, path: str, scenario: str, hyper: Mapping[str, Any], dtype: str = "float32"
) -> Defect | None:
    """The defect that a comparison with these coordinates will meet, or None."""
    for defect in DEFECTS:
        here = defect.path in (path, "every") and defect.scenario in (scenario, "every") and dtype in defect.dtypes
        if defect.reference == reference and here and defect.applies(hyper):
            return defect
    return None


def mended(reference: str | None, dtype: str) -> bool:
    """Whether the twin is judged with the cause of a defect taken away, in this format."""
    return any(d.reference == reference and dtype in d.mended for d in DEFECTS)


def path_of(make: Any) -> tuple[Any, str]:
    """The class behind a partial, and the path that the partial asks for."""
    given: dict[str, Any] = {}
    while isinstance(make, functools.partial):
        given, make = {**make.keywords, **given}, make.func
    return make, next((path for path in ("fused", "foreach") if given.get(path)), "default")


def load_if_ours(name: str) -> Spec | None:
    """The registered formula of that name; somebody else's may have the same."""
    return load(name) if name in names() else None


def expected_failures(make: Any, dtypes: Sequence[str] = ("float32", "float64")) -> dict[str, str]:
    """check -> reason, for a class of torch.optim, a partial of one, or a formula of ours; else nothing.

    dtypes      the formats that are judged
    """
    cls, path = path_of(make)
    name = getattr(cls, "__name__", "")
    if isinstance(spec := getattr(cls, "spec", None), Spec) and spec is load_if_ours(spec.name):
        name = spec.name
    elif not isinstance(cls, type) or not f"{cls.__module__}.".startswith("torch.optim."):
        return {}
    found: dict[str, list[str]] = {}
    for defect in defects_of(name, path, dtypes):
        for check in defect.checks:
            found.setdefault(check, []).append(f"{defect.reason} ({defect.seen})")
    return {check: "; ".join(reasons) for check, reasons in found.items()}


def defects_of(name: str, path: str, dtypes: Sequence[str]) -> Iterator[BatteryDefect]:
    """Those of a class on a path ("default", "foreach", "fused") that show in one of the formats."""
    for defect in BATTERY_DEFECTS:
        there = not defect.dtypes or set(dtypes) & set(defect.dtypes)
        if there and name in defect.classes and path in defect.paths:
            yield defect
