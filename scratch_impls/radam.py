"""RAdam: Adam that takes plain momentum steps while its variance is not known.

    g <- -g                                        if maximize
    x <- x - lr weight_decay x                     if decoupled_weight_decay
    g <- g + weight_decay x                        if not decoupled_weight_decay
    m <- beta1 m + (1 - beta1) g                   m_0 = 0
    v <- beta2 v + (1 - beta2) g^2                 v_0 = 0
    d <- m / (1 - beta1^t)
    R <- 2 / (1 - beta2) - 1
    r <- R - 2 t beta2^t / (1 - beta2^t)
    q <- sqrt((r - 4) (r - 2) R / ((R - 4) (R - 2) r))
    x <- x - lr q sqrt(1 - beta2^t) d / (sqrt(v) + eps)            if r > 5
    x <- x - lr d                                                  if r <= 5

Source      Liu et al. 2020, ICLR (arXiv 1908.03265), algorithm 2.
Convention  rectified from r > 5 on, as torch; the paper says r > 4 and has no eps, the authors' code says r >= 5. eps
            is added before the bias correction, as torch; optax adds it after, and rectifies from r >= 5.
Shapes      x, g, m, v and d alike; R, r and q are numbers; dtype in = dtype out. t is the number of the step, from 1.
"""

from .spec import Spec, State, case


def init(param) -> State:
    return {"exp_avg": 0 * param, "exp_avg_sq": 0 * param}


def update(
    param, grad, state, step, *,
    lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, decoupled_weight_decay=False, maximize=False,
):  # fmt: skip
    beta1, beta2 = betas
    g = -grad if maximize else grad
    if weight_decay and decoupled_weight_decay:
        param = param - lr * weight_decay * param
    elif weight_decay:
        g = g + weight_decay * param
    m = beta1 * state["exp_avg"] + (1 - beta1) * g
    v = beta2 * state["exp_avg_sq"] + (1 - beta2) * g * g
    new, d = {"exp_avg": m, "exp_avg_sq": v}, m / (1 - beta1**step)
    # The length of the average in the limit, and at step t: where r <= 4 the variance of its root does not exist.
    R = 2 / (1 - beta2) - 1
    r = R - 2 * step * beta2**step / (1 - beta2**step)
    if r <= 5:
        return param - lr * d, new
    q = ((r - 4) * (r - 2) * R / ((R - 4) * (R - 2) * r)) ** 0.5
    return param - lr * q * (1 - beta2**step) ** 0.5 * d / (v**0.5 + eps), new


SPEC = Spec(
    name="radam",
    init=init,
    update=update,
    source="Liu et al. 2020, ICLR, arXiv 1908.03265, algorithm 2",
    reference="RAdam",
    requires={"betas must be below 1": lambda h: all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing; the sixth step is the first rectified one"),
        case("betas", "a beta ignored, exchanged with the other, or missing from a correction", betas=(0.5, 0.95)),
        case("never-rectified", "a variance that is trusted although its memory is too short", betas=(0.9, 0.6)),
        case("eps-placement", "eps inside the root, or after the bias correction", lr=0.1, eps=1e-2),
        case("weight-decay", "decay decoupled where it belongs into the gradient", lr=0.1, weight_decay=0.1),
        case("decoupled", "decay in the gradient, not scaled by lr, or after the step", lr=0.1, weight_decay=0.1,
             decoupled_weight_decay=True),
        case("maximize", "the sign turned after decay", weight_decay=0.1, maximize=True),
        case("everything", "options that are right alone and wrong together", lr=0.01, betas=(0.8, 0.95), eps=1e-3,
             weight_decay=0.1, decoupled_weight_decay=True, maximize=True),
        case("real-data", "a threshold or a rectification that is off by one step", lr=0.02,
             problems=("airfoil", "digits-mlp", "digits-softmax")),
        case("steep", "first steps that are as long as the gradient: lr must be small where it is steep", lr=0.01,
             problems=("quadratic",)),
        case("valley", "a plain step from a slope of 200, which must not leave the valley", lr=0.005,
             problems=("rosenbrock",)),
        case("bowl", "first steps of plain momentum", lr=0.3, problems=("bowl",)),
    ),
)  # fmt: skip
