"""A formula file that is no formula is refused when it is loaded, with its line and what would be right."""

from __future__ import annotations

import sys

import pytest

from twinstep.scratch_impls import SpecError, all_specs, load_file
from twinstep.scratch_impls._first_step import refuse_wrong_first_steps

FORMULA = '''"""Averaged descent.

    m <- 0.9 m + g    m_0 = 0
    x <- x - lr m
"""
from twinstep.scratch_impls import Spec, case, norm


def init(param):
    return {"m": 0 * param}


def update(param, grad, state, step, *, lr=0.1):
    m = 0.9 * state["m"] + grad
    return param - lr * m, {"m": m}


SPEC = Spec(name="mine", init=init, update=update, source="me", reference=None,
            cases=(case("default", "what one gets"), case("lr", "lr ignored", lr=0.4)))
'''
IMPORTS, LINE, RETURN = "import Spec, case, norm", '    m = 0.9 * state["m"] + grad', 'return param - lr * m, {"m": m}'


@pytest.fixture
def refused(tmp_path):
    """What is said of the formula with a text replaced, without the path."""

    def load(old, new):
        assert old in FORMULA
        file = tmp_path / "mine.py"
        file.write_text(FORMULA.replace(old, new))
        with pytest.raises(SpecError) as error:
            load_file(file)
        return str(error.value).removeprefix(f"{file}:")

    return load


def test_control_the_formula_that_is_right_loads(tmp_path):
    (tmp_path / "mine.py").write_text(FORMULA)
    assert load_file(tmp_path / "mine.py").name == "mine"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("    m = grad.clamp(-1, 1)", "14: .clamp: write clip(x, low, high); docs/vocabulary.md has all words"),
        ("    m = grad.norm()", "14: .norm: write norm(x), from twinstep.scratch_impls import norm"),
        ("    m = exp(grad)", "14: no word 'exp': write exp(x), from twinstep.scratch_impls import exp"),
        ("    m = tanh(grad)", "14: no word 'tanh': it is no word of a formula"),
        ("    m = grad.mul_(2)", "14: .mul_: it changes what it is called on; a formula makes new values: x = a * b"),
        ("    m = getattr(grad, 'T')", "14: no word 'getattr': write shape(x), ndim(x) and size(x) ask an array"),
        ("    m = grad * float(grad.item())", "14: .item: write the array itself"),
        ("    m = ~(grad > 0) * grad", "14: ~: of Python's True it makes -2"),
        ("    print(grad)", "14: no word 'print': write nothing: a formula only computes"),
        ("    assert step", "14: assert: say what must hold in Spec(requires=...)"),
        ("    global kept", "14: global: state is what update gets and returns"),
        ("    m = grad + rng.normal(grad)", "14: rng: ask for it: def update(param, grad, state, step, rng, *, ...)"),
        (
            "    import torch\n    m = torch.exp(grad)",
            "15: torch.exp: write exp(x), from twinstep",
        ),
        (
            "    import numpy as np\n    m = grad * np.random.rand()",
            "15: np.random.rand: ask for it: def update(",
        ),
        ("    import random\n    m = grad * random.random()", "15: random.random: ask for it"),
        ("    from torch import sqrt\n    m = sqrt(grad)", "14: sqrt of torch: write sqrt(x), from twinstep"),
        ("    import os", "14: import os: a formula runs on every kind of number"),
    ],
)
def test_a_word_that_is_none_is_refused_with_its_line_and_what_there_is(refused, line, told):
    assert refused(LINE, line).startswith(told)


def test_a_word_that_is_nearly_one(refused):
    assert refused(IMPORTS, "import Spec, case, maximun").startswith("6: no word 'maximun': did you mean maximum?")
    assert refused(IMPORTS, "import Spec, case, nearest").startswith("6: no word 'nearest'")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (LINE, f'{LINE}\n    m += 0\n    grad *= 2', "16: it changes its input; a formula changes no input"),
        (LINE, '    m = state["m"]\n    m += grad', "15: it changes its input"),
        (LINE, f'{LINE}\n    param[0] = 0', "15: it changes its input"),
        (LINE, f'{LINE}\n    state["m"] = m', "15: it changes its input"),
        (RETURN, 'return sum(param - lr * m), {"m": m}', "13: update made of a parameter of shape (4, 5) one of"),
        (RETURN, 'return norm(param - lr * m), {"m": m}', "13: update made of a parameter of shape (4, 5) one of"),
        (LINE, '    m = astype(grad, "float64")', "13: update made of a parameter of float32 one of float64; it must"),
        (LINE, '    m = grad / state["m"]', "13: the first step divides by zero"),
        (LINE, "    m = grad / (1 - 0.9 ** (step - 1))", "13: the first step divides by zero"),
        (LINE, "    m = grad * (1 / (step - 1))", "14: division by zero in the first steps (case default)"),
        (RETURN, 'return param - lr * m, {"n": m}', "13: init makes m, which update does not return; update"),
        (RETURN, "return param - lr * m, {}", "13: init makes m, which update does not return (case default)"),
        (RETURN, "return param - lr * m", "13: update returned a ndarray; it must return (new parameter, new state)"),
    ],
)  # fmt: skip
def test_a_first_step_that_is_none_is_refused_with_its_line_and_what_would_be_right(refused, tmp_path, old, new, told):
    if "astype" in new:
        old, new = FORMULA, FORMULA.replace(IMPORTS, f"{IMPORTS}, astype").replace(old, new)
    assert refused(old, new).startswith(told)


def test_nothing_of_a_refused_file_runs(refused):
    assert refused(IMPORTS, f"{IMPORTS}\nimport sys\nsys.planted = True").startswith("8: sys.planted")
    assert not hasattr(sys, "planted")


@pytest.mark.parametrize("spec", all_specs(), ids=lambda s: s.name)
def test_our_own_formulas_take_right_first_steps(spec):
    refuse_wrong_first_steps(spec, spec.update.__code__.co_filename)
