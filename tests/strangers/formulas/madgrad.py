"""MADGRAD: dual averaging over the cube root of the squared gradients, with momentum.

    g <- g + weight_decay x
    l <- (lr + eps) sqrt(t)                        0 where lr is 0
    v <- v + l g^2                                 v_0 = 0
    s <- s + l g                                   s_0 = 0
    z <- x_0 - s / (v^(1/3) + eps)
    x <- momentum x + (1 - momentum) z

Source      Defazio, Jelassi 2021, arXiv 2101.11075, algorithm 1; lr + eps as in the authors' package madgrad.
"""

from .spec import Spec, State, case


def init(param) -> State:
    return {"grad_sum_sq": 0 * param, "s": 0 * param, "x0": param}


def update(param, grad, state, step, *, lr=1e-2, momentum=0.9, weight_decay=0.0, eps=1e-6):
    g = grad + weight_decay * param if weight_decay else grad
    rate = (lr + eps if lr else lr) * step**0.5
    v = state["grad_sum_sq"] + rate * g * g
    s = state["s"] + rate * g
    z = state["x0"] - s / (v ** (1 / 3) + eps)
    return momentum * param + (1 - momentum) * z, {"grad_sum_sq": v, "s": s, "x0": state["x0"]}


SPEC = Spec(
    name="madgrad",
    init=init,
    update=update,
    source="Defazio, Jelassi 2021, arXiv 2101.11075, algorithm 1",
    reference=None,
    requires={"momentum must be above 0": lambda h: h["momentum"] > 0},
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("momentum", "a momentum that is hard-coded", lr=0.1, momentum=0.5),
        case("eps", "eps under the root", lr=0.1, eps=1e-2),
        case("weight-decay", "decay outside of the gradient", lr=0.1, weight_decay=0.5),
    ),
)
