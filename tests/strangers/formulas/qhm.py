"""QHM: a step between the gradient's and its average's.

    g <- g + weight_decay x
    m <- momentum m + (1 - momentum) g             m_0 = 0
    x <- x - lr (nu m + (1 - nu) g)

Source      Ma, Yarats 2019, ICLR, arXiv 1810.06801, equations 3 and 4.
"""

from .spec import Spec, State, case


def init(param) -> State:
    return {"momentum_buffer": 0 * param}


def update(param, grad, state, step, *, lr=1e-3, momentum=0.9, nu=0.7, weight_decay=0.0):
    g = grad + weight_decay * param if weight_decay else grad
    m = momentum * state["momentum_buffer"] + (1 - momentum) * g
    return param - lr * nu * m - lr * (1 - nu) * g, {"momentum_buffer": m}


SPEC = Spec(
    name="qhm",
    init=init,
    update=update,
    source="Ma, Yarats 2019, ICLR, arXiv 1810.06801, equations 3 and 4",
    reference=None,
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("momentum", "a momentum that is ignored", lr=0.1, momentum=0.5),
        case("nu", "a mixture that is ignored or turned around", lr=0.1, nu=0.2),
        case("weight-decay", "decay outside of the gradient", lr=0.1, weight_decay=0.5),
    ),
)
