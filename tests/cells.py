"""The cells of the agreement tests: every case of every registered formula, on every path of its twin."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from twinstep.bench.adapter import as_optimizer
from twinstep.reference import torch_paths
from twinstep.reference.known_defects import known_defect
from twinstep.scratch_impls import Case, Spec, all_specs

DTYPES = ("float32", "float64")


def torch_cases() -> list[tuple[Spec, Case]]:
    """Every case that is held against torch, as far as the installed torch has its options."""
    pairs = [(spec, case) for spec in all_specs() for case in spec.cases if case.reference == "torch"]
    return [(spec, case) for spec, case in pairs if not lacking(spec, case)]


def lacking(spec: Spec, case: Case) -> set[str]:
    """The options of a case that this version of torch does not have yet."""
    return set(case.hyper) - torch_paths.options(spec.reference)


def each_case() -> Any:
    """Parametrizes (spec, case) over every case that has a torch twin."""
    pairs = torch_cases()
    return pytest.mark.parametrize(("spec", "case"), pairs, ids=[f"{s.name}/{c.name}" for s, c in pairs])


def each_cell(scenario: str, *, only_defects: bool = False) -> Any:
    """Parametrizes (spec, case, path); a cell that meets a known defect of torch is a strict expected failure."""
    cells = []
    for spec, case in torch_cases():
        for path in torch_paths.paths(spec.reference):
            defect = known_defect(spec.reference, path, scenario, case.hyper)
            if only_defects and defect is None:
                continue
            marks = [pytest.mark.xfail(strict=True, raises=defect.raises, reason=defect.reason)] if defect else []
            cells.append(pytest.param(spec, case, path, id=f"{spec.name}/{case.name}-{path}", marks=marks))
    return pytest.mark.parametrize(("spec", "case", "path"), cells)


each_dtype = pytest.mark.parametrize("dtype", DTYPES)
each_spec = pytest.mark.parametrize("spec", all_specs(), ids=lambda s: s.name)


def twin(spec: Spec, path: str = "forloop") -> Any:
    return functools.partial(torch_paths.build, spec.reference, path)


def scratch(spec: Spec) -> Any:
    return as_optimizer(spec)
