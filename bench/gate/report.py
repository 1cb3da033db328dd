"""A gate run for people and for machines: terminal, Markdown, JSON, JUnit."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ..records.rows import version
from ..records.tables import replace_file
from ..report.terminal import console
from .decide import PASS, REGRESSION, Decision
from .outcome import Fault, Outcome, Progress

SCHEMA = 1  # the version of the JSON; bench/gate/gate.schema.json describes it


def progress_printer(*, quiet: bool) -> Progress:
    """Prints progress on the error stream, a line each; only what is red where quiet, as in CI."""
    errors = Console(stderr=True, emoji=False, highlight=False)

    def show_progress(line: str) -> None:
        if not quiet or line.startswith("RED"):
            errors.print(line, markup=False, soft_wrap=True)

    return show_progress


def verdict(decision: Decision) -> str:
    """As shown; a win is a pass, and says so."""
    return "FASTER" if decision.faster else decision.verdict.upper()


def rows(outcome: Outcome) -> Iterator[tuple[str, ...]]:
    """Benchmark, change, its range, processes agreeing, null arm, beside its reference, verdict."""
    for name, d in sorted(outcome.cells.items(), key=lambda item: (item[1].verdict == PASS, item[0])):
        beside = outcome.reference.get(name)
        yield (
            name, f"{d.change:+.1%}", f"{d.low:+.1%} to {d.high:+.1%}", f"{d.agreeing}/{d.of}", f"{d.null:+.1%}",
            f"{beside[0]:.2f} ({_side(beside)})" if beside else "", verdict(d),
        )  # fmt: skip


def _side(beside: tuple[float, float, float]) -> str:
    _, low, high = beside
    return "SLOWER" if low > 1 else "FASTER" if high < 1 else "TIE"


HEADINGS = ("benchmark", "head/base", "processes", "slower", "base/base", "head/torch", "verdict")


def footer(outcome: Outcome) -> str:
    """What was run, of what was expected, and where."""
    tests = "" if outcome.expected_tests is None else f" · tests {outcome.found_tests}/{outcome.expected_tests}"
    load = "" if outcome.load is None else " · load {} to {}".format(*outcome.load)
    processor = outcome.environment.get("processor", "")
    return (
        f"checks run {outcome.ran} · benchmarks {len(outcome.cells)}/{outcome.expected_cells}{tests} · "
        f"threshold {outcome.threshold:.0%} · {processor}{load} · {outcome.seconds:.0f} s · Twinstep {version()}"
    )


def show(outcome: Outcome) -> None:
    """The terminal's summary."""
    out = console()
    table = Table(title=f"head {outcome.head} against base {outcome.base}", title_justify="left", box=SIMPLE_HEAD)
    for name in HEADINGS:
        table.add_column(name, justify="left" if name in ("benchmark", "verdict") else "right", no_wrap=True)
    for row in rows(outcome):
        style = "bold red" if row[-1] == REGRESSION else "yellow" if row[-1] not in (PASS, "FASTER") else None
        table.add_row(*row, style=style)
    if outcome.cells:
        out.print(table)
    for name, d in outcome.cells.items():
        if d.verdict not in (PASS, REGRESSION):
            out.print(f"{name}: {d.verdict}: {d.why}", style="yellow", markup=False, soft_wrap=True)
    for fault in outcome.faults:
        style = "yellow" if fault.accepted else "red"
        out.print(f"{_title(fault)}\n{fault.text}", style=style, markup=False, soft_wrap=True)
    for note in outcome.notes:
        out.print(f"note: {note}", markup=False, soft_wrap=True)
    out.print(footer(outcome), markup=False, soft_wrap=True)
    out.print(outcome.meaning + _advice(outcome), style="bold", markup=False, soft_wrap=True)


def _title(fault: Fault) -> str:
    return f"{'accepted' if fault.accepted else 'RED'}: {fault.kind}: {fault.name}"


def _advice(outcome: Outcome) -> str:
    if outcome.of_kind("vanished"):
        names = " ".join(f"--accept '{f.name}'" for f in outcome.of_kind("vanished")[:3])
        return f"\na removal that is meant is accepted by name: {names}"
    if outcome.exit_code == 3:
        return (
            "\nwhat helps: fewer neighbours on this machine, another run, a larger threshold; `twinstep noise` measures"
        )
    return ""


def markdown(outcome: Outcome) -> str:
    """For the step summary and the comment of a pull request."""
    lines = [f"### Twinstep gate: {outcome.meaning}", "", f"head `{outcome.head}` against base `{outcome.base}`", ""]
    for fault in outcome.faults:
        # Folded away: a comment with fifty tracebacks is one that nobody reads.
        first, *rest = fault.text.splitlines() or [""]
        lines.append(f"- **{_title(fault)}** {_plain(first)}")
        if rest:
            lines += [
                "",
                "<details><summary>more</summary>",
                "",
                "```",
                # Or a line of three backticks ends the block, and what follows draws whatever it likes.
                *(line.replace("`", "'") for line in rest),
                "```",
                "",
                "</details>",
                "",
            ]
    found = [(*(_plain(c) for c in row[:-1]), f"**{row[-1]}**" if row[-1] != PASS else PASS) for row in rows(outcome)]
    if found:
        lines += ["", "| " + " | ".join(HEADINGS) + " |", "|---|" + "---:|" * (len(HEADINGS) - 2) + "---|"]
        lines += ["| " + " | ".join(row) + " |" for row in found]
    lines += _figures(outcome)
    lines += ["", *(f"- {_plain(note)}" for note in outcome.notes), "", f"<sub>{_plain(footer(outcome))}</sub>"]
    return "\n".join(lines)


def _figures(outcome: Outcome) -> list[str]:
    """Final losses and gaps of base and head, folded away: what moved is a fault and stands above."""
    body = [(row["optimizer"], row["problem"], row.get("base", ""), row["head"]) for row in outcome.losses]
    for row in outcome.gaps:
        body.append((row["optimizer"], f"gap/bound, {row['case']}", _three(row.get("base")), _three(row["head"])))
    if not body:
        return []
    head = ["", "<details><summary>final losses and gaps</summary>", "", "| optimizer | what | base | head |"]
    return [*head, "|---|---|---:|---:|", *map(_row, body), "", "</details>"]


def _row(cells: tuple[Any, ...]) -> str:
    return "| " + " | ".join(_plain(str(cell)) for cell in cells) + " |"


def _three(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _plain(text: str) -> str:
    """Text of the pull request's own may not draw tables, links or mentions."""
    for character in "\\`*_<>[]|@#":
        text = text.replace(character, f"\\{character}" if character not in "<>@" else f"&#{ord(character)};")
    return text


def body(outcome: Outcome) -> dict[str, Any]:
    """The JSON; a number that is not one is null."""
    return {
        "schema": SCHEMA, "twinstep": version(), "base": outcome.base, "head": outcome.head,
        "exit_code": outcome.exit_code, "verdict": outcome.meaning, "threshold": outcome.threshold,
        "cells": {name: _finite(asdict(d)) for name, d in sorted(outcome.cells.items())},
        "reference": {n: dict(zip(("ratio", "low", "high"), r, strict=True)) for n, r in outcome.reference.items()},
        "faults": [asdict(fault) for fault in outcome.faults], "notes": outcome.notes,
        "checks": {name: {"ran": ran, "failed": bad} for name, (ran, bad) in outcome.checks.items()},
        "losses": [_finite(row) for row in outcome.losses], "gaps": [_finite(row) for row in outcome.gaps],
        "expected": {"cells": outcome.expected_cells, "tests": outcome.expected_tests},
        "found": {"cells": len(outcome.cells), "tests": outcome.found_tests},
        "environment": outcome.environment, "load": outcome.load, "seconds": outcome.seconds,
    }  # fmt: skip


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}


def junit(outcome: Outcome) -> bytes:
    """One test case for every optimizer's checks, every benchmark and everything that is wrong beside them."""
    suites = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(suites, "testsuite", name="twinstep gate", time=f"{outcome.seconds:.1f}")
    properties = ElementTree.SubElement(suite, "properties")
    ElementTree.SubElement(properties, "property", name="twinstep", value=version())
    # Green cases as well: a report of failures alone looks the same whether all passed or nothing ran.
    for optimizer, (ran, bad) in sorted(outcome.checks.items()):
        if not bad:
            _case(suite, "agreement", f"{optimizer} ({ran} checks)")
    for fault in outcome.faults:
        _case(suite, fault.kind, fault.name, failure="" if fault.accepted else fault.text)
    for name, d in outcome.cells.items():
        # INCONCLUSIVE fails as well: a JUnit report has no third colour, and undecided must not look like passed.
        wrong = "" if d.verdict in (PASS,) else f"{d.verdict}: {d.change:+.1%}: {d.why}"
        _case(suite, "time", name, failure=wrong)
    if len(outcome.cells) < outcome.expected_cells:
        missing = f"{outcome.expected_cells - len(outcome.cells)} of {outcome.expected_cells} were never decided"
        _case(suite, "time", "every benchmark", failure=missing)
    if suite.find("testcase") is None:
        _case(suite, "gate", "measured nothing", failure="nothing was judged and nothing timed")
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    return ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)


def _case(suite: ElementTree.Element, kind: str, name: str, failure: str = "") -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=f"gate.{kind}", name=_printable(name))
    if failure:
        first = _printable(failure.splitlines()[0])
        ElementTree.SubElement(case, "failure", message=first).text = _printable(failure)


def _printable(text: str) -> str:
    """XML has no control characters, not even escaped."""
    # XML 1.0, section 2.2: a parser refuses the whole report for one escape code of a coloured traceback.
    return "".join(c for c in text if c in "\t\n" or ((c.isprintable() or c.isspace()) and c >= " "))


def write(outcome: Outcome, files: dict[str, Path]) -> None:
    """Each file in one move."""
    made: dict[str, Callable[[], bytes]] = {
        # Python would write NaN, which is no JSON; `_finite` has made null of it, and what it missed raises here.
        "json": lambda: (json.dumps(body(outcome), indent=1, allow_nan=False) + "\n").encode(),
        "junit": lambda: junit(outcome),
        "markdown": lambda: (markdown(outcome) + "\n").encode(),
    }
    for kind, path in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, made[kind])
