"""AdamW: Adam with decoupled weight decay, optionally AMSGrad.

    g <- -g                                        if maximize
    x <- x - lr weight_decay x
    m <- beta1 m + (1 - beta1) g                   m_0 = 0
    v <- beta2 v + (1 - beta2) g^2                 v_0 = 0
    w <- max(w, v)                                 w_0 = 0, if amsgrad; else w = v
    x <- x - lr (m / (1 - beta1^t)) / (sqrt(w / (1 - beta2^t)) + eps)

Source      Loshchilov & Hutter 2019 (arXiv 1711.05101), algorithm 2.
Convention  decay before the step and scaled by lr, as torch; the paper scales it by a schedule of its own.
Shapes      x, g, m, v and w alike; dtype in = dtype out. t is the number of the step, from 1.
"""

from .spec import Spec, State, case
from .vocabulary import maximum


def init(param, *, amsgrad=False) -> State:
    state = {"exp_avg": 0 * param, "exp_avg_sq": 0 * param}
    return {**state, "max_exp_avg_sq": 0 * param} if amsgrad else state


def update(
    param, grad, state, step, *,
    lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False, maximize=False,
):  # fmt: skip
    beta1, beta2 = betas
    g = -grad if maximize else grad
    param = param - lr * weight_decay * param
    m = beta1 * state["exp_avg"] + (1 - beta1) * g
    v = beta2 * state["exp_avg_sq"] + (1 - beta2) * g * g
    new, w = {"exp_avg": m, "exp_avg_sq": v}, v
    if amsgrad:
        w = new["max_exp_avg_sq"] = maximum(state["max_exp_avg_sq"], v)
    root = (w / (1 - beta2**step)) ** 0.5 + eps
    return param - lr * (m / (1 - beta1**step)) / root, new


SPEC = Spec(
    name="adamw",
    init=init,
    update=update,
    source="Loshchilov & Hutter 2019, ICLR, arXiv 1711.05101",
    reference="AdamW",
    requires={"betas must be below 1": lambda h: all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing; decay is on"),
        case("no-decay", "decay that cannot be switched off", lr=0.01, weight_decay=0,
             problems=("airfoil", "digits-mlp", "digits-softmax", "rosenbrock")),
        case("betas", "a beta ignored, exchanged with the other, or missing from a correction", betas=(0.5, 0.8)),
        case("eps-placement", "eps inside the root, or before the bias correction", lr=0.1, eps=1e-2),
        case("weight-decay", "decay in the gradient, not scaled by lr, or after the step", lr=0.1, weight_decay=0.5),
        case("amsgrad", "a maximum that forgets, or of the corrected average", betas=(0.9, 0.9), amsgrad=True),
        case("maximize", "decay whose sign is turned with the gradient's", lr=0.1, weight_decay=0.1, maximize=True),
        case("everything", "options that are right alone and wrong together", lr=0.01, betas=(0.8, 0.95), eps=1e-3,
             weight_decay=0.1, amsgrad=True, maximize=True),
        case("long-step", "decay and a long step together", lr=0.4, problems=("bowl", "quadratic")),
    ),
)  # fmt: skip
