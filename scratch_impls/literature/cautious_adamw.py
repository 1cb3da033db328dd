"""Cautious AdamW: AdamW whose elements that go against the gradient stay.

    m <- beta1 m + (1 - beta1) g                   m_0 = 0
    v <- beta2 v + (1 - beta2) g^2                 v_0 = 0
    k <- 1 where m g > 0, else 0
    k <- k / max(mean(k), 0.001)
    x <- x - lr weight_decay x
    x <- x - lr k (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)

Source      Liang et al. 2024 (arXiv 2411.16085), algorithm 1, with the scale of the authors' AdamW.
Convention  k is divided by its mean, 0.001 at least, as the authors' code and timm; algorithm 1 adds eps to the mean.
            Decay comes before the step, as in timm.
Shapes      x, g, m, v and k alike; dtype in = dtype out. t is the number of the step, from 1.
"""

from .. import Spec, State, case, maximum, mean, ones_like, where, zeros_like


def init(param) -> State:
    return {"exp_avg": 0 * param, "exp_avg_sq": 0 * param}


def update(param, grad, state, step, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0):
    beta1, beta2 = betas
    m = beta1 * state["exp_avg"] + (1 - beta1) * grad
    v = beta2 * state["exp_avg_sq"] + (1 - beta2) * grad * grad
    k = where(m * grad > 0, ones_like(m), zeros_like(m))
    k = k / maximum(mean(k), 1e-3)
    param = param - lr * weight_decay * param
    root = (v / (1 - beta2**step)) ** 0.5 + eps
    return param - lr * k * (m / (1 - beta1**step)) / root, {"exp_avg": m, "exp_avg_sq": v}


SPEC = Spec(
    name="cautious_adamw",
    init=init,
    update=update,
    source="Liang et al. 2024, arXiv 2411.16085, algorithm 1",
    reference=None,
    elementwise=False,
    requires={"betas must be below 1": lambda h: all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("betas", "a beta ignored, exchanged, or missing from a correction", lr=0.01, betas=(0.5, 0.8)),
        case("eps-placement", "eps inside the root", lr=0.1, eps=1e-2),
        case("weight-decay", "decay under the mask", lr=0.1, weight_decay=0.5),
        case("everything", "options that are right alone and wrong together", lr=0.02, betas=(0.8, 0.95), eps=1e-3,
             weight_decay=0.1),
        case("trained", "a mask that is not scaled", lr=0.01,
             problems=("airfoil", "bowl", "digits-mlp", "digits-softmax", "quadratic", "rosenbrock")),
    ),
)  # fmt: skip
