"""AdEMAMix: Adam with a second, slower average of the gradient.

    a <- min(t / T, 1) alpha                       T = t_alpha_beta3; a = alpha without it
    b <- exp(ln beta1 ln beta3 / ((1 - t/T) ln beta3 + t/T ln beta1))      at most beta3; b = beta3 without T
    m <- beta1 m + (1 - beta1) g                   m_0 = 0
    n <- b n + (1 - b) g                           n_0 = 0
    v <- beta2 v + (1 - beta2) g^2                 v_0 = 0
    x <- x - lr ((m / (1 - beta1^t) + a n) / (sqrt(v / (1 - beta2^t)) + eps) + weight_decay x)

Source      Pagliardini et al. 2024 (arXiv 2409.03137), algorithm 1 and its schedules of alpha and beta3.
Convention  the slow average is not corrected, and decay is decoupled, of the parameter before the step, as the paper;
            pytorch_optimizer adds decay to the gradient unless weight_decouple=True.
Shapes      x, g, m, n and v alike; a and b are numbers; dtype in = dtype out. t is the number of the step, from 1.
"""

from .. import Spec, State, case, exp, log


def init(param) -> State:
    return {"exp_avg": 0 * param, "exp_avg_sq": 0 * param, "exp_avg_slow": 0 * param}


def update(
    param, grad, state, step, *,
    lr=1e-3, betas=(0.9, 0.999, 0.9999), alpha=5.0, t_alpha_beta3=None, eps=1e-8, weight_decay=0,
):  # fmt: skip
    beta1, beta2, b = betas
    a = alpha
    if t_alpha_beta3 and step < t_alpha_beta3:
        part, low, high = step / t_alpha_beta3, log(beta1), log(b)
        a, b = part * alpha, exp(low * high / ((1 - part) * high + part * low))
    m = beta1 * state["exp_avg"] + (1 - beta1) * grad
    n = b * state["exp_avg_slow"] + (1 - b) * grad
    v = beta2 * state["exp_avg_sq"] + (1 - beta2) * grad * grad
    u = (m / (1 - beta1**step) + a * n) / ((v / (1 - beta2**step)) ** 0.5 + eps)
    return param - lr * (u + weight_decay * param), {"exp_avg": m, "exp_avg_sq": v, "exp_avg_slow": n}


SPEC = Spec(
    name="ademamix",
    init=init,
    update=update,
    source="Pagliardini et al. 2024, arXiv 2409.03137, algorithm 1",
    reference=None,
    requires={
        "betas must be three, below 1": lambda h: len(h["betas"]) == 3 and all(beta < 1 for beta in h["betas"]),
        "with t_alpha_beta3 betas must be above 0": lambda h: not h["t_alpha_beta3"] or min(h["betas"]) > 0,
    },
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("betas", "a beta ignored or exchanged", lr=0.01, betas=(0.5, 0.8, 0.9)),
        case("alpha", "a mixture that is hard-coded", lr=0.01, alpha=2.0, betas=(0.9, 0.99, 0.95)),
        case("schedule", "a schedule that is ignored, a step behind, or goes on for ever", lr=0.01,
             betas=(0.8, 0.9, 0.99), t_alpha_beta3=8),
        case("eps-placement", "eps inside the root", lr=0.1, eps=1e-2),
        case("weight-decay", "decay in the gradient, or of the parameter after the step", lr=0.1, weight_decay=0.5),
        case("everything", "options that are right alone and wrong together", lr=0.02, betas=(0.8, 0.95, 0.98),
             alpha=3.0, t_alpha_beta3=20, eps=1e-3, weight_decay=0.1),
        case("trained", "a slow average that is corrected: first steps six times as long", lr=0.01, alpha=2.0,
             betas=(0.9, 0.999, 0.99),
             problems=("airfoil", "bowl", "digits-mlp", "digits-softmax", "quadratic", "rosenbrock")),
    ),
)  # fmt: skip
