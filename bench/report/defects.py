"""What is known to be wrong in torch.optim as a page: for each defect what, where, why, and a script that shows it."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from ...reference.known_defects import DEFECTS, Defect

HEAD = """\
# What the battery finds in torch.optim

Each was found by a check named here, or while one was written, and has a script that needs torch alone and ends in an
assertion of what is wrong. `pytest tests/test_torch_itself.py` runs them all: an entry whose script no longer holds
fails, and goes. Made by `twinstep gallery` from [a file a class](../reference/known_defects), with torch {torch}.
"""


def page() -> str:
    """The defects in torch's own classes; what only a formula of ours shares with torch is no entry of its own."""
    head = HEAD.format(torch=torch.__version__.partition("+")[0])
    rows = [f"| [{d.name}](#{d.name}) | {_classes(d)} | {_where(d)} | {_checks(d)} |" for d in DEFECTS]
    table = ["| defect | classes | path, format | found by |", "|---|---|---|---|", *rows, ""]
    return "\n".join([head, *table, *(line for defect in DEFECTS for line in _section(defect))])


def _section(defect: Defect) -> Iterator[str]:
    yield f"## {defect.name}"
    yield ""
    first = defect.reason.split()[0]
    yield f"{first if '_' in first else first[0].upper() + first[1:]}{defect.reason[len(first) :]}."
    yield ""
    yield f"{_classes(defect)}; {_where(defect)}. Seen with {defect.seen}."
    yield ""
    yield f"```python\n{script(defect)}\n```"
    yield ""


def script(defect: Defect) -> str:
    """The reproduction; where several classes have the defect, its first line names one, and any will do."""
    first, *others = _theirs(defect)
    if not others:
        return defect.reproduction.replace("{cls}", first).rstrip()
    named = f'cls = "{first}"  # or {", ".join(others)}'
    body = defect.reproduction.replace("torch.optim.{cls}", "getattr(torch.optim, cls)").replace('"{cls}"', "cls")
    return f"{named}\n{body.rstrip()}"


def _theirs(defect: Defect) -> list[str]:
    return [name for name in defect.classes if hasattr(torch.optim, name)]


def _classes(defect: Defect) -> str:
    return ", ".join(f"`{name}`" for name in _theirs(defect))


def _where(defect: Defect) -> str:
    paths = ", ".join("default" if path == "default" else f"`{path}=True`" for path in defect.paths)
    return f"{paths}, {', '.join(defect.dtypes)}" if defect.dtypes else paths


def _checks(defect: Defect) -> str:
    return ", ".join(f"`{name}`" for name in defect.checks) or "reading"
