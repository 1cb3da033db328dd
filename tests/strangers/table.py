"""The committed table of strangers, made from strangers.toml and from what fails. Needs no stranger."""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE.parents[1] / "results"
CSV, PAGE = RESULTS / "strangers.csv", RESULTS / "strangers.md"
COLUMNS = ("package", "version", "class", "against", "verdict", "failing_checks", "cause")

BUG, DESIGN, SHARED = KINDS = ("bug", "differs by design", "shared with torch")
VERDICTS = ("agrees", "differs", "bug", "not comparable", "unexplained")

# Finding or "" where none is known -> the checks that fail by it.
Fails = Mapping[str, Sequence[str]]


def known() -> dict[str, list[dict[str, Any]]]:
    """The findings of findings.toml, and the strangers of packages/*.toml, each with its package and what is bare."""
    strangers = []
    for file in sorted((HERE / "packages").glob("*.toml")):
        of_package = _read(file)
        shared = {"package": of_package["package"], "bare": of_package.get("bare", [])}
        strangers += [{**shared, **stranger} for stranger in of_package["stranger"]]
    return {"finding": _read(HERE / "findings.toml")["finding"], "stranger": strangers}


def _read(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


def versions() -> dict[str, str]:
    """Package -> the version that is judged."""
    lines = (HERE / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def plain(text: str) -> str:
    """Without the line breaks of the data file."""
    return " ".join(text.split())


def class_of(stranger: Mapping[str, Any]) -> str:
    """The class, with the options that are fixed: `torch_optimizer.SGDW(weight_decay=0)`."""
    fixed = ", ".join(f"{name}={value!r}" for name, value in stranger.get("fixed", {}).items())
    return stranger["class"].replace(":", ".") + (f"({fixed})" if fixed else "")


def explained(stranger: Mapping[str, Any], failing: Sequence[str]) -> dict[str, list[str]]:
    """Finding -> those of its checks that really fail; under "" the checks that fail for no known reason."""
    listed = {name: [c for c in checks if c in failing] for name, checks in stranger.get("fails", {}).items()}
    of_a_cause = {check for checks in listed.values() for check in checks}
    listed[""] = [check for check in failing if check not in of_a_cause]
    return {name: checks for name, checks in listed.items() if checks}


def row(data: Mapping[str, Any], stranger: Mapping[str, Any], fails: Fails) -> dict[str, str]:
    """One line of the table."""
    findings = {finding["name"]: finding for finding in data["finding"]}
    kinds = [findings[name]["kind"] for name in fails if name]
    if "" in fails:
        verdict = "unexplained"
    elif BUG in kinds:
        verdict = "bug"
    elif not stranger["against"]:
        verdict = "not comparable"
    else:
        verdict = "differs" if DESIGN in kinds else "agrees"
    causes = [f"{name} ({findings[name]['kind']})" if name else "unexplained" for name in fails]
    return {
        "package": stranger["package"],
        "version": versions()[stranger["package"]],
        "class": class_of(stranger),
        "against": stranger["against"].replace(":", "."),
        "verdict": verdict,
        "failing_checks": " ".join(dict.fromkeys(check for checks in fails.values() for check in checks)),
        "cause": "; ".join(causes),
    }


def as_csv(rows: Sequence[Mapping[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def script(finding: Mapping[str, Any], stranger: Mapping[str, Any]) -> str:
    """The reproduction of a finding in one class."""
    module, _, cls = stranger["class"].partition(":")
    fixed = stranger.get("fixed", {})
    filled = {
        "{module}": module,
        "{cls}": cls,
        "{twin}": stranger["against"].partition(":")[2],
        "{options}": "".join(f", {name}={value!r}" for name, value in fixed.items()),
        "{fixed}": repr(fixed),
    }
    text: str = finding["reproduction"].strip()
    for name, value in filled.items():
        text = text.replace(name, value)
    return text


def as_page(data: Mapping[str, Any], rows: Sequence[Mapping[str, str]]) -> str:
    lines = [
        "# Optimizers that other people wrote",
        "",
        "What the quick battery says of them, and why. `tox -e strangers` judges them again and fails where this page",
        "is not what comes out; `tox -e strangers -- --write` makes it. *agrees* counts a defect that torch itself has",
        "as none of theirs; a class with options in brackets is judged with these fixed, to make it comparable or to",
        "show what is left without them.",
        "",
        "| package | class | against | verdict | cause |",
        "|---|---|---|---|---|",
    ]
    for r in rows:
        causes = ", ".join(f"[{c.split(' (')[0]}](#{c.split(' (')[0]})" for c in r["cause"].split("; ") if c)
        cells = (f"{r['package']} {r['version']}", f"`{r['class']}`", r["against"] or "-", r["verdict"], causes)
        lines.append(f"| {' | '.join(cells)} |")
    notes = [s for s in data["stranger"] if "note" in s]
    lines += ["", *(f"`{class_of(s)}` has no twin to compare with: {plain(s['note'])}." for s in notes)]
    lines += ["", "The failing checks of each are in `strangers.csv`. The causes, each checked by hand in the source:"]
    for finding in data["finding"]:
        having = [s for s in data["stranger"] if finding["name"] in s.get("fails", {})]
        lines += [
            "", f"## {finding['name']}", "",
            f"{finding['kind'].capitalize()}: {plain(finding['cause'])}.", "",
            f"Where: {plain(finding['where'])}.", "",
            f"Which: {', '.join(dict.fromkeys(s['class'].replace(':', '.') for s in having))}.", "",
            "```python", script(finding, having[0]), "```",
        ]  # fmt: skip
    return "\n".join(lines) + "\n"
