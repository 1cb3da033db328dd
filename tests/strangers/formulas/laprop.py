"""LaProp: Adam whose momentum is of the normalized gradients.

    v <- beta2 v + (1 - beta2) g^2                 v_0 = 0
    m <- beta1 m + (1 - beta1) lr g / (sqrt(v / (1 - beta2^t)) + eps)        m_0 = 0
    c <- beta1 c + (1 - beta1) lr                  c_0 = 0, which is lr (1 - beta1^t) as long as lr stays
    x <- x - lr m / c
    x <- x - lr weight_decay x

Source      Ziyin, Wang, Ueda 2020, arXiv 2002.04839, algorithm 1; the order of decay and step as in the authors' code.
"""

from ._numbers import where
from .spec import Spec, State, case


def init(param) -> State:
    return {"exp_avg": 0 * param, "exp_avg_sq": 0 * param, "exp_avg_lr": 0 * param}


def update(param, grad, state, step, *, lr=4e-4, betas=(0.9, 0.999), eps=1e-15, weight_decay=0.0):
    beta1, beta2 = betas
    v = beta2 * state["exp_avg_sq"] + (1 - beta2) * grad * grad
    root = (v / (1 - beta2**step)) ** 0.5 + eps
    m = beta1 * state["exp_avg"] + (1 - beta1) * lr * grad / root
    c = beta1 * state["exp_avg_lr"] + (1 - beta1) * lr
    x = param - lr * m / where(c > 0, c, 1 + 0 * c)
    return x - lr * weight_decay * x, {"exp_avg": m, "exp_avg_sq": v, "exp_avg_lr": c}


SPEC = Spec(
    name="laprop",
    init=init,
    update=update,
    source="Ziyin, Wang, Ueda 2020, arXiv 2002.04839, algorithm 1",
    reference=None,
    requires={"betas must be below 1": lambda h: all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("betas", "a beta ignored or exchanged", lr=0.01, betas=(0.5, 0.8)),
        case("eps", "eps inside the root", lr=0.1, eps=1e-2),
        case("weight-decay", "decay in the gradient", lr=0.1, weight_decay=0.5),
    ),
)
