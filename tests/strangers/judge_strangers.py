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
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import table
import this_tree

this_tree.use_this_tree()


def failing(target: str, against: str, seed: int) -> list[str]:
    """The checks of the quick battery that fail, each in a process of its own with a time limit."""
    from twinstep.bench.battery.request import Request
    from twinstep.bench.cli.check import judge

    request = Request(target=target, against=against or None, quick=True, seed=seed)
    report = judge(request, None, (), 60.0, [])
    return [result.check for result in report.results if result.bad]


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
    import subjects

    data = subjects.DATA
    subjects.bare(*data["bare"])
    chosen = [s for s in data["stranger"] if args.only in s["id"]]
    findings = {finding["name"]: finding for finding in data["finding"]}
    wrong = [told for s in chosen for name in s.get("fails", {}) if (told := reproduced(findings[name], s))]
    rows = []
    with ThreadPoolExecutor(args.jobs) as pool:
        judged = pool.map(lambda s: failing(f"subjects:{s['id']}", s["against"], args.seed), chosen)
        for stranger, found in zip(chosen, judged, strict=True):
            fails = table.explained(stranger, found)
            rows.append(table.row(data, stranger, fails))
            print(f"{stranger['id']:34} {rows[-1]['verdict']:15} {rows[-1]['failing_checks']}", flush=True)
            if fails.get(""):
                wrong.append(f"{stranger['id']}: no known cause for {', '.join(fails[''])}")
            listed = {check for checks in stranger.get("fails", {}).values() for check in checks}
            if passed := sorted(listed - set(found)):
                wrong.append(f"{stranger['id']}: strangers.toml has it fail {', '.join(passed)}, and it passes")
    if not args.only:
        for file, text in ((table.CSV, table.as_csv(rows)), (table.PAGE, table.as_page(data, rows))):
            if args.write:
                file.write_text(text, encoding="utf-8")
            else:
                wrong += compared(file, text)
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
