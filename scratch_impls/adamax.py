"""Adamax: Adam with the infinity norm.

    g <- -g                                        if maximize
    g <- g + weight_decay x
    m <- beta1 m + (1 - beta1) g                   m_0 = 0
    u <- max(beta2 u, |g| + eps)                   u_0 = 0
    x <- x - lr / (1 - beta1^t) m / u

Source      Kingma & Ba 2015 (arXiv 1412.6980), algorithm 2.
Convention  eps is added to |g| before the maximum, as torch; the paper has none, so that g = 0 from the start is 0/0;
            Keras and MLX add it to u where they divide.
Shapes      x, g, m and u alike; dtype in = dtype out. t is the number of the step, from 1.
"""

from .spec import Spec, State, case
from .vocabulary import maximum


def init(param) -> State:
    return {"exp_avg": 0 * param, "exp_inf": 0 * param}


def update(param, grad, state, step, *, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, maximize=False):
    beta1, beta2 = betas
    g = -grad if maximize else grad
    if weight_decay:
        g = g + weight_decay * param
    m = beta1 * state["exp_avg"] + (1 - beta1) * g
    u = maximum(beta2 * state["exp_inf"], abs(g) + eps)
    return param - lr / (1 - beta1**step) * m / u, {"exp_avg": m, "exp_inf": u}


SPEC = Spec(
    name="adamax",
    init=init,
    update=update,
    source="Kingma & Ba 2015, ICLR, arXiv 1412.6980, algorithm 2",
    reference="Adamax",
    requires={"betas must be below 1": lambda h: all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("betas", "a beta ignored, exchanged with the other, or a correction of u that must not be",
             betas=(0.5, 0.8)),
        case("eps-placement", "eps added to u, where it would be kept and added again, or left out", lr=0.1, eps=1e-2),
        case("weight-decay", "decay left out of the maximum", lr=0.1, weight_decay=0.1),
        case("maximize", "the sign turned after decay", weight_decay=0.1, maximize=True),
        case("everything", "options that are right alone and wrong together", lr=0.01, betas=(0.8, 0.95), eps=1e-3,
             weight_decay=0.1, maximize=True),
        case("real-data", "a norm that never forgets its largest gradient", lr=0.02,
             problems=("airfoil", "digits-mlp", "digits-softmax", "rosenbrock")),
        case("long-step", "a first step that is as long as lr, whatever the gradient", lr=0.4,
             problems=("bowl", "quadratic")),
    ),
)  # fmt: skip
