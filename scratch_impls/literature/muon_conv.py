"""Muon for convolutions: the weight is made a matrix of its first dimension against all others.

    m <- momentum m + (1 - momentum) g             m_0 = 0
    u <- (1 - momentum) g + momentum m             if nesterov; else u = m
    X <- u as a matrix, / max(|u|, eps)            |u| = sqrt(sum of u^2); X transposed if it has more rows than columns
    A <- X X'                                      ns_steps times, with (a, b, c) = ns_coefficients
    X <- a X + (b A + c A A) X
    x <- x - lr weight_decay x
    x <- x - lr sqrt(max(1, rows / columns)) X

Source      Jordan et al. 2024, kellerjordan.github.io/posts/muon; convolutions flattened as in the authors' code.
Convention  rows and columns of the scale are those of the flattened matrix; the authors' code takes the last two sizes
            of the weight itself, so that a kernel of 3 x 3 is not scaled. The rest as in muon.py.
Shapes      x, g, m and u alike, four dimensions; dtype in = dtype out.
"""

from .. import Spec, State, case, maximum, newton_schulz, norm, reshape


def init(param) -> State:
    return {"momentum_buffer": 0 * param}


def update(
    param, grad, state, step, *,
    lr=1e-3, weight_decay=0.1, momentum=0.95, nesterov=True, ns_coefficients=(3.4445, -4.775, 2.0315), eps=1e-7,
    ns_steps=5,
):  # fmt: skip
    m = momentum * state["momentum_buffer"] + (1 - momentum) * grad
    u = (1 - momentum) * grad + momentum * m if nesterov else m
    X = reshape(u, (u.shape[0], -1))
    rows, columns = X.shape
    X = newton_schulz(X / maximum(norm(X), eps), ns_coefficients, ns_steps)
    param = param - lr * weight_decay * param
    return param - lr * max(1, rows / columns) ** 0.5 * reshape(X, param.shape), {"momentum_buffer": m}


SPEC = Spec(
    name="muon_conv",
    init=init,
    update=update,
    source="Jordan et al. 2024, kellerjordan.github.io/posts/muon",
    reference=None,
    elementwise=False,
    dims=4,
    signed=("ns_coefficients",),
    requires={"ns_steps must be below 100": lambda h: h["ns_steps"] < 100},
    cases=(
        case("default", "what a user gets who passes nothing; decay and nesterov are on"),
        case("lr", "a learning rate that is ignored", lr=0.1, weight_decay=0),
        case("plain", "a look-ahead that cannot be switched off", lr=0.05, nesterov=False),
        case("momentum", "a momentum that sums", lr=0.05, momentum=0.5),
        case("coefficients", "coefficients that are hard-coded", lr=0.05, ns_coefficients=(2.0, -1.5, 0.5)),
        case("eps", "another bound", lr=0.05, eps=10.0),
        case("one-step", "a number of iterations that is hard-coded", lr=0.05, ns_steps=1),
        case("trained", "a kernel that is taken for one long vector", lr=0.01, weight_decay=0,
             problems=("airfoil", "bowl", "digits-mlp", "digits-softmax", "quadratic", "rosenbrock")),
    ),
)  # fmt: skip
