"""LAMB: Adam whose step is as long as the parameter, layer by layer.

    m <- beta1 m + (1 - beta1) g                   m_0 = 0
    v <- beta2 v + (1 - beta2) g^2                 v_0 = 0
    u <- (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps) + weight_decay x
    r <- |x| / |u|                                 |x| = sqrt(sum of x^2); 1 where either norm is 0
    x <- x - lr r u

Source      You et al. 2020, ICLR (arXiv 1904.00962), algorithm 2, with phi(z) = z.
Convention  both averages are corrected, as the paper; torch_optimizer corrects neither unless debias=True, and takes
            |x| as 10 at most. timm divides all gradients by their norm first (max_grad_norm) and leaves r out where
            weight_decay is 0 (always_adapt). Where a norm is 0 the paper says nothing; all take 1.
Shapes      x, g, m, v and u alike; r a number for each x; dtype in = dtype out. t is the number of the step, from 1.
"""

from .. import Spec, State, case, norm, ones_like, where


def init(param) -> State:
    return {"exp_avg": 0 * param, "exp_avg_sq": 0 * param}


def update(param, grad, state, step, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0):
    beta1, beta2 = betas
    m = beta1 * state["exp_avg"] + (1 - beta1) * grad
    v = beta2 * state["exp_avg_sq"] + (1 - beta2) * grad * grad
    u = (m / (1 - beta1**step)) / ((v / (1 - beta2**step)) ** 0.5 + eps) + weight_decay * param
    x, w = norm(param), norm(u)
    r = where((x > 0) & (w > 0), x / where(w > 0, w, ones_like(w)), ones_like(w))
    return param - lr * r * u, {"exp_avg": m, "exp_avg_sq": v}


SPEC = Spec(
    name="lamb",
    init=init,
    update=update,
    source="You et al. 2020, ICLR, arXiv 1904.00962, algorithm 2",
    reference=None,
    elementwise=False,
    requires={"betas must be below 1": lambda h: all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("betas", "a beta ignored, exchanged, or missing from a correction", lr=0.01, betas=(0.5, 0.8)),
        case("eps-placement", "eps inside the root, or before the correction", lr=0.1, eps=1e-2),
        case("weight-decay", "decay in the gradient, or outside of the norm of the step", lr=0.1, weight_decay=0.5),
        case("everything", "options that are right alone and wrong together", lr=0.02, betas=(0.8, 0.95), eps=1e-3,
             weight_decay=0.1),
        case("trained", "a ratio that is left out: steps a hundred times as long", lr=0.02,
             problems=("airfoil", "bowl", "digits-mlp", "digits-softmax", "quadratic", "rosenbrock")),
    ),
)  # fmt: skip
