"""NAdam: Adam with Nesterov's momentum.

    g <- -g                                        if maximize
    x <- x - lr weight_decay x                     if decoupled_weight_decay
    g <- g + weight_decay x                        if not decoupled_weight_decay
    a <- beta1 (1 - 0.96^(t momentum_decay) / 2)
    b <- beta1 (1 - 0.96^((t + 1) momentum_decay) / 2)
    p <- p a                                       p_0 = 1
    m <- beta1 m + (1 - beta1) g                   m_0 = 0
    v <- beta2 v + (1 - beta2) g^2                 v_0 = 0
    r <- sqrt(v / (1 - beta2^t)) + eps
    x <- x - lr (1 - a) / (1 - p) g / r
    x <- x - lr b / (1 - p b) m / r

Source      Dozat 2016, ICLR workshop, "Incorporating Nesterov momentum into Adam", algorithm 2.
Convention  the warm-up a of the momentum weighs the step, not the average m, which has a constant beta1, as torch and
            Keras; the paper's algorithm has a in m too; optax's nadam has no warm-up.
Shapes      x, g, m and v alike; a, b and p are numbers; dtype in = dtype out. t is the number of the step, from 1.
"""

from .spec import Spec, State, case


def init(param) -> State:
    return {"exp_avg": 0 * param, "exp_avg_sq": 0 * param, "mu_product": 1.0}


def update(
    param, grad, state, step, *,
    lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, momentum_decay=4e-3, decoupled_weight_decay=False,
    maximize=False,
):  # fmt: skip
    beta1, beta2 = betas
    g = -grad if maximize else grad
    if weight_decay and decoupled_weight_decay:
        param = param - lr * weight_decay * param
    elif weight_decay:
        g = g + weight_decay * param
    a = beta1 * (1 - 0.96 ** (step * momentum_decay) / 2)
    b = beta1 * (1 - 0.96 ** ((step + 1) * momentum_decay) / 2)
    p = state["mu_product"] * a
    m = beta1 * state["exp_avg"] + (1 - beta1) * g
    v = beta2 * state["exp_avg_sq"] + (1 - beta2) * g * g
    r = (v / (1 - beta2**step)) ** 0.5 + eps
    # Two steps, as torch takes them: the gradient's share, then the average's with the next step's momentum.
    param = param - lr * (1 - a) / (1 - p) * g / r
    param = param - lr * b / (1 - p * b) * m / r
    return param, {"exp_avg": m, "exp_avg_sq": v, "mu_product": p}


SPEC = Spec(
    name="nadam",
    init=init,
    update=update,
    source="Dozat 2016, ICLR workshop, OpenReview OM0jvwB8jIp57ZJjtNEZ, algorithm 2",
    reference="NAdam",
    requires={"betas must be below 1": lambda h: all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("betas", "a beta ignored, exchanged with the other, or missing from a correction", betas=(0.5, 0.8)),
        case("momentum-decay", "a warm-up that is ignored, or one step behind", lr=0.1, momentum_decay=0.5),
        case("eps-placement", "eps inside the root, or before the bias correction", lr=0.1, eps=1e-2),
        case("weight-decay", "decay decoupled where it belongs into the gradient", lr=0.1, weight_decay=0.1),
        case("decoupled", "decay in the gradient, not scaled by lr, or after the step", lr=0.1, weight_decay=0.1,
             decoupled_weight_decay=True),
        case("maximize", "the sign turned after decay", weight_decay=0.1, maximize=True),
        case("everything", "options that are right alone and wrong together", lr=0.01, betas=(0.8, 0.95), eps=1e-3,
             weight_decay=0.1, momentum_decay=0.05, decoupled_weight_decay=True, maximize=True),
        case("real-data", "a look-ahead that is left out or applied twice", lr=0.01,
             problems=("airfoil", "digits-mlp", "digits-softmax", "rosenbrock")),
        case("long-step", "a first step that is longer than lr by the look-ahead", lr=0.4,
             problems=("bowl", "quadratic")),
    ),
)  # fmt: skip
