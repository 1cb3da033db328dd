"""Lion: steps of one length, in the direction of the sign of an interpolated momentum.

    u <- sign(beta1 m + (1 - beta1) g)             m_0 = 0
    x <- x - lr (u + weight_decay x)
    m <- beta2 m + (1 - beta2) g

Source      Chen et al. 2023, NeurIPS (arXiv 2302.06675), algorithm 2.
Convention  decay is decoupled and scaled by lr, as the paper and optax; lion-pytorch decays before the step, which is
            the same. The step uses the momentum of the step before: beta1 mixes it with g, beta2 carries it on.
Shapes      x, g, m and u alike; dtype in = dtype out.
"""

from .spec import Spec, State, case
from .vocabulary import sign


def init(param) -> State:
    return {"exp_avg": 0 * param}


def update(param, grad, state, step, *, lr=1e-4, betas=(0.9, 0.99), weight_decay=0):
    beta1, beta2 = betas
    u = sign(beta1 * state["exp_avg"] + (1 - beta1) * grad)
    m = beta2 * state["exp_avg"] + (1 - beta2) * grad
    return param - lr * (u + weight_decay * param), {"exp_avg": m}


SPEC = Spec(
    name="lion",
    init=init,
    update=update,
    source="Chen et al. 2023, NeurIPS, arXiv 2302.06675, algorithm 2",
    reference=None,
    requires={"betas must be below 1": lambda h: all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("betas", "a beta ignored, or the two exchanged: the step mixes with one, the memory with the other",
             lr=0.01, betas=(0.5, 0.8)),
        case("weight-decay", "decay under the sign, where it would turn steps around, or not scaled by lr", lr=0.1,
             weight_decay=0.5),
        case("everything", "options that are right alone and wrong together", lr=0.01, betas=(0.95, 0.98),
             weight_decay=0.1),
        case("real-data", "a step that is as long as lr in every element", lr=1e-2,
             problems=("airfoil", "digits-mlp", "digits-softmax")),
        case("plane", "elements that turn one by one", lr=0.2, problems=("bowl",)),
        case("valley", "a step that does not shrink as the slope does", lr=0.01, problems=("rosenbrock", "quadratic")),
    ),
)  # fmt: skip
