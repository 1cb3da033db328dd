"""The table of verdicts, and which cells a benchmark session leaves out."""

from __future__ import annotations

import dataclasses
import math
import re

import pytest

from twinstep.bench.speed import cells, standings
from twinstep.scratch_impls import all_specs, load

ROW = {
    "optimizer": "adam", "case": "default", "problem": "mlp", "implementation": "scratch", "verdict": "SLOWER",
    "step_s": 1.234e-4, "ratio": 1.345678, "ratio_low": 1.2, "ratio_high": 1.5, "floor_fraction": 0.0712,
}  # fmt: skip
REFERENCE = {**ROW, "implementation": "torch-forloop", "verdict": "TIE", "ratio": 1.0, "ratio_low": 1.0,
             "ratio_high": 1.0}  # fmt: skip


def test_a_line_has_step_ratio_interval_and_verdict_and_the_reference_comes_first():
    head, first, second, *_, counted = standings.lines([ROW, REFERENCE])
    assert head.split("  ")[0] == "cell"
    assert first.split() == ["adam-mlp", "torch-forloop", "123", "us", "7", "%"]
    assert second.split() == ["scratch", "123", "us", "1.35", "1.20", "to", "1.50", "SLOWER", "7", "%"]
    assert counted == "verdicts: 0 FASTER, 1 SLOWER, 0 TIE, 0 WRONG"


def test_what_is_wrong_has_no_numbers_and_is_counted():
    wrong = {**ROW, "verdict": "WRONG", "step_s": None, "ratio": None, "why": "step 1: gap 9"}
    lines = standings.lines([wrong, REFERENCE])
    assert lines[2].split() == ["scratch", "WRONG"]
    assert lines[-1].endswith("1 WRONG")
    no_reference = [{**REFERENCE, "verdict": "WRONG", "step_s": None}, {**ROW, "ratio": None, "verdict": None}]
    assert "1.35" not in "".join(standings.lines(no_reference))
    assert standings.lines([{"optimizer": "gd", "ratio": 1.0}]) == []  # rows of the main job: no verdicts


def test_a_hundred_columns_hold_every_number_whole():
    extreme = [
        {**ROW, "optimizer": "a_formula_with_a_name_of_forty_letters_" * 2, "case": "one/more", "problem": "convnet",
         "implementation": "torch-foreach", "step_s": step_s, "ratio": ratio, "ratio_low": ratio / 3.0,
         "ratio_high": high, "floor_fraction": floor}
        for step_s in (9.87654e-10, 1.23456e-7, 0.123456, 987.654)
        for ratio in (0.000123456, 0.999999, 123.456, 98765.4)
        for high in (ratio * 1.5, math.inf)
        for floor in (0.00001, 1.09, 7.42)
    ]  # fmt: skip
    lines = standings.lines([*extreme, REFERENCE])
    assert max(map(len, lines)) <= 100
    for row in extreme:
        shown = f"{standings.number(row['ratio_low'])} to {standings.number(row['ratio_high'])}"
        assert any(re.search(rf"(^| ){re.escape(shown)}( |$)", line) for line in lines), shown
    assert max(map(len, standings.lines([*extreme, REFERENCE], width=300))) > 100  # control


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.00"), (1.0, "1.00"), (0.0684, "0.0684"), (123.4, "123"), (1e-9, "1.00e-09")]
)
def test_numbers_have_three_digits(value, text):
    assert standings.number(value) == text


def test_times_have_units():
    assert [standings.seconds(s) for s in (2.0, 0.0123, 4.5e-5, 6.7e-8)] == ["2.00 s", "12.3 ms", "45.0 us", "67.0 ns"]


def test_the_large_shape_is_timed_for_one_optimizer_of_each_amount_of_memory():
    every = cells.all_cells(all_specs())
    out = cells.left_out(every)
    large = {name for name, cell in every.items() if cell.shape == cells.LARGE}
    assert out < large
    assert {round(every[name].moved): name for name in large - out} == {
        3: "gd-large", 5: "adagrad-large", 7: "adam-large"
    }  # fmt: skip
    assert "lbfgs-large" in out
    assert {cell.spec.name for name, cell in every.items() if name not in out} == {spec.name for spec in all_specs()}
    few = cells.all_cells([load("lion"), load("adamw")])  # an optimizer is left out only beside one that shows it
    assert cells.left_out(few) == {"adamw/amsgrad-large"}


def test_a_cell_that_would_take_the_session_beyond_two_gigabytes_is_left_out():
    greedy = dataclasses.replace(
        load("adam"), name="greedy", init=lambda param: {f"kept_{k}": 0 * param for k in range(6)}
    )
    every = cells.all_cells([load("gd"), greedy])
    assert cells.left_out(every) == {"greedy-large"}
    assert every["greedy-large"].held_bytes > 1.8e9 > 1e9 > every["gd-large"].held_bytes
