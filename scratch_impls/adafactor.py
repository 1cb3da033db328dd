"""Adafactor: second moments of a matrix kept as one row and one column.

    g <- -g                                        if maximize
    b <- t^beta2_decay
    a <- max(eps[1], RMS(x)) min(lr, 1 / sqrt(t))                  RMS(x) = sqrt(mean(x^2))
    x <- x - lr weight_decay x
    r <- (1 - b) r + b (mean of g^2 along rows)    r_0 = 0, for matrices
    c <- (1 - b) c + b (mean of g^2 along columns) c_0 = 0, for matrices
    v <- r c / max(mean(r), eps[0])                for matrices
    v <- (1 - b) v + b g^2                         v_0 = 0, for vectors and numbers
    u <- g / sqrt(max(v, eps[0]^2))
    x <- x - a u / max(1, RMS(u) / d)

Source      Shazeer & Stern 2018, ICML (arXiv 1804.04235), algorithms 4 and 5.
Convention  eps[0] bounds mean(r) and sqrt(v) from below, as torch; the paper, optax and timm add it to g^2. Unless
            given, it is the spacing of the numbers at 1. lr is the largest relative step, 0.01 in the paper, and scales
            the decay. Means where the paper has sums give the same v. Of more dimensions the last two are taken.
Shapes      x, g, u and v alike; r (..., n, 1) and c (..., 1, m) for x (..., n, m); dtype in = dtype out. t from 1.
"""

from .spec import Spec, State, case
from .vocabulary import finfo, maximum, mean, minimum, ndim


def init(param) -> State:
    if ndim(param) < 2:
        return {"variance": 0 * param}
    return {"row_var": 0 * mean(param, -1, keepdims=True), "col_var": 0 * mean(param, -2, keepdims=True)}


def update(
    param, grad, state, step, *, lr=1e-2, beta2_decay=-0.8, eps=(None, 1e-3), d=1.0, weight_decay=0, maximize=False
):  # fmt: skip
    # torch's default is finfo.eps of the parameter: it depends on the format, so that None stands for it.
    eps1 = finfo(param).eps if eps[0] is None else eps[0]
    g = -grad if maximize else grad
    b = step**beta2_decay
    a = maximum(eps[1], mean(param * param) ** 0.5) * minimum(lr, 1 / step**0.5)
    if weight_decay:
        param = param - lr * weight_decay * param
    if ndim(param) < 2:
        v = (1 - b) * state["variance"] + b * g * g
        new = {"variance": v}
    else:
        r = (1 - b) * state["row_var"] + b * mean(g * g, -1, keepdims=True)
        c = (1 - b) * state["col_var"] + b * mean(g * g, -2, keepdims=True)
        new, v = {"row_var": r, "col_var": c}, r * c / maximum(mean(r, -2, keepdims=True), eps1)
    u = g / maximum(v, eps1 * eps1) ** 0.5
    return param - a / maximum(1, mean(u * u) ** 0.5 / d) * u, new


SPEC = Spec(
    name="adafactor",
    init=init,
    update=update,
    source="Shazeer & Stern 2018, ICML, arXiv 1804.04235, algorithms 4 and 5",
    reference="Adafactor",
    elementwise=False,
    signed=("beta2_decay",),
    requires={
        "beta2_decay must be at most 0": lambda h: h["beta2_decay"] <= 0,
        "d must be at least 1": lambda h: h["d"] >= 1,
    },
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("lr", "a rate that is ignored, or not bounded by 1 / sqrt(t)", lr=0.4),
        case("beta2-decay", "an average that is constant in time, or a step behind", lr=0.1, beta2_decay=-0.3),
        case("eps-placement", "eps added to g^2, under the root without its square, or left out of the mean of rows",
             lr=0.1, eps=(1e-2, 1e-3)),
        case("small-parameters", "a step relative to parameters that are taken to be larger than they are", lr=0.1,
             eps=(1e-8, 2.0)),
        case("clipping", "an update that is never clipped, or each element alone", lr=0.1, d=1.5),
        case("weight-decay", "decay in the gradient, not scaled by lr, or before the size of x is taken", lr=0.1,
             weight_decay=0.5),
        case("maximize", "decay whose sign is turned with the gradient's", lr=0.1, weight_decay=0.1, maximize=True),
        case("everything", "options that are right alone and wrong together", lr=0.05, beta2_decay=-0.5,
             eps=(1e-3, 0.1), d=1.2, weight_decay=0.1, maximize=True),
        case("digits", "a step that is relative to each matrix", lr=0.05, problems=("digits-mlp",)),
        case("from-zero", "a first step that eps[1] alone allows", eps=(None, 3.0),
             problems=("airfoil", "digits-softmax")),
        case("plane", "one step length for all elements of a vector", lr=0.1,
             problems=("bowl", "quadratic", "rosenbrock")),
    ),
)  # fmt: skip
