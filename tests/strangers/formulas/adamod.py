"""AdaMod: Adam whose step sizes are bounded by their own average.

    x <- x - lr weight_decay x
    m <- beta1 m + (1 - beta1) g                   m_0 = 0
    v <- beta2 v + (1 - beta2) g^2                 v_0 = 0
    a <- lr sqrt(1 - beta2^t) / (1 - beta1^t) / (sqrt(v) + eps)
    s <- beta3 s + (1 - beta3) a                   s_0 = 0
    x <- x - min(a, s) m

Source      Ding et al. 2019, arXiv 1910.12249, algorithm 1; decay and the place of eps as in the authors' code.
"""

from ._numbers import minimum
from .spec import Spec, State, case


def init(param) -> State:
    return {"exp_avg": 0 * param, "exp_avg_sq": 0 * param, "exp_avg_lr": 0 * param}


def update(param, grad, state, step, *, lr=1e-3, betas=(0.9, 0.999), beta3=0.999, eps=1e-8, weight_decay=0.0):
    beta1, beta2 = betas
    m = beta1 * state["exp_avg"] + (1 - beta1) * grad
    v = beta2 * state["exp_avg_sq"] + (1 - beta2) * grad * grad
    a = lr * (1 - beta2**step) ** 0.5 / (1 - beta1**step) / (v**0.5 + eps)
    s = beta3 * state["exp_avg_lr"] + (1 - beta3) * a
    x = param - lr * weight_decay * param
    return x - minimum(a, s) * m, {"exp_avg": m, "exp_avg_sq": v, "exp_avg_lr": s}


SPEC = Spec(
    name="adamod",
    init=init,
    update=update,
    source="Ding et al. 2019, arXiv 1910.12249, algorithm 1",
    reference=None,
    requires={"betas must be below 1": lambda h: all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("betas", "a beta ignored or exchanged", lr=0.01, betas=(0.5, 0.8)),
        case("bound", "a bound that is not taken", lr=0.1, beta3=0.5),
        case("eps", "eps inside the root", lr=0.1, eps=1e-2),
        case("weight-decay", "decay in the gradient", lr=0.1, weight_decay=0.5),
    ),
)
