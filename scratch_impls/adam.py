"""Adam, optionally AMSGrad.

    g <- -g                                        if maximize
    x <- x - lr weight_decay x                     if decoupled_weight_decay
    g <- g + weight_decay x                        if not decoupled_weight_decay
    m <- beta1 m + (1 - beta1) g                   m_0 = 0
    v <- beta2 v + (1 - beta2) g^2                 v_0 = 0
    w <- max(w, v)                                 w_0 = 0, if amsgrad; else w = v
    x <- x - lr (m / (1 - beta1^t)) / (sqrt(w / (1 - beta2^t)) + eps)

Source      Kingma & Ba 2015 (arXiv 1412.6980), algorithm 1; AMSGrad: Reddi, Kale, Kumar 2018, algorithm 2.
Convention  eps after the bias correction and the maximum of the uncorrected v, as torch; Keras and TF1 add eps before
            the correction ("epsilon hat"), optax takes the maximum of the corrected v.
Shapes      x, g, m, v and w alike; dtype in = dtype out. t is the number of the step, from 1.
"""

from .spec import Spec, State, case
from .vocabulary import maximum


def init(param, *, amsgrad=False) -> State:
    state = {"exp_avg": 0 * param, "exp_avg_sq": 0 * param}
    return {**state, "max_exp_avg_sq": 0 * param} if amsgrad else state


def update(
    param, grad, state, step, *,
    lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, maximize=False, decoupled_weight_decay=False,
):  # fmt: skip
    beta1, beta2 = betas
    g = -grad if maximize else grad
    if weight_decay and decoupled_weight_decay:
        param = param - lr * weight_decay * param
    elif weight_decay:
        g = g + weight_decay * param
    m = beta1 * state["exp_avg"] + (1 - beta1) * g
    v = beta2 * state["exp_avg_sq"] + (1 - beta2) * g * g
    new, w = {"exp_avg": m, "exp_avg_sq": v}, v
    if amsgrad:
        # Of the raw average: of the corrected one an early peak counts 31.6 times as long.
        w = new["max_exp_avg_sq"] = maximum(state["max_exp_avg_sq"], v)
    root = (w / (1 - beta2**step)) ** 0.5 + eps
    return param - lr * (m / (1 - beta1**step)) / root, new


SPEC = Spec(
    name="adam",
    init=init,
    update=update,
    source="Kingma & Ba 2015, ICLR, arXiv 1412.6980; Reddi, Kale, Kumar 2018, ICLR",
    reference="Adam",
    requires={"betas must be below 1": lambda h: all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("betas", "a beta ignored, exchanged with the other, or missing from a correction", betas=(0.5, 0.8)),
        case("eps-placement", "eps inside the root, or before the bias correction", lr=0.1, eps=1e-2),
        case("weight-decay", "decay decoupled where it belongs into the gradient", lr=0.1, weight_decay=0.1),
        case("amsgrad", "a maximum that forgets, or of the corrected average", betas=(0.9, 0.9), amsgrad=True),
        case("maximize", "the sign turned after decay", weight_decay=0.1, maximize=True),
        case("decoupled", "decay in the gradient, not scaled by lr, or after the step", lr=0.1, weight_decay=0.1,
             decoupled_weight_decay=True),
        case("everything", "options that are right alone and wrong together", lr=0.01, betas=(0.8, 0.95), eps=1e-3,
             weight_decay=0.1, amsgrad=True, maximize=True),
        case("book", "the book's step on real data (section 7.8)", lr=0.01, eps=1e-6,
             problems=("airfoil", "digits-mlp", "digits-softmax", "rosenbrock")),
        case("long-step", "a first step that is as long as lr, whatever the gradient", lr=0.4,
             problems=("bowl", "quadratic")),
    ),
)  # fmt: skip
