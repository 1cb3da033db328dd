"""What docs/architecture.md draws and names exists: wings, arrows, modules, functions."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from test_imports import TOPS, WINGS

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ORDER = (*WINGS, *TOPS[1:])  # imports run down this list
JOURNEYS = ("A verdict", "A run", "A decision of the gate")
MOST_LINES = 10
MADE = ("results/last/", ".venv/", "scratch_impls/plain_adagrad.py")  # by whoever follows README, so not here


def where(path):
    """The wing of a file of bench/, or its top folder; "" for the faces, which may import all."""
    top, *rest = path.relative_to(ROOT).parts
    return top if top != "bench" else rest[0] if len(rest) > 1 and rest[0] in WINGS else ""


def imports():
    """(wing, wing that it imports), by the relative imports of every module."""
    found = set()
    for path in (p for top in TOPS for p in (ROOT / top).rglob("*.py") if where(p)):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                folder = path.parents[node.level - 1]
                names = [node.module] if node.module else [alias.name for alias in node.names]
                found |= {(where(path), where(folder.joinpath(*name.split("."), "x.py"))) for name in names}
    return {(a, b) for a, b in found if a != b}


def nodes(page):
    return re.findall(r"^    (\w+)\[", page, re.MULTILINE)


def arrows(page):
    return re.findall(r"^    (\w+) --> (\w+)$", page, re.MULTILINE)


def reached(drawn, start):
    """Where arrows lead from a wing, directly or by others."""
    found, waiting = set(), [start]
    while waiting:
        here = waiting.pop()
        news = {b for a, b in drawn if a == here} - found
        found |= news
        waiting += news
    return found


def faults_of_drawing(page):
    """What is wrong with the picture."""
    drawn, real = arrows(page), imports()
    found = [f"{name} is not drawn" for name in ORDER if name not in nodes(page)]
    found += [f"{name} is drawn and no wing" for name in nodes(page) if name not in ORDER]
    for a, b in drawn:
        if a not in ORDER or b not in ORDER or ORDER.index(a) >= ORDER.index(b):
            found.append(f"{a} --> {b} does not run down")
        elif (a, b) not in real:
            found.append(f"{a} --> {b} is drawn, and {a} imports nothing of {b}")
    found += [f"{a} imports {b}, and no arrows lead there" for a, b in sorted(real) if b not in reached(drawn, a)]
    return found


def members(body, prefix=""):
    """The names that a module or class defines: functions, classes, their methods, and what it assigns."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield prefix + node.name
            if isinstance(node, ast.ClassDef):
                yield from members(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (prefix + target.id for target in targets if isinstance(target, ast.Name))


def exists(name):
    """Whether wing.module.function is there; a name without a function is a module or a folder."""
    parts = name.split(".")
    base = ROOT if parts[0] in TOPS else ROOT / "bench"
    for n in range(len(parts), 0, -1):
        for file in (base.joinpath(*parts[:n]).with_suffix(".py"), base.joinpath(*parts[:n], "__init__.py")):
            if file.is_file():
                defined = members(ast.parse(file.read_text(encoding="utf-8")).body)
                return n == len(parts) or ".".join(parts[n:]) in set(defined)
    return False


def names(page):
    """Every dotted name in backticks that begins with a wing or a top folder."""
    return [name for name in re.findall(r"`([A-Za-z_.]+)`", page) if name.split(".")[0] in (*WINGS, *TOPS)]


def paths(page):
    """Every path in backticks, and every link within the repository; NAME and CHAPTER stand for one's own."""
    named = [name for name in re.findall(r"`([\w./]+)`", page) if "/" in name and not re.search("[A-Z]{4}", name)]
    return named + [link.partition("#")[0] for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page) if "://" not in link]


def lost(page):
    """The paths that are named and not there."""
    return [path for path in paths(page) if not (ROOT / path).exists() and not path.startswith(MADE)]


def journey(page, title):
    """The numbered lines below a heading, each whole."""
    (section,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return re.findall(r"^\d+\. .*(?:\n   .*)*", section, re.MULTILINE)


def test_the_picture_is_that_of_the_imports():
    assert "```mermaid\nflowchart" in PAGE
    assert not faults_of_drawing(PAGE)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("    cli --> gate\n", "    cli --> gate\n    records --> compare\n", "records --> compare does not run down"),
        ("    cli --> gate\n", "    cli --> gate\n    compare --> records\n", "compare imports nothing of records"),
        ("    study --> speed\n", "", "study imports speed, and no arrows lead there"),
        ("    records[", "    tables[", "records is not drawn"),
        ("    records[", "    tables[", "tables is drawn and no wing"),
    ],
)
def test_control_a_wrong_picture_is_seen(old, new, told):
    assert PAGE.count(old) == 1
    assert any(told in fault for fault in faults_of_drawing(PAGE.replace(old, new)))


@pytest.mark.parametrize("title", JOURNEYS)
def test_a_journey_is_short_and_each_line_names_who_decides(title):
    lines = journey(PAGE, title)
    assert 5 <= len(lines) <= MOST_LINES
    assert all(re.match(r"\d+\. `[\w.]+`: ", line) and names(line) for line in lines), lines


def test_what_is_named_exists():
    assert len(names(PAGE)) > 25
    assert not [name for name in names(PAGE) if not exists(name)]
    assert not lost(PAGE)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_paths_that_are_named_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert len(paths(text)) > 5
    assert not lost(text)


@pytest.mark.parametrize(
    "name",
    [
        "battery.judge.check_optimiser", "battery.judgement", "battery.result.CheckReport.verdict", "reference.tf",
        "gate.decide.Rule.nothing.more",
    ],
)  # fmt: skip
def test_control_what_does_not_exist_is_seen(name):
    assert not exists(name)
    assert names(f"`{name}`") == [name]
    assert lost("`bench/nowhere/` [a](bench/no.json#x)") == ["bench/nowhere/", "bench/no.json"]
