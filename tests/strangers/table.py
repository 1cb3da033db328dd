"""The committed table of strangers: what was judged by hand, beside what Twinstep says. Needs no stranger.

packages/*.toml and findings.toml hold what people found out; results/strangers.csv holds what Twinstep says as well.
"""

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
FORMULAS = HERE / "formulas"
COLUMNS = (
    "package", "version", "class", "against", "declared", "verdict", "failing_checks", "cause", "said", "named",
    "misleading", "judged",
)  # fmt: skip

BUG, DESIGN, SHARED, FALSE = KINDS = ("bug", "differs by design", "shared with torch", "false accusation")
VERDICTS = ("agrees", "differs", "bug", "falsely accused", "unexplained")

Stranger = Mapping[str, Any]
Row = dict[str, str]


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


def formula_file(name: str) -> Path:
    """The formula file of that name. FileNotFoundError names the folder."""
    if not (FORMULAS / name).is_file():
        raise FileNotFoundError(f"no formula {name} in {FORMULAS}")
    return FORMULAS / name


def plain(text: str) -> str:
    """Without the line breaks of the data file."""
    return " ".join(text.split())


def class_of(stranger: Stranger) -> str:
    """The class, with the options that are fixed: `torch_optimizer.SGDW(weight_decay=0)`."""
    fixed = ", ".join(f"{name}={value!r}" for name, value in options(stranger).items())
    return stranger["class"].replace(":", ".") + (f"({fixed})" if fixed else "")


def options(stranger: Stranger, of: str = "fixed") -> dict[str, Any]:
    """The options that are fixed. TOML has no tuple, which is a list there, and no None, which is its name."""
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in stranger.get(of, {}).items()}
    return {name: None if value == "None" else value for name, value in given.items()}


def unexplained(stranger: Stranger, failing: Sequence[str]) -> list[str]:
    """The checks that fail by none of its findings."""
    listed = {check for checks in stranger.get("fails", {}).values() for check in checks}
    return [check for check in failing if check not in listed]


def row(data: Mapping[str, Any], stranger: Stranger, failing: Sequence[str], said: Sequence[str]) -> Row:
    """One line of the table.

    said    Twinstep's own words: its headlines, and the errors that it has no cause for
    """
    findings = {finding["name"]: finding for finding in data["finding"]}
    mine = [findings[name] for name in stranger.get("fails", {})]
    theirs = [finding for finding in mine if finding["kind"] != SHARED]
    named = [finding["name"] for finding in theirs if any(_says(finding, words) for words in said)]
    misleading = [words for words in said if not any(_says(finding, words) for finding in mine)]
    return {
        "package": stranger["package"],
        "version": versions()[stranger["package"]],
        "class": class_of(stranger),
        "against": stranger["against"].replace(":", "."),
        "declared": " ".join(stranger.get("declare", [])),
        "verdict": _verdict({finding["kind"] for finding in mine}, unexplained(stranger, failing)),
        "failing_checks": " ".join(failing),
        "cause": "; ".join(f"{finding['name']} ({finding['kind']})" for finding in mine),
        "said": " | ".join(said),
        "named": f"{len(named)} of {len(theirs)}" if theirs else "",
        "misleading": " | ".join(misleading),
        "judged": plain(stranger["judged"]),
    }


def _says(finding: Mapping[str, Any], words: str) -> bool:
    """Whether these words of Twinstep's name that cause."""
    return any(text in words for text in finding.get("said", []))


def _verdict(kinds: set[str], left: Sequence[str]) -> str:
    if left:
        return "unexplained"
    for kind, verdict in ((FALSE, "falsely accused"), (BUG, "bug"), (DESIGN, "differs")):
        if kind in kinds:
            return verdict
    return "agrees"


def summary(rows: Sequence[Row]) -> list[str]:
    """What the table comes to: packages, classes, verdicts, false accusations, causes named."""
    classes = {r["class"].partition("(")[0] for r in rows}
    counts = [f"{sum(r['verdict'] == verdict for r in rows)} {verdict}" for verdict in VERDICTS]
    named, causes = (sum(int(r["named"].split(" of ")[k]) for r in rows if r["named"]) for k in (0, 1))
    accused = [r for r in rows if r["verdict"] in ("falsely accused", "unexplained")]
    misleading = sum(len(r["misleading"].split(" | ")) for r in rows if r["misleading"])
    share = f" ({100 * named / causes:.0f} %)" if causes else ""
    return [
        f"{len({r['package'] for r in rows})} packages, {len(classes)} classes, {len(rows)} judgements: "
        + ", ".join(counts),
        f"false accusations: {len(accused)} of {len(rows)} ({100 * len(accused) / max(1, len(rows)):.0f} %)",
        f"causes named: {named} of {causes}{share}; words that name none: {misleading}",
    ]


def as_csv(rows: Sequence[Row]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def committed() -> list[Row]:
    """The rows of results/strangers.csv."""
    return list(csv.DictReader(io.StringIO(CSV.read_text(encoding="utf-8"))))


def script(finding: Mapping[str, Any], stranger: Stranger) -> str:
    """The reproduction of a finding in one class."""
    module, _, cls = stranger["class"].partition(":")
    fixed = options(stranger)
    given = {**fixed, **options(stranger, "reproduced_with")}
    filled = {
        "{module}": module,
        "{cls}": cls,
        "{twin}": stranger["against"].partition(":")[2],
        "{options}": "".join(f", {name}={value!r}" for name, value in given.items()),
        "{fixed}": repr(fixed),
    }
    text: str = finding["reproduction"].strip()
    for name, value in filled.items():
        text = text.replace(name, value)
    return text
