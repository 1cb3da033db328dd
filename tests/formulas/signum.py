"""Signum.

    g <- g + weight_decay x
    m <- momentum m + (1 - momentum) g        m_0 = 0
    x <- x - lr sign(m)

Source      Bernstein et al. 2018, signSGD, ICML, algorithm 2.
"""

from twinstep.scratch_impls import Spec, State, case


def init(param) -> State:
    return {"momentum_buffer": 0 * param}


def update(param, grad, state, step, *, lr=0.01, momentum=0.9, weight_decay=0):
    one = 0 * param + 1
    g = grad + weight_decay * param if weight_decay else grad
    m = momentum * state["momentum_buffer"] + (1 - momentum) * g
    return param - lr * (one * (m > 0) - one * (m < 0)), {"momentum_buffer": m}


SPEC = Spec(
    name="signum",
    init=init,
    update=update,
    source="Bernstein et al. 2018, signSGD: Compressed Optimisation for Non-Convex Problems, ICML, algorithm 2",
    reference="Signum",
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("momentum", "a momentum that is ignored", lr=0.1, momentum=0.5),
        case("weight-decay", "decay outside of the sign", weight_decay=0.1),
    ),
)
