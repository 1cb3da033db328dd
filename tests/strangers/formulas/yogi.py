"""Yogi: Adam whose second moment moves by a bounded step towards the squared gradient.

    g <- g + weight_decay x
    m <- beta1 m + (1 - beta1) g                   m_0 = initial_accumulator
    v <- v - (1 - beta2) sign(v - g^2) g^2         v_0 = initial_accumulator
    x <- x - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)

Source      Zaheer et al. 2018, NeurIPS, Adaptive methods for nonconvex optimization, algorithm 2; the starting value,
            in both averages, and the correction of both as in torch_optimizer.
"""

from ._numbers import sign
from .spec import Spec, State, case


def init(param, *, initial_accumulator) -> State:
    return {"exp_avg": 0 * param + initial_accumulator, "exp_avg_sq": 0 * param + initial_accumulator}


def update(
    param, grad, state, step, *, lr=1e-2, betas=(0.9, 0.999), eps=1e-3, initial_accumulator=1e-6, weight_decay=0.0
):
    beta1, beta2 = betas
    g = grad + weight_decay * param if weight_decay else grad
    m = beta1 * state["exp_avg"] + (1 - beta1) * g
    v = state["exp_avg_sq"] - (1 - beta2) * sign(state["exp_avg_sq"] - g * g) * g * g
    root = (v / (1 - beta2**step)) ** 0.5 + eps
    return param - lr * (m / (1 - beta1**step)) / root, {"exp_avg": m, "exp_avg_sq": v}


SPEC = Spec(
    name="yogi",
    init=init,
    update=update,
    source="Zaheer et al. 2018, NeurIPS, algorithm 2",
    reference=None,
    requires={"betas must be below 1": lambda h: all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("betas", "a beta ignored or exchanged", lr=0.01, betas=(0.5, 0.8)),
        case("eps", "eps inside the root", lr=0.1, eps=1e-1),
        case("accumulator", "a start that is hard-coded", lr=0.1, initial_accumulator=0.1),
        case("weight-decay", "decay outside of the gradient", lr=0.1, weight_decay=0.5),
    ),
)
