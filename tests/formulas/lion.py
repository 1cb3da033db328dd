"""Lion.

    x <- x - lr weight_decay x
    d <- beta1 m + (1 - beta1) g        m_0 = 0
    m <- beta2 m + (1 - beta2) g
    x <- x - lr sign(d)

Source      Chen et al. 2023, Symbolic Discovery of Optimization Algorithms, arXiv 2302.06675, program 1.
"""

from twinstep.scratch_impls import Spec, State, case


def init(param) -> State:
    return {"exp_avg": 0 * param}


def update(param, grad, state, step, *, lr=1e-4, betas=(0.9, 0.99), weight_decay=0):
    beta1, beta2 = betas
    one = 0 * param + 1
    d = beta1 * state["exp_avg"] + (1 - beta1) * grad
    m = beta2 * state["exp_avg"] + (1 - beta2) * grad
    if weight_decay:
        param = param - lr * weight_decay * param
    return param - lr * (one * (d > 0) - one * (d < 0)), {"exp_avg": m}


SPEC = Spec(
    name="lion",
    init=init,
    update=update,
    source="Chen et al. 2023, arXiv 2302.06675, program 1",
    reference="Lion",
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("betas", "a beta ignored, or exchanged with the other", lr=0.01, betas=(0.5, 0.8)),
        case("weight-decay", "decay in the gradient", lr=0.01, weight_decay=0.1),
    ),
)
