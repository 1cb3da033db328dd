"""AdamW in bfloat16: computed in float32, the parameter rounded up or down at random.

    m <- beta1 m + (1 - beta1) g                   m_0 = 0; in float32, kept in the format of x
    v <- beta2 v + (1 - beta2) g^2                 v_0 = 0; likewise
    x <- x - lr weight_decay x
    x <- x - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
    x <- a neighbour of x in bfloat16              the upper one with the probability (x - lower) / (upper - lower)

Source      Zamirai et al. 2020 (arXiv 2010.06192), stochastic rounding of the weight update; AdamW of Loshchilov &
            Hutter 2019.
Convention  rounding to nearest would lose what is below half a spacing, 0.4 % of x. The step uses m and v of float32,
            and the states are rounded to nearest, as torchao's AdamW with bf16_stochastic_round. A formula of float32
            or float64 keeps its states as they are; x is on the numbers of bfloat16 all the same.
Shapes      x, g, m and v alike; dtype in = dtype out. t is the number of the step, from 1.
"""

from .. import Spec, State, astype, case, promote


def init(param) -> State:
    return {"exp_avg": 0 * param, "exp_avg_sq": 0 * param}


def update(
    param, grad, state, step, rng, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, seed=0
):  # fmt: skip
    beta1, beta2 = betas
    x, g = promote(param, "float32"), promote(grad, "float32")
    m = beta1 * promote(state["exp_avg"], "float32") + (1 - beta1) * g
    v = beta2 * promote(state["exp_avg_sq"], "float32") + (1 - beta2) * g * g
    x = x - lr * weight_decay * x
    x = x - lr * (m / (1 - beta1**step)) / ((v / (1 - beta2**step)) ** 0.5 + eps)
    return astype(rng.rounded(x, "bfloat16"), param), {"exp_avg": astype(m, param), "exp_avg_sq": astype(v, param)}


SPEC = Spec(
    name="adamw_sr",
    init=init,
    update=update,
    source="Zamirai et al. 2020, arXiv 2010.06192; Loshchilov & Hutter 2019, ICLR, arXiv 1711.05101",
    reference=None,
    requires={"betas must be below 1": lambda h: all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing; decay is on"),
        case("betas", "a beta ignored, exchanged, or missing from a correction", lr=0.1, betas=(0.5, 0.8)),
        case("eps-placement", "eps inside the root", lr=0.1, eps=1e-2),
        case("weight-decay", "decay in the gradient, or not scaled by lr", lr=0.1, weight_decay=0.5),
        case("seed", "a generator that ignores its seed", lr=0.1, seed=7),
        case("everything", "options that are right alone and wrong together", lr=0.1, betas=(0.8, 0.95), eps=1e-3,
             weight_decay=0.1, seed=3),
        case("trained", "rounding to nearest, which stands still", lr=0.01, weight_decay=0,
             problems=("airfoil", "bowl", "digits-mlp", "digits-softmax", "quadratic", "rosenbrock")),
    ),
)  # fmt: skip
