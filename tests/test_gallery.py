"""The gallery is what the registry gives: nothing in it is out of date, and what is out of date is named."""

from __future__ import annotations

import functools
import re
import shutil
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest
import this_tree
import torch
from agreement_cells import each_spec

from twinstep.bench.battery.checks import CHECKS
from twinstep.bench.records.tables import TableError
from twinstep.bench.report import defects, gallery, pages
from twinstep.bench.report import pictures as plots
from twinstep.reference import torch_paths
from twinstep.reference.frameworks import AXES, axes_of
from twinstep.reference.known_defects import DEFECTS
from twinstep.scratch_impls import all_specs, load

CONSTRAINTS = (this_tree.ROOT / "constraints.txt").read_text(encoding="utf-8").split()
PINNED = dict(line.split("==") for line in CONSTRAINTS if "==" in line)["torch"]
same_torch = pytest.mark.skipif(
    torch.__version__.partition("+")[0] != PINNED,
    reason=f"the gallery is made with torch {PINNED}, and this is {torch.__version__}: it has other paths and numbers",
)


@functools.cache
def entry(name):
    return gallery.measure(load(name))


# Measured in every run: the two of `copied`, of which one has no twin, and one with three paths. The others take twenty
# seconds: that a formula or torch agrees otherwise is seen by test_lockstep, with every case on every path, and that it
# goes another way by test_train.
MEASURED = ("gd", "lion", "adam")
measured = [
    pytest.param(
        spec, id=spec.name, marks=() if spec.name in MEASURED else pytest.mark.thorough("measures every optimizer")
    )
    for spec in all_specs()
]


@same_torch
@pytest.mark.parametrize("spec", measured)
def test_what_is_measured_is_what_the_page_says(spec):
    made, there = entry(spec.name), gallery.read_figures(this_tree.ROOT)
    assert made.figures.keys() == {key for key in there if key[0] == spec.name}, "twinstep gallery"
    assert gallery.keep_if_equal(made.figures, there) == {k: v for k, v in there.items() if k[0] == spec.name}
    picture = (this_tree.ROOT / gallery.PICTURES / f"{spec.name}.png").read_bytes()
    assert gallery.pictures_match(made.picture, picture), (
        "the traces are others than those that are drawn: twinstep gallery"
    )


@each_spec
def test_every_optimizer_is_in_the_gallery_and_beyond_its_bound_by_a_known_defect_alone(spec):
    there = {key: value for key, value in gallery.read_figures(this_tree.ROOT).items() if key[0] == spec.name}
    paths = torch_paths.paths(spec.reference) if spec.reference else ()
    missing = {f"torch-{path}" for path in paths} - {side for _, side, _ in there}
    assert there and not missing, f"{spec.name} is not in the gallery yet, or without {missing}: twinstep gallery"
    for (_, side, what), gap in there.items():
        assert what not in gallery.FORMATS or gap <= 1 or pages.known_defect_names(spec, side, what), (side, what, gap)


@same_torch
def test_the_page_is_what_the_registry_gives():
    figures = gallery.read_figures(this_tree.ROOT)
    assert (this_tree.ROOT / gallery.PAGE).read_text(encoding="utf-8") == pages.page(all_specs(), figures), (
        "twinstep gallery"
    )
    drawn = {p.stem for p in (this_tree.ROOT / gallery.PICTURES).glob("*")}
    assert drawn == {gallery.OVERVIEW.stem, *(spec.name for spec in all_specs())}


@same_torch
def test_the_table_of_the_readme_is_what_the_registry_gives():
    readme = (this_tree.ROOT / gallery.README).read_text(encoding="utf-8")
    assert readme == pages.with_index(readme, all_specs(), gallery.read_figures(this_tree.ROOT)), "twinstep gallery"
    assert all(f"[{spec.name}](docs/gallery.md#{spec.name})" in readme for spec in all_specs())


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "optimizer,implementation,what,value\ngd,x,y,much\n"])
def test_control_figures_that_are_none_are_told(tmp_path, text):
    (tmp_path / "results").mkdir()
    (tmp_path / gallery.FIGURES).write_text(text, encoding="utf-8")
    with pytest.raises(TableError, match="holds no figures"):
        gallery.check_readable(tmp_path)


def test_the_page_of_checks_is_what_is_registered():
    text = (this_tree.ROOT / gallery.CHECKS_PAGE).read_text(encoding="utf-8")
    assert text == pages.checks_page(), "twinstep gallery"
    assert all(f"| `{name}` | {check.key} |" in text for name, check in CHECKS.items())


@same_torch
def test_the_page_of_defects_is_what_the_data_gives():
    text = (this_tree.ROOT / gallery.DEFECTS).read_text(encoding="utf-8")
    assert text == defects.page(), "twinstep gallery"
    assert all(f"## {defect.name}\n" in text for defect in DEFECTS)
    assert "{cls}" not in text


def test_control_a_readme_without_a_place_for_the_table_is_told():
    with pytest.raises(TableError, match="no place for the table"):
        pages.with_index("# Twinstep", all_specs(), gallery.read_figures(this_tree.ROOT))


@pytest.fixture
def copied(tmp_path):
    """A folder with the part of the gallery that gd and lion have, as it should be, and their entries."""
    (tmp_path / "results").mkdir()
    (tmp_path / gallery.README).write_text(f"# Ours\n{pages.BEGIN}\n{pages.END}\n", encoding="utf-8")
    entries = [entry("gd"), entry("lion")]
    gallery.write(tmp_path, gallery.products(tmp_path, entries))
    return tmp_path, entries


def files(root: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_made_twice_it_is_the_same(copied):
    root, entries = copied
    before = files(root)
    wanted = gallery.products(root, entries)
    assert gallery.stale(root, wanted) == []
    gallery.write(root, wanted)
    assert files(root) == before


def test_other_kernels_do_not_make_it_stale(copied):
    root, (gd, lion) = copied
    nudged = {k: v + 0.3 * (1 - v) if k[2] in gallery.FORMATS else v * (1 + 1e-9) for k, v in gd.figures.items()}
    assert gallery.stale(root, gallery.products(root, [replace(gd, figures=nudged), lion])) == []


def changed_formula(gd):
    def update(param, grad, state, step, **hyper):
        raise AssertionError("only its text is asked for")

    scope = {**gd.spec.update.__globals__, "__doc__": gd.spec.formula.replace("x <- x - lr g", "x <- x + lr g")}
    return replace(gd, spec=replace(gd.spec, update=type(update)(update.__code__, scope)))


def other_trace(gd):
    case = gd.spec.case_for("bowl")
    hyper = {**case.hyper, "lr": case.hyper["lr"] * 1.05}
    faster = replace(gd.spec, cases=tuple(replace(c, hyper=hyper) if c is case else c for c in gd.spec.cases))
    made = gallery.measure(faster)
    return replace(gd, picture=made.picture, runs=made.runs)


def with_figure(change):
    return lambda gd: replace(gd, figures={k: change(k, v) for k, v in gd.figures.items()})


STALE = {
    "formula": (changed_formula, ["docs/gallery.md"]),
    "bound": (
        with_figure(lambda k, v: v if "loss" in k[2] else v + 1.2),
        ["docs/gallery.md", "results/gallery.csv", "README.md"],
    ),
    "loss": (
        with_figure(lambda k, v: v * 1.001 if "loss" in k[2] else v),
        ["docs/gallery.md", "results/gallery.csv"],
    ),
    "trace": (other_trace, ["docs/gallery/overview.png", "docs/gallery/gd.png"]),
}


@pytest.mark.parametrize("what", STALE)
def test_control_what_is_out_of_date_is_named(copied, what):
    root, (gd, lion) = copied
    change, names = STALE[what]
    found = gallery.stale(root, gallery.products(root, [change(gd), lion]))
    assert [line.split()[0] for line in found] == names


def test_control_what_is_missing_or_left_over_is_named_and_mended(copied):
    root, entries = copied
    (root / gallery.PICTURES / "lion.png").unlink()
    shutil.copy(root / gallery.PICTURES / "gd.png", root / gallery.PICTURES / "gone.png")
    wanted = gallery.products(root, entries)
    assert gallery.stale(root, wanted) == [
        "docs/gallery/lion.png is missing",
        "docs/gallery/gone.png is of no optimizer here",
    ]
    gallery.write(root, wanted)
    assert gallery.stale(root, wanted) == []


def test_a_picture_that_cannot_be_read_is_drawn_anew(copied):
    root, entries = copied
    (root / gallery.PICTURES / "gd.png").write_bytes(b"half a pict")
    wanted = gallery.products(root, entries)
    assert gallery.stale(root, wanted) == ["docs/gallery/gd.png is not what the registry gives"]
    assert plots.pixels(wanted[gallery.PICTURES / "gd.png"]).ndim == 3


def test_conventions_are_said_of_what_exists():
    options = {spec.name: spec.defaults for spec in all_specs()}
    options |= {spec.reference: torch_paths.options(spec.reference) for spec in all_specs() if spec.reference}
    for axis in AXES:
        assert set(axis.here) <= set(options), axis.name
        assert not axis.option or all(axis.option in options[name] for name in axis.here), axis.name
        cells = (axis.name, *axis.here.values(), axis.others, axis.shows, axis.size)
        assert all(cell == cell.strip() != "" and "\n" not in cell for cell in cells), axis
    assert "place of lr" not in [axis.name for axis in axes_of(load("gd"))], "it has no momentum"


@each_spec
def test_every_optimizer_has_conventions_each_once(spec):
    names = [axis.name for axis in axes_of(spec)]
    assert names and len(names) == len(set(names)), names


def test_control_conventions_go_by_the_name_of_the_formula_or_of_its_twin():
    lion, gd = load("lion"), load("gd")
    assert axes_of(replace(lion, name="another")) == ()
    assert [axis.name for axis in axes_of(gd)] == ["weight decay", "defaults"]
    assert [axis.name for axis in axes_of(replace(gd, name="another"))] == ["defaults"], "what is said of SGD alone"


def widths(text):
    """How many cells each row has, table by table: a bar that is escaped is text."""
    blocks = groupby(text.splitlines(), lambda line: line.startswith(("| ", "|-")))
    return [{len(re.findall(r"(?<!\\)\|", line)) - 1 for line in block} for is_table, block in blocks if is_table]


def test_every_row_has_the_cells_of_its_table():
    found = widths((this_tree.ROOT / gallery.PAGE).read_text(encoding="utf-8"))
    assert found == [{5}, {5}] * len(all_specs())


def test_control_a_bar_in_a_cell_is_no_border():
    head, bare = pages.row("convention", "here"), "| eps | added to |g| |"
    assert widths(f"{head}\n{bare}") == [{2, 4}]
    assert widths(f"{head}\n{pages.row('eps', 'added to |g|')}") == [{2}]
