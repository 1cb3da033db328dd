"""The pages that the gallery's command writes, as text: the gallery, README's table, and the list of checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from ...reference.frameworks import axes_of
from ...reference.known_defects import defects_of, mended
from ...scratch_impls import Spec
from ..battery.checks import CHECKS
from ..battery.design.declarations import DECLARATIONS
from ..records.tables import TableError

DTYPES = ("float32", "float64")
NARROW = ("bfloat16", "float16")
FORMATS = DTYPES + NARROW
DRAWN = ("bowl", "rosenbrock")

Key = tuple[str, str, str]  # optimizer, implementation, what

HEAD = """\
# The gallery

Every optimizer here: its formula, its way over the book's bowl and over Rosenbrock's valley beside its twin's, how far
the two stand apart, and what other frameworks do otherwise. `twinstep gallery` makes this page from the registry;
`twinstep gallery --check` says what of it is out of date.

**Bounds.** Single steps from synchronised state, from the start and from a state that has settled, over all cases: the
largest gap of any element of parameter or state, in units of what rounding allows there, which is computed and not
chosen. Up to 1 the two agree; a wrong convention stands at 100,000 or more in the case that is there to show it.
Measured with torch {torch}; other kernels round otherwise, within that 1. *mended*: a known defect of the twin is
taken away first; *wrong*: one that is not; both are told in [torch-defects.md](torch-defects.md). In bfloat16 and
float16 gradients are between 1/8 and 15, eps is 0.01 and lr at least 1/16, so that nothing leaves the format; what is
not judged there, since it leaves it anyway, has "-".

**Conventions.** What others do otherwise under the same name, and by how much it shows; measured with the versions that
[each framework's file](../reference/frameworks) names, or read in their source where it says so.
"""


def page(specs: Sequence[Spec], figures: dict[Key, float]) -> str:
    """docs/gallery.md: a section for each Spec; figures as `gallery.measure` gives them."""
    contents = " · ".join(f"[{spec.name}](#{spec.name})" for spec in specs)
    head = HEAD.format(torch=torch.__version__.partition("+")[0])
    return "\n".join([head, contents, "", *(_section(spec, figures) for spec in specs)])


CHECKS_HEAD = """\
# The checks

What `twinstep check` looks at, in the order of its report. `--checks A,B` chooses some; T1 to T15 are the kinds of bug
that they were made for. *since* is the first battery that has it: `--battery 0.2` judges by those of 0.2 alone, and
asks of them no more than 0.2.0 did, so that an upgrade turns nothing red by what it adds; mended false accusations hold
in every battery. Made by `twinstep gallery`.
"""


DECLARED_HEAD = """\
## Declarations

What is so by design and no fault, `--declare A,B` (`declare=[...]` in Python, `--twinstep-declare`, `declare` in the
gate's table of an optimizer). What the reference or its formula does as well is by design without being declared; and
what a class refuses with an error of its own, or shows in a trial, is not asked of it: the report says so.
"""


def checks_page() -> str:
    """docs/checks.md: a line for each check, in the order of the report."""
    rows = [row(f"`{check.name}`", check.key, check.since, check.what) for check in CHECKS.values()]
    declared = [row(f"`{word}`", each.what, each.off, each.on) for word, each in DECLARATIONS.items()]
    return "\n".join(
        [
            *(CHECKS_HEAD, row("check", "kind", "since", "what holds"), "|---|---|---|---|", *rows, ""),
            *(DECLARED_HEAD, row("word", "what it says", "what does not apply then", "what holds it to its word")),
            *("|---|---|---|---|", *declared, ""),
        ]
    )


BEGIN, END = "<!-- made by `twinstep gallery` -->", "<!-- end -->"


def with_index(readme: str, specs: Sequence[Spec], figures: dict[Key, float]) -> str:
    """README with its table of optimizers made anew. TableError where the two lines that enclose it are missing."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise TableError(f"README.md has no place for the table of optimizers: lines with {BEGIN} and {END}")
    table = ["| optimizer | held against | gap/bound, float32 | float64 |", "|---|---|---:|---:|"]
    for spec in specs:
        title = spec.formula.partition("\n")[0].rstrip(".")
        against = f"`torch.optim.{spec.reference}`" if spec.reference else "itself on NumPy"
        # Over all paths: torch has three, and a user may get any of them.
        worst = (max(v for (n, _, what), v in figures.items() if (n, what) == (spec.name, d)) for d in DTYPES)
        cells = (f"[{spec.name}](docs/gallery.md#{spec.name}): {title}", against, *(f"{v:.2f}" for v in worst))
        table.append(f"| {' | '.join(cells)} |")
    return "\n".join([before + begin, "", *table, "", end + after])


def _section(spec: Spec, figures: dict[Key, float]) -> str:
    title, _, rest = spec.formula.partition("\n")
    against = (
        f"`torch.optim.{spec.reference}`" if spec.reference else "the formula on NumPy, since torch has no twin of it"
    )
    cases = {name: spec.case_for(name) for name in DRAWN}
    options = "; ".join(f"{name}: {_options(case.hyper)}" for name, case in cases.items())
    parts = [
        f"## {spec.name}",
        f"**{title}** Held against {against}. [{spec.name}.py](../scratch_impls/{spec.name}.py)",
        "```text\n" + rest.strip("\n") + "\n```",
        f"![{spec.name} on the bowl and on Rosenbrock](gallery/{spec.name}.png)",
        f"{options}.",
        "\n".join(_tables(spec, figures)),
    ]
    return "\n\n".join(parts)


def _options(hyper: Any) -> str:
    return ", ".join(f"`{name}={value!r}`" for name, value in hyper.items()) or "the defaults"


def _tables(spec: Spec, figures: dict[Key, float]) -> Iterator[str]:
    paths = dict.fromkeys(side for name, side, what in figures if name == spec.name and what in FORMATS)
    yield from (row("bounds", *FORMATS), "|---|---:|---:|---:|---:|")
    for side in paths:
        yield row(side, *(_cell(spec, side, dtype, figures.get((spec.name, side, dtype))) for dtype in FORMATS))
    sides = {side: value for (name, side, what), value in figures.items() if name == spec.name and what not in FORMATS}
    yield from ("", "Loss at the end of the bowl: " + ", ".join(f"{s} {v:.6g}" for s, v in sides.items()) + ".", "")
    if axes_of(spec):
        here = "here and in torch" if spec.reference else "here"
        yield from (row("convention", here, "elsewhere", "shows at", "size"), "|---|---|---|---|---|")
        yield from (row(axis.name, axis.of(spec), axis.others, axis.shows, axis.size) for axis in axes_of(spec))
        yield ""


def _cell(spec: Spec, side: str, dtype: str, gap: float | None) -> str:
    if gap is None:
        return "-"
    if gap <= 1:
        # Beyond 1 is a known defect of the twin or a bug of ours; `known_defect_names` is empty for the second, and a
        # test says so.
        return f"{gap:.2f}" + (", mended" if mended(spec.reference, dtype) else "")
    return ", ".join(f"[wrong](torch-defects.md#{name})" for name in known_defect_names(spec, side, dtype))


def known_defect_names(spec: Spec, side: str, dtype: str) -> list[str]:
    """The known defects of a path of the twin for which it may stand beyond the bound in a format."""
    path = side.removeprefix("torch-").replace("forloop", "default")
    return [d.name for d in defects_of(spec.reference or "", path, [dtype]) if dtype in d.checks]


def row(*cells: str) -> str:
    """One line of a table; a bar within a cell would end it, so it is escaped."""
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
