"""The committed table of strangers belongs to what is known of them. `tox -e strangers` judges them again."""

from __future__ import annotations

import ast
import csv
import sys

import pytest
import this_tree

from twinstep import scratch_impls
from twinstep.bench.battery.checks import CHECKS
from twinstep.reference import torch_paths

sys.path.insert(0, str(this_tree.ROOT / "tests" / "strangers"))

import judge_strangers
import table

DATA = table.known()
STRANGERS = {stranger["id"]: stranger for stranger in DATA["stranger"]}
FINDINGS = {finding["name"]: finding for finding in DATA["finding"]}
USED = [(name, id_) for id_, stranger in STRANGERS.items() for name in stranger.get("fails", {})]


def rows():
    return [table.row(DATA, s, {name: s["fails"][name] for name in s.get("fails", {})}) for s in STRANGERS.values()]


def test_the_table_is_made_from_the_data():
    told = "if on purpose: tox -e strangers -- --write"
    assert table.CSV.read_text() == table.as_csv(rows()), told
    assert table.PAGE.read_text() == table.as_page(DATA, rows()), told


def test_a_class_is_judged_as_the_strangers_are():
    """They are not installed here, so that nothing else would notice when judging itself no longer runs."""
    found = judge_strangers.failing("planted.save_load:SGDLoadsOneRate", "torch.optim:SGD", seed=0)
    assert found == ["save-load", "distributed-checkpoint"], "these two, and nothing else of the battery"


def test_the_table_says_of_each_what_it_is():
    with table.CSV.open() as file:
        found = list(csv.DictReader(file))
    assert len(found) == len(STRANGERS) == len(DATA["stranger"]) and {r["package"] for r in found} >= {
        "timm", "lion-pytorch", "pytorch_optimizer", "torch-optimizer",
    }  # fmt: skip
    for r in found:
        assert tuple(r) == table.COLUMNS and r["verdict"] in table.VERDICTS and r["verdict"] != "unexplained"
        assert r["verdict"] in ("agrees", "not comparable") or r["cause"], r["class"]


@pytest.mark.parametrize("name", FINDINGS)
def test_a_finding_is_complete_and_used(name):
    finding = FINDINGS[name]
    assert finding["kind"] in table.KINDS and finding["cause"].strip() and ".py" in finding["where"] + "__init__.py"
    assert name in {used for used, _ in USED}


@pytest.mark.parametrize(("name", "id_"), USED)
def test_a_reproduction_is_short_and_needs_nobody_but_them(name, id_):
    script = table.script(FINDINGS[name], STRANGERS[id_])
    assert len(script.splitlines()) <= 15 and script.splitlines()[-1].startswith("assert ")
    tree = ast.parse(script)
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert modules == {STRANGERS[id_]["class"].split(":")[0]}
    assert "twinstep" not in script and "subjects" not in script


def test_references_and_checks_exist():
    for stranger in STRANGERS.values():
        module, colon, twin = stranger["against"].partition(":")
        assert torch_paths.twin(twin) if colon else module in ("", *scratch_impls.names())
        assert bool(stranger["against"]) != ("note" in stranger), "nothing to compare with needs a reason"
        assert {check for checks in stranger.get("fails", {}).values() for check in checks} <= set(CHECKS)


def test_what_fails_without_a_known_cause_is_told():
    shared = {"finding": [{"name": "half-nan", "kind": table.SHARED}]}
    stranger = {"package": "timm", "class": "a:B", "against": "lion", "fails": {"half-nan": ["float16"]}}
    fails = table.explained(stranger, ["float16", "one-step"])
    assert fails == {"half-nan": ["float16"], "": ["one-step"]}
    assert table.row(shared, stranger, fails)["verdict"] == "unexplained"
    assert table.row(shared, stranger, {"half-nan": ["float16"]})["verdict"] == "agrees"
