"""What an author may say of an optimizer that is so by design: one table, and what each turns off and on.

A comparison that assumes the opposite does not apply then, and a check of its own says where the declaration is false.
docs/checks.md has this table. Importing it loads no torch.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """One word of `--declare`.

    what    what it says of the optimizer
    off     the checks, or parts of checks, that do not apply then
    on      the check that holds it to its word
    """

    what: str
    off: str
    on: str


DECLARATIONS: dict[str, Declaration] = {
    "coupled": Declaration(
        what="a parameter's step depends on the other parameters, as by a norm over all of them",
        off="a parameter beside others against one in an optimizer of its own: groups, none-gradients, late-start, "
        "added-group, frozen, mixed-dtypes",
        on="declared-coupled: the parameters in another order step alike; and they do depend on one another",
    ),
    "group-state": Declaration(
        what="a group has state that its parameters share, such as one count of steps",
        off="a parameter that starts later, or lacks gradients, against one in an optimizer of its own: "
        "none-gradients, late-start, added-group, frozen; a late parameter against the reference's: late-parameters",
        on="declared-group-state: a late parameter in a group of its own starts afresh, and one in an older group "
        "does not",
    ),
    "stochastic": Declaration(
        what="its steps depend on random numbers",
        off="runs that draw for other tensors, against one another and against a reference",
        on="declared-stochastic: the same seed gives the same bits, another seed others; the mean over seeds is the "
        "formula's, within its bound and the error of the mean",
    ),
    "one-lr": Declaration(
        what="all groups must have one learning rate",
        off="groups with rates of their own: parts of groups, added-group, save-load",
        on="declared-one-lr: two rates are refused, or one of them rules all groups",
    ),
    "one-group": Declaration(
        what="all parameters must be one group",
        off="several groups: groups, added-group, parts of closure, constructor, none-gradients, save-load",
        on="declared-one-group: a second group is refused with an error",
    ),
}
