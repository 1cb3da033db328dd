"""D-Adaptation for Adam: the step size is estimated, from all parameters at once.

    c <- d lr                                      d_0 = d0
    q <- sqrt(beta2) q + (1 - sqrt(beta2)) c (sum of g s / (sqrt(v) + eps) over all)       q_0 = 0; v of the step before
    m <- beta1 m + (1 - beta1) c g                 m_0 = 0
    v <- beta2 v + (1 - beta2) g^2                 v_0 = 0
    s <- sqrt(beta2) s + (1 - sqrt(beta2)) c g     s_0 = 0
    x <- x - c weight_decay x
    x <- x - m / (sqrt(v) + eps)
    d <- max(d, q / ((1 - sqrt(beta2)) (sum of |s| over all)))

Source      Defazio & Mishchenko 2023, ICML (arXiv 2301.07733), Adam with D-Adaptation, as their code has it since 3.0.
Convention  no average is corrected, and v in q is of the step before, as that code and pytorch_optimizer, which limits
            the growth of d by an option. Decay is decoupled and scaled by d. Where every s is 0, d stays.
Shapes      x, g, m, v and s alike, of each parameter; c, d and q are one number for all; dtype in = dtype out.
"""

from .. import Spec, State, case, maximum, ones_like, sum, vdot, where, zeros_like


def init(param) -> State:
    return {"exp_avg": 0 * param, "exp_avg_sq": 0 * param, "s": 0 * param}


def init_shared(*, d0=1e-6) -> State:
    return {"d": d0, "numerator": 0.0}


def update(
    params, grads, states, overall, step, *, lr=1.0, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, d0=1e-6
):  # fmt: skip
    beta1, beta2 = betas
    root, d = beta2**0.5, overall["d"]
    c, moved, new, length = d * lr, [], [], 0
    weighed = tuple(one["s"] / (one["exp_avg_sq"] ** 0.5 + eps) for one in states)
    q = root * overall["numerator"] + (1 - root) * c * vdot(grads, weighed)
    for x, g, one in zip(params, grads, states, strict=True):
        m = beta1 * one["exp_avg"] + (1 - beta1) * c * g
        v = beta2 * one["exp_avg_sq"] + (1 - beta2) * g * g
        s = root * one["s"] + (1 - root) * c * g
        moved.append(x - c * weight_decay * x - m / (v**0.5 + eps))
        new.append({"exp_avg": m, "exp_avg_sq": v, "s": s})
        length = length + sum(abs(s))
    # Without a gradient anywhere there is nothing to estimate from.
    found = q / ((1 - root) * where(length > 0, length, ones_like(length)))
    d = maximum(d, where(length > 0, found, zeros_like(length)))
    return tuple(moved), tuple(new), {"d": d, "numerator": q}


SPEC = Spec(
    name="dadapt_adam",
    init=init,
    init_shared=init_shared,
    update=update,
    source="Defazio & Mishchenko 2023, ICML, arXiv 2301.07733",
    reference=None,
    elementwise=False,
    requires={"betas must be below 1": lambda h: all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("lr", "a factor that is ignored, or does not reach the estimate", lr=0.3, d0=1e-3),
        case("betas", "a beta ignored or exchanged, or beta2 where its root must be", d0=1e-3, betas=(0.5, 0.8)),
        case("eps-placement", "eps inside the root", d0=1e-2, eps=1e-2),
        case("weight-decay", "decay in the gradient, or not scaled by d", d0=1e-2, weight_decay=0.5),
        case("everything", "options that are right alone and wrong together", lr=0.5, d0=1e-2, betas=(0.8, 0.95),
             eps=1e-3, weight_decay=0.1),
        case("trained", "an estimate that never grows", d0=1e-3,
             problems=("airfoil", "bowl", "digits-mlp", "digits-softmax", "quadratic", "rosenbrock")),
    ),
)  # fmt: skip
