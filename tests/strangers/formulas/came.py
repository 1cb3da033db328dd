"""CAME: Adafactor whose update is divided by how far it is from its average.

    v <- g^2 + eps[0]
    r <- beta2 r + (1 - beta2) (mean of v along rows), c the same along columns; both start at 0
    u <- g / sqrt(r c / mean(r))                   for matrices; g / sqrt(V), V <- beta2 V + (1 - beta2) v for vectors
    u <- u / max(1, RMS(u) / clip_threshold)
    m <- beta1 m + (1 - beta1) u                   m_0 = 0
    s <- (u - m)^2 + eps[1]
    R <- beta3 R + (1 - beta3) (mean of s along rows), C the same along columns
    x <- x - lr weight_decay x
    x <- x - lr m / sqrt(R C / mean(R))            for matrices; x - lr m for vectors

Source      Luo et al. 2023, ACL, arXiv 2307.02047, algorithm 2.
"""

from twinstep.scratch_impls import Spec, State, case, maximum, mean, ndim


def init(param) -> State:
    if ndim(param) < 2:
        return {"exp_avg": 0 * param, "exp_avg_sq": 0 * param}
    row, column = 0 * mean(param, -1, keepdims=True), 0 * mean(param, -2, keepdims=True)
    return {
        "exp_avg": 0 * param,
        "exp_avg_sq_row": row,
        "exp_avg_sq_col": column,
        "exp_avg_res_row": row,
        "exp_avg_res_col": column,
    }


def update(
    param,
    grad,
    state,
    step,
    *,
    lr=2e-4,
    eps=(1e-30, 1e-16),
    clip_threshold=1.0,
    betas=(0.9, 0.999, 0.9999),
    weight_decay=0.0,
):
    beta1, beta2, beta3 = betas
    v = grad * grad + eps[0]
    if ndim(param) < 2:
        V = beta2 * state["exp_avg_sq"] + (1 - beta2) * v
        new, u = {"exp_avg_sq": V}, grad / V**0.5
    else:
        r = beta2 * state["exp_avg_sq_row"] + (1 - beta2) * mean(v, -1, keepdims=True)
        c = beta2 * state["exp_avg_sq_col"] + (1 - beta2) * mean(v, -2, keepdims=True)
        new, u = {"exp_avg_sq_row": r, "exp_avg_sq_col": c}, grad / ((r / mean(r, -2, keepdims=True)) ** 0.5 * c**0.5)
    u = u / maximum(1, mean(u * u) ** 0.5 / clip_threshold)
    m = new["exp_avg"] = beta1 * state["exp_avg"] + (1 - beta1) * u
    step_ = m
    if ndim(param) >= 2:
        s = (u - m) * (u - m) + eps[1]
        R = new["exp_avg_res_row"] = beta3 * state["exp_avg_res_row"] + (1 - beta3) * mean(s, -1, keepdims=True)
        C = new["exp_avg_res_col"] = beta3 * state["exp_avg_res_col"] + (1 - beta3) * mean(s, -2, keepdims=True)
        step_ = m / ((R / mean(R, -2, keepdims=True)) ** 0.5 * C**0.5)
    param = param - lr * weight_decay * param
    return param - lr * step_, new


SPEC = Spec(
    name="came",
    init=init,
    update=update,
    source="Luo et al. 2023, ACL, arXiv 2307.02047, algorithm 2",
    reference=None,
    elementwise=False,
    requires={"betas must be below 1": lambda h: all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("lr", "a rate that is ignored", lr=0.01),
        case("betas", "a beta ignored or exchanged", lr=0.01, betas=(0.5, 0.8, 0.9)),
        case("eps", "eps left out of one of the two", lr=0.01, eps=(1e-3, 1e-2)),
        case("clipping", "an update that is not clipped", lr=0.01, clip_threshold=0.5),
        case("weight-decay", "decay in the gradient", lr=0.1, weight_decay=0.5),
    ),
)
