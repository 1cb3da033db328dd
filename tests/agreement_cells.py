"""The cells of the agreement tests: every case of every registered formula, on every path of its twin."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import pytest

from twinstep.bench.adapter import as_optimizer
from twinstep.reference import torch_paths
from twinstep.reference.known_defects import known_defect, mended
from twinstep.scratch_impls import Case, Spec, all_specs

TWINNED = tuple(spec for spec in all_specs() if spec.reference)  # the others have nobody to agree with
DTYPES = ("float32", "float64")


def torch_cases() -> list[tuple[Spec, Case]]:
    """Every case that is held against torch, as far as the installed torch has its options."""
    pairs = [(spec, case) for spec in TWINNED for case in spec.cases if case.reference == "torch"]
    return [(spec, case) for spec, case in pairs if not lacking(spec, case)]


def lacking(spec: Spec, case: Case) -> set[str]:
    """The options of a case that this version of torch does not have yet."""
    return set(case.hyper) - torch_paths.options(spec.reference) if spec.reference else set()


def each_case() -> Any:
    """Parametrizes (spec, case) over every case that has a torch twin."""
    pairs = torch_cases()
    return pytest.mark.parametrize(("spec", "case"), pairs, ids=[f"{s.name}/{c.name}" for s, c in pairs])


def each_cell() -> Any:
    """Parametrizes (spec, case, path)."""
    cells = [
        pytest.param(spec, case, path, id=f"{spec.name}/{case.name}-{path}")
        for spec, case in torch_cases()
        for path in torch_paths.paths(spec.reference)
    ]
    return pytest.mark.parametrize(("spec", "case", "path"), cells)


def richest(spec: Spec) -> Case:
    """Of the cases with a twin the one with most options."""
    return max((case for each, case in torch_cases() if each is spec), key=lambda case: len(case.hyper))


def each_defect(scenario: str) -> Any:
    """Parametrizes (spec, case, path, dtype) over what meets a known defect of torch: strict expected failures."""
    cells = []
    for spec, case in torch_cases():
        for path, dtype in itertools.product(torch_paths.paths(spec.reference), DTYPES):
            defect = known_defect(spec.reference, path, scenario, case.hyper, dtype)
            if defect is not None:
                marks = pytest.mark.xfail(strict=True, raises=defect.raises, reason=defect.reason)
                name = f"{spec.name}/{case.name}-{path}-{dtype}"
                cells.append(pytest.param(spec, case, path, dtype, id=name, marks=marks))
    return pytest.mark.parametrize(("spec", "case", "path", "dtype"), cells)


each_path = pytest.mark.parametrize(
    ("spec", "path"),
    [pytest.param(s, path, id=f"{s.name}-{path}") for s in TWINNED for path in torch_paths.paths(s.reference)],
)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)
each_twinned_spec = pytest.mark.parametrize("spec", TWINNED, ids=lambda s: s.name)
each_grouped_spec = pytest.mark.parametrize("spec", [s for s in TWINNED if not s.closure], ids=lambda s: s.name)
each_spec = pytest.mark.parametrize("spec", all_specs(), ids=lambda s: s.name)


def twin(spec: Spec, path: str = "forloop", dtype: str = "float32") -> Any:
    """torch's class; with the cause of a known defect taken away, where that can be done and the format shows it."""
    return functools.partial(torch_paths.build, spec.reference, path, mended=mended(spec.reference, dtype))


def scratch(spec: Spec) -> Any:
    return as_optimizer(spec)
