"""AdEMAMix: Adam with a second, slower average of the gradient.

    g <- g + weight_decay x                        the coupled form; the paper decouples
    m <- beta1 m + (1 - beta1) g                   m_0 = 0
    n <- beta3 n + (1 - beta3) g                   n_0 = 0
    v <- beta2 v + (1 - beta2) g^2                 v_0 = 0
    x <- x - lr (m / (1 - beta1^t) + alpha n) / (sqrt(v / (1 - beta2^t)) + eps)

Source      Pagliardini et al. 2024, arXiv 2409.03137, algorithm 1, without the two schedules.
"""

from twinstep.scratch_impls import Spec, State, case


def init(param) -> State:
    return {"exp_avg": 0 * param, "exp_avg_sq": 0 * param, "exp_avg_slow": 0 * param}


def update(
    param,
    grad,
    state,
    step,
    *,
    lr=1e-3,
    betas=(0.9, 0.999, 0.9999),
    weight_decay=0.0,
    alpha=5.0,
    eps=1e-8,
    maximize=False,
):
    beta1, beta2, beta3 = betas
    g = -grad if maximize else grad
    if weight_decay:
        g = g + weight_decay * param
    m = beta1 * state["exp_avg"] + (1 - beta1) * g
    n = beta3 * state["exp_avg_slow"] + (1 - beta3) * g
    v = beta2 * state["exp_avg_sq"] + (1 - beta2) * g * g
    root = (v / (1 - beta2**step)) ** 0.5 + eps
    x = param - lr * (m / (1 - beta1**step) + alpha * n) / root
    return x, {"exp_avg": m, "exp_avg_sq": v, "exp_avg_slow": n}


SPEC = Spec(
    name="ademamix",
    init=init,
    update=update,
    source="Pagliardini et al. 2024, arXiv 2409.03137, algorithm 1",
    reference=None,
    requires={"betas must be below 1": lambda h: all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("betas", "a beta ignored or exchanged", lr=0.01, betas=(0.5, 0.8, 0.9)),
        case("alpha", "a mixture that is hard-coded", lr=0.01, alpha=2.0, betas=(0.9, 0.99, 0.95)),
        case("eps", "eps inside the root", lr=0.1, eps=1e-2),
        case("weight-decay", "decay outside of the gradient", lr=0.1, weight_decay=0.5),
        case("maximize", "a sign turned with the decay's", lr=0.1, weight_decay=0.1, maximize=True),
    ),
)
