"""What is known to be wrong in the classes of torch.optim: one data file a class, read and handed out here.

radam.toml tells all that is known of RAdam. A defect that several classes have is written once, in _shared.toml, and
the file of each class names it. Every defect is strict: once torch is mended its script fails, and the entry goes.
docs/torch-defects.md is made of them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...scratch_impls import Spec, load, names
from ._reader import Defect, read

DEFECTS: tuple[Defect, ...] = read()


def known_defect(
    reference: str | None, path: str, scenario: str, hyper: Mapping[str, Any], dtype: str = "float32"
) -> Defect | None:
    """The defect that a comparison with these coordinates will meet, or None."""
    for defect in DEFECTS:
        how = defect.comparison
        # On a CPU the default is the for-loop: `_default_to_fused_or_foreach` takes foreach on accelerators alone.
        there = reference in defect.classes and path.replace("forloop", "default") in defect.paths
        if not how or not there or not defect.shows_in(dtype) or how.scenario not in (scenario, "every"):
            continue
        if all(hyper.get(option) for option in how.options):
            return defect
    return None


def mended(reference: str | None, dtype: str) -> bool:
    """Whether the twin is judged with the cause of a defect taken away, in this format."""
    return any(reference in d.classes and dtype in d.comparison.mended for d in DEFECTS if d.comparison)


def numbers_differ(reference: str | None, dtype: str) -> bool:
    """Whether the twin's numbers are known to be others than its formula's, in this format."""
    known = (d for d in DEFECTS if d.comparison and reference in d.classes and d.raises is AssertionError)
    return mended(reference, dtype) or any(defect.shows_in(dtype) for defect in known)


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


def defects_of(name: str, path: str, dtypes: Sequence[str]) -> Iterator[Defect]:
    """Those of a class on a path ("default", "foreach", "fused") that show in one of the formats."""
    for defect in DEFECTS:
        if any(map(defect.shows_in, dtypes)) and name in defect.classes and path in defect.paths:
            yield defect
