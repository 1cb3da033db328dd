"""`check_optimizer` in Python, and the report that it returns."""

from __future__ import annotations

import json

import jsonschema
import pytest
import their_optimizers as their

from twinstep.bench import CheckReport, check_optimizer, parametrize_with_checks
from twinstep.bench.battery.checks import CHECKS
from twinstep.bench.battery.result import STATUSES, CheckResult
from twinstep.scratch_impls import Case, UnknownName

from .asking import SCHEMA, verdicts


def test_a_case_that_is_refused_beside_others_is_a_fault_of_that_case():
    cases = [Case(name="slow", reason="it is refused", hyper={"alpha": 2}), Case(name="usual", reason="it is taken")]
    report = check_optimizer(their.WantsLess, cases=cases, checks=["is-an-optimizer", "inputs-untouched"])
    assert verdicts(report) == {"is-an-optimizer": "passed", "inputs-untouched": "failed"}


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"dtypes": "float32"}, TypeError, r"such as \['float32'\]"),
        ({"dtypes": ["float23"]}, UnknownName, "did you mean 'float32'"),
        ({"checks": "closure"}, TypeError, r"such as \['closure'\]"),
        ({"supports": "sparse"}, TypeError, r"such as \['sparse'\]"),
        ({"cases": []}, ValueError, "nothing would be checked"),
        ({"against": their.WantsMore}, ValueError, "cannot be made with case default: TypeError"),
    ],
)
def test_wrong_arguments_are_told_by_the_python_doors(arguments, error, told):
    for door in (check_optimizer, parametrize_with_checks):
        with pytest.raises(error, match=told):
            door(their.Right, **{"against": "rmsprop", **arguments})


def test_the_schema_describes_every_status_and_refuses_others():
    found = zip(list(CHECKS)[: len(STATUSES)], STATUSES, strict=True)
    results = [CheckResult(check=name, key="T1", status=status, message="why") for name, status in found]
    body = json.loads(CheckReport(subject="x", against="", results=tuple(results)).to_json())
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(body, SCHEMA)
    for wrong in ({"schema": 1}, {"results": [{**body["results"][0], "status": "skipped"}]}, {"passed": None}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**body, **wrong}, SCHEMA)
