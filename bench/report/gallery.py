"""The gallery: every optimizer of the registry on one page, with what is measured of it.

One rule keeps it from going stale, and from changing with the machine that makes it: a product replaces the one that is
there only where it differs by more than other kernels round. Text must be equal; figures and pictures have a tolerance.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch.optim import Optimizer

from ... import scratch_impls
from ...reference import torch_paths
from ...reference.known_defects import mended
from ...scratch_impls import Case, Spec
from ..adapter import as_optimizer
from ..battery.checks.special_values._low_precision import in_range_of_the_format, low_precision_scenario
from ..compare.replay import Factory, replay
from ..compare.scenario import Scenario, synced_scenario
from ..records.tables import TableError, replace_file
from ..speed.contest import factory, twin
from ..study import problems
from ..study.task import one_thread
from ..study.train import Training, train, trainable
from . import defects, pages
from . import pictures as plots
from .pages import DRAWN, DTYPES, FORMATS, NARROW, Key

PAGE, PICTURES, FIGURES = Path("docs/gallery.md"), Path("docs/gallery"), Path("results/gallery.csv")
OVERVIEW, README, DEFECTS = PICTURES / "overview.png", Path("README.md"), Path("docs/torch-defects.md")
CHECKS_PAGE = Path("docs/checks.md")

# Of a bound, and relative of a loss. Measured with torch's kernels for AVX-512, for AVX2 and without vectors: bounds
# move by up to 0.85 (momentum in float32, 0 with vectors), losses not in nine digits.
BOUND_TOLERANCE, LOSS_TOLERANCE = 1.0, 1e-6
# Of colours from 0 to 1, root of the mean square. Measured likewise: 0.004 at most (Adadelta, late in the valley); a
# rate that is a twentieth larger moves the picture of gradient descent by 0.04.
PICTURE_TOLERANCE = 0.01
# Steps that are drawn: what follows on Rosenbrock amplifies rounding until it can be seen.
LONGEST = 500


@dataclass(frozen=True)
class Entry:
    """What is measured of one optimizer."""

    spec: Spec
    figures: dict[Key, float]
    runs: dict[str, dict[str, Training]]
    picture: bytes


def measure(spec: Spec) -> Entry:
    """Lockstep with every path, and a run on each problem that can be drawn."""
    runs = {name: _run(spec, name) for name in DRAWN}
    losses = {(spec.name, side, "loss on the bowl"): run.final_loss for side, run in runs["bowl"].items()}
    return Entry(spec, {**dict(_gaps(spec)), **losses}, runs, _picture(spec, runs))


def _gaps(spec: Spec) -> Iterator[tuple[Key, float]]:
    """The largest gap of all cases, in single steps from synchronised state."""
    # The book's cases have eps and lr where torch has not: the twin cannot take them.
    cases = [case for case in spec.cases if case.reference == "torch"]
    for implementation, dtype, theirs in _references(spec):
        gaps = [
            replay(spec, hyper, as_optimizer(spec), theirs, scenario, dtype=dtype, equal_params=True).worst().gap_bounds
            for case in cases
            for hyper, scenario in _steps(spec, case, dtype)
        ]
        yield (spec.name, implementation, dtype), max(gaps)


def _steps(spec: Spec, case: Case, dtype: str) -> Iterator[tuple[Mapping[str, Any], Scenario]]:
    """One step from the start and one from a state that has settled; in a narrow format five, of a size that fits."""
    if dtype in NARROW:
        yield in_range_of_the_format(case, spec), low_precision_scenario(0, steps=5)
        return
    # Ten steps: the averages are filled, the bias corrections far from 1, and RAdam rectifies.
    for warm in (0, 10):
        yield case.hyper, synced_scenario(spec, case.hyper, sizes=((8, 9),), warm=warm, dtype=dtype)


def _references(spec: Spec) -> Iterator[tuple[str, str, Factory]]:
    """Whom the formula is held against, by name, in each format; a known defect is mended where it can be.

    NumPy has no bfloat16, and the products of L-BFGS leave the range of narrow formats or their digits.
    """
    if spec.reference is None:
        yield from (("scratch-numpy", dtype, factory(spec, "scratch-numpy")) for dtype in DTYPES)
        return
    for path in torch_paths.paths(spec.reference):
        for dtype in DTYPES if spec.closure else FORMATS:
            yield f"torch-{path}", dtype, _on_path(spec.reference, path, mended(spec.reference, dtype))


def _on_path(reference: str, path: str, mends: bool) -> Factory:
    def make(params: Any, **hyper: Any) -> Optimizer:
        return torch_paths.build(reference, path, params, mended=mends, **hyper)

    return make


def _run(spec: Spec, name: str) -> dict[str, Training]:
    problem = problems.load(name)
    short = replace(problem, steps=min(problem.steps, LONGEST))
    name, theirs = twin(spec, "float64")
    sides = {"scratch": trainable(spec, as_optimizer(spec)), name: trainable(spec, theirs)}
    return train(short, sides, hyper=spec.case_for(problem.name).hyper, seed=0, dtype="float64")


def _picture(spec: Spec, runs: dict[str, dict[str, Training]]) -> bytes:
    cases = [(problems.load(name), spec.case_for(name), run) for name, run in runs.items()]
    return plots.png(plots.pair(spec, cases))


# What is there, and what differs


def read_figures(root: Path) -> dict[Key, float]:
    """The figures that are there, none where there is no file. TableError for a file that holds something else."""
    if not (root / FIGURES).is_file():
        return {}
    try:
        with (root / FIGURES).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return {(row["optimizer"], row["implementation"], row["what"]): float(row["value"]) for row in rows}
    except (KeyError, TypeError, ValueError) as error:
        cause = f"{type(error).__name__}: {error}"
        raise TableError(
            f"{FIGURES.as_posix()} holds no figures ({cause}): delete it, and they are measured anew"
        ) from None


def keep_if_equal(new: dict[Key, float], old: dict[Key, float]) -> dict[Key, float]:
    """The new figures; the old one wherever the two are the same but for rounding."""
    return {key: old[key] if key in old and _same(key, value, old[key]) else value for key, value in new.items()}


def _same(key: Key, new: float, old: float) -> bool:
    # Which side of 1 it stands on is a verdict and must be equal; how far beyond is noise of a thing that is wrong
    # anyway.
    if key[2] in FORMATS:
        return (new > 1 and old > 1) or ((new > 1) == (old > 1) and abs(new - old) <= BOUND_TOLERANCE)
    return abs(new - old) <= LOSS_TOLERANCE * abs(old)


def pictures_match(new: bytes, old: bytes) -> bool:
    """Whether two pictures look the same; what is no picture looks like none."""
    try:
        a, b = plots.pixels(new), plots.pixels(old)
    except (OSError, SyntaxError, ValueError):  # as Pillow says that a file is damaged
        return False
    return a.shape == b.shape and float(np.sqrt(np.mean((a - b) ** 2))) <= PICTURE_TOLERANCE


def check_readable(root: Path) -> None:
    """TableError where something that is there cannot be read, before anything is measured."""
    read_figures(root)
    if (root / README).is_file():
        pages.with_index((root / README).read_text(encoding="utf-8"), (), {})


def products(root: Path, entries: Sequence[Entry]) -> dict[Path, bytes]:
    """Every file of the gallery as it should be, where what is there is good enough as it is."""
    new = {key: value for entry in entries for key, value in entry.figures.items()}
    figures = keep_if_equal(new, read_figures(root))
    specs = [entry.spec for entry in entries]
    texts = {PAGE: pages.page(specs, figures), FIGURES: _csv(figures)}
    texts |= {DEFECTS: defects.page(), CHECKS_PAGE: pages.checks_page()}
    if (root / README).is_file():
        texts[README] = pages.with_index((root / README).read_text(encoding="utf-8"), specs, figures)
    drawn = {OVERVIEW: plots.png(plots.overview(problems.load("bowl"), {e.spec.name: e.runs["bowl"] for e in entries}))}
    drawn |= {PICTURES / f"{entry.spec.name}.png": entry.picture for entry in entries}
    return {**{path: text.encode() for path, text in texts.items()}, **dict(_kept(root, drawn))}


def _kept(root: Path, drawn: dict[Path, bytes]) -> Iterator[tuple[Path, bytes]]:
    """Each picture, or the one that is there where the two look the same."""
    for path, picture in drawn.items():
        old = (root / path).read_bytes() if (root / path).is_file() else b""
        yield path, old if old and pictures_match(picture, old) else picture


def stale(root: Path, wanted: dict[Path, bytes]) -> list[str]:
    """What is not as it should be, one line each."""
    found = []
    for path, content in wanted.items():
        if not (root / path).is_file():
            found.append(f"{path.as_posix()} is missing")
        elif (root / path).read_bytes() != content:
            found.append(f"{path.as_posix()} is not what the registry gives")
    return found + [f"{path.as_posix()} is of no optimizer here" for path in _left_over(root, wanted)]


def _left_over(root: Path, wanted: dict[Path, bytes]) -> list[Path]:
    there = sorted(path.relative_to(root) for path in (root / PICTURES).glob("*.png"))
    return [path for path in there if path not in wanted]


def write(root: Path, wanted: dict[Path, bytes]) -> None:
    """Replaces what differs, each file in one move, and removes the pictures of optimizers that are gone."""
    (root / PICTURES).mkdir(parents=True, exist_ok=True)
    for path, content in wanted.items():
        if not (root / path).is_file() or (root / path).read_bytes() != content:
            replace_file(root / path, lambda content=content: content)  # type: ignore[misc]
    for path in _left_over(root, wanted):
        (root / path).unlink()


def _csv(figures: dict[Key, float]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("optimizer", "implementation", "what", "value"))
    writer.writerows((*key, f"{value:.9g}") for key, value in figures.items())
    return out.getvalue()


def entries() -> list[Entry]:
    """Every optimizer of the registry, measured on one thread; takes minutes."""
    # Sums of one order, whatever machine makes the page: what differs would be drawn and committed anew.
    with one_thread():
        return [measure(spec) for spec in scratch_impls.all_specs()]
