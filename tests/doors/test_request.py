"""Cases and expectations as files and text say them; what is wrong in them is told with its place."""

from __future__ import annotations

import pytest
import torch

from twinstep.bench.battery.context import context_for
from twinstep.bench.battery.request import BAD_REQUEST, expectations, read_cases
from twinstep.scratch_impls import Case, SpecError


def test_cases_from_a_file(tmp_path):
    toml, other = tmp_path / "cases.toml", tmp_path / "cases.json"
    toml.write_text('[[case]]\nname = "fast"\nreason = "lr"\nlr = 0.5\nbetas = [0.8, 0.9]\n')
    other.write_text('[{"name": "fast", "reason": "lr", "lr": 0.5, "betas": [0.8, 0.9]}]')
    for file in (toml, other):
        (case,) = read_cases(file)
        assert (case.name, dict(case.hyper)) == ("fast", {"lr": 0.5, "betas": (0.8, 0.9)})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "at least one case"),
        ("[]", "at least one case"),
        ("[1]", "is no table"),
        ('[{"reason": "b"}]', "it needs a name"),
        ('[{"name": "a", "reason": " "}]', "case 1: it needs a reason"),
        ('[{"name": "a", "reason": "b", "lr": {}}]', "lr is {}"),
        ("[", "is no"),
    ],
)
def test_a_bad_file_of_cases_is_told(tmp_path, text, told):
    file = tmp_path / ("cases.json" if text else "cases.toml")
    file.write_text(text)
    with pytest.raises(SpecError, match="cases") as error:
        read_cases(file)
    assert told in str(error.value)
    assert isinstance(error.value, BAD_REQUEST)


def test_a_case_without_end_is_no_case():
    with pytest.raises(SpecError, match="no finite number"):
        context_for(torch.optim.Adam, cases=[Case(name="far", reason="none", hyper={"betas": (0.9, float("inf"))})])


def test_expectations_need_reasons(tmp_path):
    assert expectations([]) is None
    assert expectations(["a = it is so = known", "b=x"]) == {"a": "it is so = known", "b": "x"}
    file = tmp_path / "known.json"
    for text in ('{"a": ""}', '{"a": 1}', '["a"]'):
        file.write_text(text)
        with pytest.raises(SpecError, match="needs its reason"):
            expectations([str(file)])
