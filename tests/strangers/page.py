"""results/strangers.md, made from the table and what was found by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from table import Row, class_of, plain, script, summary

HEAD = """\
# Optimizers that other people wrote

What the quick battery says of them, and whether it is right. `tox -e strangers` judges them again and fails where this
page is not what comes out; `tox -e strangers -- --write` makes it. Each line was judged by hand in the source of the
class: *agrees* where it does what its rule says (a defect that torch itself has counts as none of theirs), *differs*
where it is meant, *bug* where it is not. A class with options in brackets is judged with these fixed, to make it
comparable or to show what is left without them. *against* is a class of torch or the formula of its own rule.
*named* counts the causes that Twinstep's own words name.
"""


def as_page(data: Mapping[str, Any], rows: Sequence[Row]) -> str:
    return "\n".join([HEAD, *_summary(rows), *_table(rows), *_judged(data), *_findings(data)]) + "\n"


def _summary(rows: Sequence[Row]) -> Iterator[str]:
    yield from (f"- {line}" for line in summary(rows))
    yield ""


def _table(rows: Sequence[Row]) -> Iterator[str]:
    yield "| package | class | against | verdict | cause | named |"
    yield "|---|---|---|---|---|---|"
    for r in rows:
        names = [cause.split(" (")[0] for cause in r["cause"].split("; ") if cause]
        causes = ", ".join(f"[{name}](#{name})" for name in names)
        cells = (
            f"{r['package']} {r['version']}", f"`{r['class']}`", r["against"] or "-", r["verdict"], causes, r["named"]
        )  # fmt: skip
        yield f"| {' | '.join(cells)} |"
    yield ""


def _judged(data: Mapping[str, Any]) -> Iterator[str]:
    yield "What was read of each, and where; the failing checks and Twinstep's words are in `strangers.csv`:"
    yield ""
    for stranger in data["stranger"]:
        yield f"- `{class_of(stranger)}`: {plain(stranger['judged'])}"


def _findings(data: Mapping[str, Any]) -> Iterator[str]:
    for finding in data["finding"]:
        having = [s for s in data["stranger"] if finding["name"] in s.get("fails", {})]
        yield from ("", f"## {finding['name']}", "")
        yield from (f"{finding['kind'].capitalize()}: {plain(finding['cause'])}.", "")
        yield from (f"Where: {plain(finding['where'])}.", "")
        yield f"Which: {', '.join(dict.fromkeys(s['class'].replace(':', '.') for s in having))}."
        yield from ("", "```python", script(finding, having[0]), "```") if "reproduction" in finding else ()
