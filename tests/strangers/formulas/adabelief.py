"""AdaBelief: Adam whose second moment is of the gradient's distance from its average.

    g <- g + weight_decay x
    m <- beta1 m + (1 - beta1) g                   m_0 = 0
    s <- beta2 s + (1 - beta2) (g - m)^2 + eps     s_0 = 0
    x <- x - lr (m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) + eps)

Source      Zhuang et al. 2020, NeurIPS, arXiv 2010.07468, algorithm 2; coupled decay as in adabelief-pytorch with
            weight_decouple=False.
"""

from .spec import Spec, State, case


def init(param) -> State:
    return {"exp_avg": 0 * param, "exp_avg_var": 0 * param}


def update(param, grad, state, step, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    beta1, beta2 = betas
    g = grad + weight_decay * param if weight_decay else grad
    m = beta1 * state["exp_avg"] + (1 - beta1) * g
    s = beta2 * state["exp_avg_var"] + (1 - beta2) * (g - m) * (g - m) + eps
    root = (s / (1 - beta2**step)) ** 0.5 + eps
    return param - lr * (m / (1 - beta1**step)) / root, {"exp_avg": m, "exp_avg_var": s}


SPEC = Spec(
    name="adabelief",
    init=init,
    update=update,
    source="Zhuang et al. 2020, NeurIPS, arXiv 2010.07468, algorithm 2",
    reference=None,
    requires={"betas must be below 1": lambda h: all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("betas", "a beta ignored or exchanged", lr=0.01, betas=(0.5, 0.8)),
        case("eps", "eps left out of the second moment", lr=0.1, eps=1e-2),
        case("weight-decay", "decay outside of the gradient", lr=0.1, weight_decay=0.5),
    ),
)
