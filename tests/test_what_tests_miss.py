"""The figures of docs/what-tests-miss.md that are this project's own, counted anew."""

from __future__ import annotations

import contextlib
import io
import json
import re
import warnings

import this_tree
import torch
from planted import BUGS

from twinstep.bench.battery import global_state
from twinstep.bench.battery.guard import no_exit
from twinstep.reference.torch_paths import twin

PAGE = (this_tree.ROOT / "docs" / "what-tests-miss.md").read_text(encoding="utf-8")
MATRIX = json.loads((this_tree.ROOT / "tests" / "planted" / "matrix.json").read_text(encoding="utf-8"))


def ours(what):
    """The last figure of a row of the first table."""
    (figure,) = re.findall(rf"^\| {re.escape(what)} \|.*\| (\d+) \|$", PAGE, re.MULTILINE)
    return int(figure)


def ends(make, steps, *, sparse=False):
    generator = torch.Generator().manual_seed(0)
    params = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in ((3, 4), (5,))]
    optimizer = make(params)
    for _ in range(steps):
        gradients = [torch.randn(p.shape, generator=generator) for p in params]

        def closure(gradients=gradients):
            for p, gradient in zip(params, gradients, strict=True):
                p.grad = gradient.to_sparse(1) if sparse else gradient.clone()
            return sum((p.detach() * gradient).sum() for p, gradient in zip(params, gradients, strict=True))

        closure()
        optimizer.step(closure) if "LBFGS" in type(optimizer).__name__ else optimizer.step()
    return [p.detach() for p in params]


def caught_at_defaults(bug, steps):
    before = global_state.read()
    try:
        with no_exit(), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            right = ends(twin(bug.cls.twin), steps, sparse=bug.cls.twin == "SparseAdam")
            torch.testing.assert_close(ends(bug.cls, steps, sparse=bug.cls.twin == "SparseAdam"), right)
    except Exception:  # an error is seen by anybody
        return True
    finally:
        global_state.put_back(before)
    return False


def test_blunt_checks_catch_what_the_page_says():
    assert ours("the loss went down") == sum("descends" in row for row in MATRIX.values())
    for steps, what in (
        (1, "one step at the default settings agrees"),
        (10, "ten steps at the default settings agree"),
    ):
        assert ours(what) == sum(caught_at_defaults(bug, steps) for bug in BUGS)


def test_twinstep_catches_what_the_page_says():
    assert ours("Twinstep, the whole battery") == len(BUGS) == int(re.search(r"of the (\d+) planted", PAGE)[1])
    assert ours("Twinstep, `--quick`") == sum(bug.check in MATRIX[bug.name] for bug in BUGS)
