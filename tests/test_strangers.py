"""The committed table of strangers belongs to what is known of them. `tox -e strangers` judges them again."""

from __future__ import annotations

import ast
import re
import sys

import pytest
import this_tree

from twinstep import scratch_impls
from twinstep.bench.battery.checks import CHECKS
from twinstep.bench.battery.design.declarations import DECLARATIONS
from twinstep.reference import torch_paths

sys.path.insert(0, str(this_tree.ROOT / "tests" / "strangers"))

import judge_strangers
import page
import table

DATA = table.known()
STRANGERS = {stranger["id"]: stranger for stranger in DATA["stranger"]}
FINDINGS = {finding["name"]: finding for finding in DATA["finding"]}
USED = [(name, id_) for id_, stranger in STRANGERS.items() for name in stranger.get("fails", {})]
REPRODUCED = [(name, id_) for name, id_ in USED if "reproduction" in FINDINGS[name]]
ROWS = table.committed()


def test_the_table_is_what_was_judged_by_hand_beside_what_was_said():
    told = "if on purpose: tox -e strangers -- --write"
    assert [row["class"] for row in ROWS] == [table.class_of(stranger) for stranger in DATA["stranger"]], told
    for row, stranger in zip(ROWS, DATA["stranger"], strict=True):
        said = [words for words in row["said"].split(" | ") if words]
        assert row == table.row(DATA, stranger, row["failing_checks"].split(), said), told
    assert table.CSV.read_text() == table.as_csv(ROWS) and table.PAGE.read_text() == page.as_page(DATA, ROWS), told


@pytest.mark.thorough("a whole battery in a process of its own; `tox -e strangers` does the same weekly")
def test_a_class_is_judged_as_the_strangers_are():
    """They are not installed here, so that nothing else would notice when judging itself no longer runs."""
    stranger = {"id": "SGDLoadsOneRate", "against": "torch.optim:SGD"}
    found, _ = judge_strangers.judged(stranger, 0, target="planted.save_load:SGDLoadsOneRate")
    assert found == ["save-load", "distributed-checkpoint"], "these two, and nothing else of the battery"


def test_enough_is_judged_and_nobody_falsely_accused():
    assert len({row["package"] for row in ROWS}) >= 10 and len({row["class"].partition("(")[0] for row in ROWS}) >= 60
    assert len(STRANGERS) == len(DATA["stranger"]), "an id is used twice"
    for row in ROWS:
        assert row["judged"] and ".py" in row["judged"], f"{row['class']}: where was it read?"
        assert row["verdict"] in table.VERDICTS and row["verdict"] not in ("unexplained", "falsely accused"), row


def test_the_figures_stand_in_the_page():
    assert all(line in table.PAGE.read_text() for line in table.summary(ROWS))


@pytest.mark.parametrize("name", FINDINGS)
def test_a_finding_is_complete_and_used(name):
    finding = FINDINGS[name]
    assert finding["kind"] in table.KINDS and finding["cause"].strip()
    assert re.search(r"\.py\b|\b(step|__init__) of each\b", finding["where"]), f"{name}: a file, or a method of each"
    assert name in {used for used, _ in USED} and isinstance(finding["said"], list)


@pytest.mark.parametrize(("name", "id_"), REPRODUCED)
def test_a_reproduction_is_short_and_needs_nobody_but_them(name, id_):
    script = table.script(FINDINGS[name], STRANGERS[id_])
    assert len(script.splitlines()) <= 15 and script.splitlines()[-1].startswith("assert ")
    tree = ast.parse(script)
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert modules == {STRANGERS[id_]["class"].split(":")[0]}
    assert "twinstep" not in script and "subjects" not in script


def test_references_and_checks_exist():
    for stranger in STRANGERS.values():
        against = stranger["against"]
        module, colon, twin = against.partition(":")
        if against.endswith(".py"):
            assert scratch_impls.load_file(table.formula_file(against)).cases
        else:
            assert torch_paths.twin(twin) if colon else module in ("", *scratch_impls.names())
        assert set(stranger.get("declare", ())) <= set(DECLARATIONS) and stranger["package"] in table.versions()
        assert {check for checks in stranger.get("fails", {}).values() for check in checks} <= set(CHECKS)


def test_what_is_said_is_held_against_what_was_found():
    """An unknown failure is told, a cause that nobody found is misleading, and a share is of the causes found."""
    finding = {"name": "wet", "kind": table.BUG, "said": ["it is wet"]}
    data = {"finding": [finding, {**finding, "name": "cold", "said": ["it is cold"]}]}
    stranger = {
        "package": "timm", "class": "a:B", "against": "lion", "judged": "b.py: it rains",
        "fails": {"wet": ["float16"], "cold": ["one-step"]},
    }  # fmt: skip
    row = table.row(data, stranger, ["float16", "one-step"], ["because it is wet", "it is dry"])
    assert (row["verdict"], row["named"], row["misleading"]) == ("bug", "1 of 2", "it is dry")
    assert table.row(data, stranger, ["shapes"], [])["verdict"] == "unexplained"
    assert "false accusations: 0 of 1" in table.summary([row])[1] and "1 of 2 (50 %)" in table.summary([row])[2]
