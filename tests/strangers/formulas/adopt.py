"""ADOPT: Adam whose gradient is divided by the second moment of the step before.

    g <- -g                                        if maximize
    g <- g + weight_decay x
    v <- g^2                                       in step 1, which moves nothing
    c <- (t - 1)^(1/4)
    u <- min(c, max(-c, g / max(sqrt(v), eps)))
    m <- beta1 m + (1 - beta1) u                   m_0 = 0
    x <- x - lr m
    v <- beta2 v + (1 - beta2) g^2

Source      Taniguchi et al. 2024, NeurIPS, arXiv 2411.02853, algorithm 2 with the clipping of its later version.
"""

from twinstep.scratch_impls import Spec, State, case, clip, maximum


def init(param) -> State:
    return {"exp_avg": 0 * param, "exp_avg_sq": 0 * param}


def update(param, grad, state, step, *, lr=1e-3, betas=(0.9, 0.9999), eps=1e-6, weight_decay=0.0, maximize=False):
    beta1, beta2 = betas
    g = -grad if maximize else grad
    if weight_decay:
        g = g + weight_decay * param
    m, v = state["exp_avg"], state["exp_avg_sq"]
    if step == 1:
        return param, {"exp_avg": m, "exp_avg_sq": g * g}
    c = (step - 1) ** 0.25
    u = clip(g / maximum(v**0.5, eps), -c, c)
    m = beta1 * m + (1 - beta1) * u
    return param - lr * m, {"exp_avg": m, "exp_avg_sq": beta2 * v + (1 - beta2) * g * g}


SPEC = Spec(
    name="adopt",
    init=init,
    update=update,
    source="Taniguchi et al. 2024, NeurIPS, arXiv 2411.02853, algorithm 2",
    reference=None,
    requires={"betas must be below 1": lambda h: all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("betas", "a beta ignored, or the second moment of this step", lr=0.01, betas=(0.5, 0.8)),
        case("eps", "eps added instead of a bound from below", lr=0.1, eps=1e-2),
        case("weight-decay", "decay outside of the gradient", lr=0.1, weight_decay=0.5),
        case("maximize", "a sign turned with the decay's", lr=0.1, weight_decay=0.1, maximize=True),
    ),
)
