"""diffGrad: Adam whose step is halved where the gradient stays.

    g <- g + weight_decay x
    m <- beta1 m + (1 - beta1) g                   m_0 = 0
    v <- beta2 v + (1 - beta2) g^2                 v_0 = 0
    f <- 1 / (1 + exp(-|g - g of the step before|))                          which is 0 before step 1
    x <- x - lr f (m / (1 - beta1^t)) sqrt(1 - beta2^t) / (sqrt(v) + eps)

Source      Dubey et al. 2019, arXiv 1909.11015, algorithm 1; eps before the correction as in the authors' code.
"""

from ._numbers import maximum
from .spec import Spec, State, case

E = 2.718281828459045


def init(param) -> State:
    return {"exp_avg": 0 * param, "exp_avg_sq": 0 * param, "previous_grad": 0 * param}


def update(param, grad, state, step, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    beta1, beta2 = betas
    g = grad + weight_decay * param if weight_decay else grad
    m = beta1 * state["exp_avg"] + (1 - beta1) * g
    v = beta2 * state["exp_avg_sq"] + (1 - beta2) * g * g
    d = g - state["previous_grad"]
    f = 1 / (1 + E ** -maximum(d, -d))
    rate = lr * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
    return param - rate * f * m / (v**0.5 + eps), {"exp_avg": m, "exp_avg_sq": v, "previous_grad": g}


SPEC = Spec(
    name="diffgrad",
    init=init,
    update=update,
    source="Dubey et al. 2019, arXiv 1909.11015, algorithm 1",
    reference=None,
    requires={"betas must be below 1": lambda h: all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("betas", "a beta ignored or exchanged", lr=0.01, betas=(0.5, 0.8)),
        case("eps", "eps inside the root", lr=0.1, eps=1e-2),
        case("weight-decay", "decay outside of the gradient", lr=0.1, weight_decay=0.5),
    ),
)
