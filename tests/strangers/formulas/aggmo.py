"""AggMo: a third of each of three velocities, each with a damping of its own.

    g <- g + weight_decay x
    v_i <- beta_i v_i + g                          v_i = 0 at first
    x <- x - lr / 3 v_i                            one after the other, as in the authors' code

Source      Lucas et al. 2019, ICLR, arXiv 1804.00325, equation 2.
"""

from .spec import Spec, State, case


def init(param) -> State:
    return {"first": 0 * param, "second": 0 * param, "third": 0 * param}


def update(param, grad, state, step, *, lr=1e-3, betas=(0.0, 0.9, 0.99), weight_decay=0.0):
    g = grad + weight_decay * param if weight_decay else grad
    new = {name: beta * state[name] + g for name, beta in zip(("first", "second", "third"), betas, strict=True)}
    third = lr / 3
    return param - third * new["first"] - third * new["second"] - third * new["third"], new


SPEC = Spec(
    name="aggmo",
    init=init,
    update=update,
    source="Lucas et al. 2019, ICLR, arXiv 1804.00325, equation 2",
    reference=None,
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("betas", "a damping that is hard-coded", lr=0.01, betas=(0.1, 0.5, 0.8)),
        case("weight-decay", "decay outside of the gradient", lr=0.1, weight_decay=0.5),
    ),
)
