"""CAME: Adafactor whose update is divided by how far it is from its average.

    v <- g^2 + eps[0]
    r <- beta2 r + (1 - beta2) (mean of v along rows), c the same along columns; both start at 0
    u <- g / sqrt(r c / mean(r))                   for matrices; g / sqrt(V), V <- beta2 V + (1 - beta2) v for vectors
    u <- u / max(1, RMS(u) / clip_threshold)       RMS(u) = sqrt(mean(u^2))
    m <- beta1 m + (1 - beta1) u                   m_0 = 0
    s <- (u - m)^2 + eps[1]
    R <- beta3 R + (1 - beta3) (mean of s along rows), C the same along columns; both start at 0
    x <- x - lr weight_decay x
    x <- x - lr m / sqrt(R C / mean(R))            for matrices; x - lr m for vectors

Source      Luo et al. 2023, ACL (arXiv 2307.02047), algorithm 2; vectors and decay as the authors' code.
Convention  means where the paper has sums give the same u and step. No average is corrected: the first steps of u are
            clipped. Of more dimensions the last two are taken.
Shapes      x, g, u and m alike; r, R (..., n, 1) and c, C (..., 1, m) for x (..., n, m); dtype in = dtype out.
"""

from .. import Spec, State, case, maximum, mean, ndim


def init(param) -> State:
    if ndim(param) < 2:
        return {"exp_avg": 0 * param, "exp_avg_sq": 0 * param}
    rows, columns = 0 * _rows(param), 0 * _columns(param)
    return {"exp_avg": 0 * param, "exp_avg_sq_row": rows, "exp_avg_sq_col": columns, "exp_avg_res_row": rows,
            "exp_avg_res_col": columns}  # fmt: skip


def update(
    param, grad, state, step, *,
    lr=2e-4, eps=(1e-30, 1e-16), clip_threshold=1.0, betas=(0.9, 0.999, 0.9999), weight_decay=0,
):  # fmt: skip
    beta1, beta2, beta3 = betas
    v = grad * grad + eps[0]
    if ndim(param) < 2:
        V = beta2 * state["exp_avg_sq"] + (1 - beta2) * v
        new, u = {"exp_avg_sq": V}, grad / V**0.5
    else:
        r = beta2 * state["exp_avg_sq_row"] + (1 - beta2) * _rows(v)
        c = beta2 * state["exp_avg_sq_col"] + (1 - beta2) * _columns(v)
        new, u = {"exp_avg_sq_row": r, "exp_avg_sq_col": c}, grad / ((r / _columns(r)) ** 0.5 * c**0.5)
    u = u / maximum(1, mean(u * u) ** 0.5 / clip_threshold)
    d = m = new["exp_avg"] = beta1 * state["exp_avg"] + (1 - beta1) * u
    if ndim(param) >= 2:
        s = (u - m) * (u - m) + eps[1]
        R = new["exp_avg_res_row"] = beta3 * state["exp_avg_res_row"] + (1 - beta3) * _rows(s)
        C = new["exp_avg_res_col"] = beta3 * state["exp_avg_res_col"] + (1 - beta3) * _columns(s)
        d = m / ((R / _columns(R)) ** 0.5 * C**0.5)
    return param - lr * weight_decay * param - lr * d, new


def _rows(x):
    return mean(x, -1, keepdims=True)


def _columns(x):
    return mean(x, -2, keepdims=True)


SPEC = Spec(
    name="came",
    init=init,
    update=update,
    source="Luo et al. 2023, ACL, arXiv 2307.02047, algorithm 2",
    reference=None,
    elementwise=False,
    requires={"betas must be three, below 1": lambda h: len(h["betas"]) == 3 and all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("betas", "a beta ignored or exchanged", lr=0.01, betas=(0.5, 0.8, 0.9)),
        case("eps", "eps left out of one of the two", lr=0.01, eps=(1e-3, 1e-2)),
        case("clipping", "an update that is not clipped", lr=0.01, clip_threshold=0.5),
        case("weight-decay", "decay in the gradient", lr=0.1, weight_decay=0.5),
        case("everything", "options that are right alone and wrong together", lr=0.02, eps=(1e-4, 1e-3),
             clip_threshold=0.8, betas=(0.8, 0.9, 0.95), weight_decay=0.1),
        case("trained", "a confidence that is left out", lr=2e-3, betas=(0.9, 0.99, 0.999),
             problems=("airfoil", "bowl", "digits-mlp", "digits-softmax", "quadratic", "rosenbrock")),
    ),
)  # fmt: skip
