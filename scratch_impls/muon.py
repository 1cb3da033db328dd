"""Muon: momentum whose matrix is made nearly orthogonal.

    m <- momentum m + (1 - momentum) g             m_0 = 0
    u <- (1 - momentum) g + momentum m             if nesterov; else u = m
    X <- u / max(|u|, eps)                         |u| = sqrt(sum of u^2); X transposed if it has more rows than columns
    A <- X X'                                      ns_steps times, with (a, b, c) = ns_coefficients
    X <- a X + (b A + c A A) X
    x <- x - lr weight_decay x
    x <- x - lr s X                                s = sqrt(max(1, rows / columns)), or 0.2 sqrt(max(rows, columns))

Source      Jordan et al. 2024, kellerjordan.github.io/posts/muon; the second s: Liu et al. 2025, arXiv 2502.16982.
Convention  the momentum is an average, as torch and Jordan's later code; his post has a sum. Exact in the format of x:
            the authors and torch orthogonalize in bfloat16, two digits. s is the second where adjust_lr_fn is
            "match_rms_adamw", the first where it is "original" or None.
Shapes      x, g, m and u alike, matrices; dtype in = dtype out.
"""

from .spec import Spec, State, case
from .vocabulary import maximum, newton_schulz, norm


def init(param) -> State:
    return {"momentum_buffer": 0 * param}


def update(
    param, grad, state, step, *,
    lr=1e-3, weight_decay=0.1, momentum=0.95, nesterov=True, ns_coefficients=(3.4445, -4.775, 2.0315), eps=1e-7,
    ns_steps=5, adjust_lr_fn=None,
):  # fmt: skip
    m = state["momentum_buffer"]
    m = momentum * m + (1 - momentum) * grad
    u = (1 - momentum) * grad + momentum * m if nesterov else m
    rows, columns = param.shape
    X = newton_schulz(u / maximum(norm(u), eps), ns_coefficients, ns_steps)
    s = 0.2 * max(rows, columns) ** 0.5 if adjust_lr_fn == "match_rms_adamw" else max(1, rows / (columns or 1)) ** 0.5
    param = param - lr * weight_decay * param
    return param - lr * s * X, {"momentum_buffer": m}


SPEC = Spec(
    name="muon",
    init=init,
    update=update,
    source="Jordan et al. 2024, kellerjordan.github.io/posts/muon; Liu et al. 2025, arXiv 2502.16982",
    reference="Muon",
    elementwise=False,
    dims=2,
    signed=("ns_coefficients",),
    requires={
        "adjust_lr_fn must be None, 'original' or 'match_rms_adamw'": lambda h: (
            h["adjust_lr_fn"] in (None, "original", "match_rms_adamw")
        ),
        "ns_steps must be below 100": lambda h: h["ns_steps"] < 100,
    },
    cases=(
        case("default", "what a user gets who passes nothing; decay and nesterov are on"),
        case("lr", "a learning rate that is ignored, or scaled by the transposed shape", lr=0.1, weight_decay=0,
             problems=("bowl", "rosenbrock")),
        case("momentum", "a momentum that sums instead of averaging", lr=0.05, momentum=0.5),
        case("plain", "a look-ahead that cannot be switched off", lr=0.05, nesterov=False),
        case("coefficients", "coefficients that are hard-coded or exchanged", lr=0.05,
             ns_coefficients=(2.0, -1.5, 0.5)),
        case("eps", "a norm that is bounded by another eps, or has it added", lr=0.05, eps=10.0),
        case("one-step", "a number of iterations that is hard-coded", lr=0.05, ns_steps=1),
        case("match-rms", "the other scale, or none", lr=0.05, adjust_lr_fn="match_rms_adamw"),
        case("weight-decay", "decay in the gradient, or not scaled by lr", lr=0.1, weight_decay=0.5),
        case("everything", "options that are right alone and wrong together", lr=0.02, weight_decay=0.2, momentum=0.8,
             nesterov=False, ns_coefficients=(3.0, -3.2, 1.2), eps=3.0, ns_steps=3, adjust_lr_fn="match_rms_adamw"),
        case("steady", "steps whose length follows the gradient's", lr=0.005, weight_decay=0,
             problems=("airfoil", "quadratic")),
        case("digits", "a scale that takes rows for columns, in matrices that are wider than tall", lr=0.02,
             weight_decay=0, problems=("digits-mlp", "digits-softmax")),
    ),
)  # fmt: skip
