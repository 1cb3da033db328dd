"""`twinstep new`: the skeleton of a formula file."""

from __future__ import annotations

import keyword
from pathlib import Path

import click

from ._terminal import BadInput

SKELETON = '''"""TITLE: what it does, in one line.

The update as the paper's algorithm box has it, a line for each line of code below, and how each name begins. Write an
arrow where the paper assigns, such as (take out the dots):

    .m < - beta m + (1 - beta) g                  .m_0 = 0
    .x < - x - lr m

Source      Author year, where (arXiv number), algorithm or equation.
Convention  what libraries do otherwise under the same name: place of eps, decay, what is corrected.
Shapes      which are alike; dtype in = dtype out. t is the number of the step, from 1.
"""

# docs/vocabulary.md has every word that a formula may use: import those that it needs here.
from twinstep.scratch_impls import Spec, State, case


def init(param) -> State:
    """The state before step 1, by the names that a torch optimizer of it would use; it may ask for hyperparameters."""
    return {"exp_avg": 0 * param}


def update(param, grad, state, step, *, lr=1e-3, beta=0.9):
    """One step of one parameter, for any kind of number: it returns the new parameter and the new state.

    It changes nothing that it gets. Hyperparameters are keywords with defaults. Other forms: docs/write-a-formula.md.
    """
    m = beta * state["exp_avg"] + (1 - beta) * grad
    return param - lr * m, {"exp_avg": m}


SPEC = Spec(
    name="NAME",  # as the file
    init=init,
    update=update,
    source="",  # author, year, where: checked in its text
    reference=None,  # or the class of torch.optim that it must agree with, such as "Adam"
    elementwise=True,  # False where an element's step depends on others: norms, means, products of matrices
    cases=(
        # Each says which mistake it alone would show; every option has one in which it is not its default.
        case("default", "what a user gets who passes nothing"),
    ),
)
'''


@click.command()
@click.argument("name")
def new(name: str) -> None:
    """Write NAME.py, the skeleton of a formula file with every part explained; `twinstep check NAME.py` goes on."""
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower():
        raise BadInput(f"{name!r} is no name of a formula: small letters, digits and underscores, such as my_adam")
    file = Path(f"{name}.py")
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(SKELETON.replace("TITLE", name.capitalize()).replace("NAME", name))
    except FileExistsError:
        raise BadInput(f"{file} is there already, and stays as it is") from None
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}") from None
    click.echo(f"{file}: fill it in as docs/write-a-formula.md shows; `twinstep check {file}` says what is missing")
