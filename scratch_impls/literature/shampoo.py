"""Shampoo: a matrix preconditioned from the left and from the right.

    L <- L + g g'                                  L_0 = eps I
    R <- R + g' g                                  R_0 = eps I
    x <- x - lr L^(-1/4) g R^(-1/4)

Source      Gupta, Koren, Singer 2018, ICML (arXiv 1802.09568), algorithm 1.
Convention  the power is -1/4, as the paper and pytorch_optimizer; torch_optimizer takes -1/2, and both make the second
            sum of the gradient that the first root has changed already or not: pytorch_optimizer does not. The power is
            taken in every step; both may take it less often.
Shapes      x and g alike, matrices; L square with the rows of x, R with its columns; dtype in = dtype out.
"""

from .. import Spec, State, as_shape, case, eye, inv_root, shape


def init(param, *, eps=1e-4) -> State:
    rows, columns = as_shape(shape(param), 2)
    return {"precond_0": eps * eye(rows, like=param), "precond_1": eps * eye(columns, like=param)}


def update(param, grad, state, step, *, lr=0.1, eps=1e-4):
    L = state["precond_0"] + grad @ grad.T
    R = state["precond_1"] + grad.T @ grad
    return param - lr * (inv_root(L, 4) @ grad @ inv_root(R, 4)), {"precond_0": L, "precond_1": R}


SPEC = Spec(
    name="shampoo",
    init=init,
    update=update,
    source="Gupta, Koren, Singer 2018, ICML, arXiv 1802.09568, algorithm 1",
    reference=None,
    elementwise=False,
    dims=2,
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("lr", "a learning rate that is ignored", lr=0.01),
        case("eps", "a first sum that is hard-coded, or the two exchanged", eps=1.0),
        case("trained", "a power of -1/2, whose steps shrink at once", lr=0.5, eps=1e-2,
             problems=("airfoil", "bowl", "digits-mlp", "digits-softmax", "quadratic", "rosenbrock")),
    ),
)  # fmt: skip
