"""Judges every stranger, runs every reproduction, and compares with the committed table: `tox -e strangers`.

Exit: 0 as committed, 1 something differs. `--write` writes the table; what has no known cause remains an error.
"""

from __future__ import annotations

import argparse
import difflib
import importlib.metadata
import sys
import traceback
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import page
import table
import this_tree

this_tree.use_this_tree()

if TYPE_CHECKING:
    from twinstep.bench.battery.result import CheckReport


def judged(stranger: table.Stranger, seed: int, target: str = "") -> tuple[list[str], list[str]]:
    """The checks of the quick battery that fail, each in a process of its own with a time limit; and what is said."""
    from twinstep.bench.battery.request import Request
    from twinstep.bench.cli.check import judge

    against = stranger["against"]
    if against.endswith(".py"):
        against = str(table.formula_file(against))
    request = Request(
        target=target or f"subjects:{stranger['id']}", against=against or None, quick=True, seed=seed,
        declare=tuple(stranger.get("declare", ())),
    )  # fmt: skip
    report = judge(request, None, (), 60.0, [])
    return [result.check for result in report.results if result.bad], said(report)


def said(report: CheckReport) -> list[str]:
    """The headlines, and each error that there is no cause for, in its own last line."""
    explained = {check for headline in report.headlines for check in headline.checks}
    raised = [
        result.message.strip().splitlines()[-1].partition(": ")[2] if result.message.startswith(f"{result.where}: ")
        else result.message.strip().splitlines()[-1]
        for result in report.results
        if result.bad and result.check not in explained and "Error: " in result.message
    ]  # fmt: skip
    return list(dict.fromkeys([headline.cause for headline in report.headlines] + raised))


def reproduced(finding: Mapping[str, Any], stranger: Mapping[str, Any]) -> str:
    """What goes wrong with the reproduction, or "" where it shows what it says."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(table.script(finding, stranger), finding["name"], "exec"), {"__name__": finding["name"]})
    except (Exception, SystemExit):
        return f"{finding['name']}, {stranger['id']}: the reproduction fails:\n{traceback.format_exc(limit=-1)}"
    return ""


def versions_installed() -> list[str]:
    """A sentence for each package that is not there in the version that the table names."""
    found = []
    for package, wanted in table.versions().items():
        try:
            there = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            there = "not installed"
        if there != wanted:
            found.append(f"{package}: the table is of version {wanted}, here it is {there}")
    return found


def compared(file: Path, text: str) -> list[str]:
    was = file.read_text(encoding="utf-8") if file.exists() else ""
    return list(
        difflib.unified_diff(was.splitlines(), text.splitlines(), f"{file.name}, committed", "now", lineterm="")
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write results/strangers.csv and results/strangers.md")
    parser.add_argument("--only", default="", help="strangers whose id contains this; compares, writes nothing")
    parser.add_argument("--jobs", type=int, default=2, help="strangers judged at a time (default: 2)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    wrong = versions_installed()
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    data = table.known()
    chosen = [s for s in data["stranger"] if args.only in s["id"]]
    wrong = _reproductions(data, chosen)
    rows = []
    with ThreadPoolExecutor(args.jobs) as pool:
        for stranger, found in zip(chosen, pool.map(lambda s: judged(s, args.seed), chosen), strict=True):
            rows.append(table.row(data, stranger, *found))
            print(f"{stranger['id']:34} {rows[-1]['verdict']:15} {rows[-1]['failing_checks']}", flush=True)
            wrong += _not_as_listed(stranger, found[0])
    if not args.only:
        for file, text in ((table.CSV, table.as_csv(rows)), (table.PAGE, page.as_page(data, rows))):
            if args.write:
                file.write_text(text, encoding="utf-8")
            else:
                wrong += compared(file, text)
    print("\n".join(table.summary(rows)))
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


def _reproductions(data: Mapping[str, Any], chosen: list[dict[str, Any]]) -> list[str]:
    import subjects

    findings = {finding["name"]: finding for finding in data["finding"]}
    told = []
    for stranger in chosen:
        subjects.bare(*stranger["bare"])
        mine = [findings[name] for name in stranger.get("fails", {})]
        told += [reproduced(finding, stranger) for finding in mine if "reproduction" in finding]
    return [text for text in told if text]


def _not_as_listed(stranger: table.Stranger, failing: list[str]) -> list[str]:
    """A sentence where a check fails that was not judged by hand, or does not that was."""
    told = []
    if left := table.unexplained(stranger, failing):
        told.append(f"{stranger['id']}: no known cause for {', '.join(left)}")
    listed = {check for checks in stranger.get("fails", {}).values() for check in checks}
    if passed := sorted(listed - set(failing)):
        told.append(f"{stranger['id']}: its file has it fail {', '.join(passed)}, and it passes")
    return told


if __name__ == "__main__":
    sys.exit(main())
