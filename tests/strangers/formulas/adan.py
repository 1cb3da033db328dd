"""Adan: Adam with Nesterov's momentum, written with the difference of two gradients.

    d <- g - g of the step before                  0 in step 1
    m <- beta1 m + (1 - beta1) g                   m_0 = 0
    v <- beta2 v + (1 - beta2) d                   v_0 = 0
    n <- beta3 n + (1 - beta3) (g + beta2 d)^2     n_0 = 0
    u <- (m / (1 - beta1^t) + beta2 v / (1 - beta2^t)) / (sqrt(n / (1 - beta3^t)) + eps)
    x <- (x - lr u) / (1 + lr weight_decay)

Source      Xie et al. 2022, arXiv 2208.06677, algorithm 1; betas are 1 minus the paper's, as in the authors' code,
            which corrects all three averages.
"""

from .spec import Spec, State, case


def init(param) -> State:
    return {"exp_avg": 0 * param, "exp_avg_diff": 0 * param, "exp_avg_sq": 0 * param, "previous": None}


def update(param, grad, state, step, *, lr=1e-3, betas=(0.98, 0.92, 0.99), eps=1e-8, weight_decay=0.0):
    beta1, beta2, beta3 = betas
    d = 0 * grad if state["previous"] is None else grad - state["previous"]
    m = beta1 * state["exp_avg"] + (1 - beta1) * grad
    v = beta2 * state["exp_avg_diff"] + (1 - beta2) * d
    n = beta3 * state["exp_avg_sq"] + (1 - beta3) * (grad + beta2 * d) * (grad + beta2 * d)
    root = (n / (1 - beta3**step)) ** 0.5 + eps
    u = (m / (1 - beta1**step) + beta2 * (v / (1 - beta2**step))) / root
    new = {"exp_avg": m, "exp_avg_diff": v, "exp_avg_sq": n, "previous": grad}
    return (param - lr * u) / (1 + lr * weight_decay), new


SPEC = Spec(
    name="adan",
    init=init,
    update=update,
    source="Xie et al. 2022, arXiv 2208.06677, algorithm 1",
    reference=None,
    requires={"betas must be below 1": lambda h: all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("betas", "a beta ignored or exchanged", lr=0.01, betas=(0.5, 0.8, 0.9)),
        case("eps", "eps inside the root", lr=0.1, eps=1e-2),
        case("weight-decay", "decay in the gradient", lr=0.1, weight_decay=0.5),
    ),
)
