"""Adadelta.

    g <- -g                                        if maximize
    g <- g + weight_decay x
    v <- rho v + (1 - rho) g^2                     v_0 = 0
    d <- sqrt(u + eps) / sqrt(v + eps) g
    u <- rho u + (1 - rho) d^2                     u_0 = 0
    x <- x - lr d

Source      Zeiler 2012 (arXiv 1212.5701), algorithm 1.
Convention  eps inside both roots, as the paper; lr = 1 is the paper's rule (Keras multiplies by 0.001 unless told).
            u holds the steps before lr, so a change of lr does not reach it.
Shapes      x, g, v, d and u alike; dtype in = dtype out.
"""

from .spec import Spec, State, case


def init(param) -> State:
    return {"square_avg": 0 * param, "acc_delta": 0 * param}


def update(param, grad, state, step, *, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0, maximize=False):
    g = -grad if maximize else grad
    if weight_decay:
        g = g + weight_decay * param
    v = rho * state["square_avg"] + (1 - rho) * g * g
    d = (state["acc_delta"] + eps) ** 0.5 / (v + eps) ** 0.5 * g
    u = rho * state["acc_delta"] + (1 - rho) * d * d
    return param - lr * d, {"square_avg": v, "acc_delta": u}


SPEC = Spec(
    name="adadelta",
    init=init,
    update=update,
    source="Zeiler 2012, arXiv 1212.5701",
    reference="Adadelta",
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("lr", "a learning rate that is ignored, or that reaches the average of steps", lr=0.1),
        case("rho", "a decay rate that is ignored, exchanged with 1 - rho, or missing from one average", rho=0.5),
        case("eps-placement", "eps outside a root, or under only one of the two", eps=1e-2, problems=("bowl",)),
        case("weight-decay", "decay that bypasses the averages", lr=0.5, weight_decay=0.1),
        case("maximize", "the sign turned after decay", lr=0.5, weight_decay=0.1, maximize=True),
        case("everything", "options that are right alone and wrong together", lr=0.5, rho=0.8, eps=1e-3,
             weight_decay=0.1, maximize=True),
        case("book", "the book's eps on real data (section 7.7)", eps=1e-5, problems=("airfoil",)),
        case("large-eps", "first steps of sqrt(eps) instead of a thousandth", eps=1e-1, rho=0.95,
             problems=("digits-softmax", "digits-mlp")),
        case("steep", "an average of steps that runs away with the gradient where it is steep", eps=1e-4, rho=0.95,
             problems=("rosenbrock",)),
        case("half-steps", "steps that bounce chaotically at lr = 1, and fall in with one another at a half", lr=0.5,
             eps=1e-3, problems=("quadratic",)),
    ),
)  # fmt: skip
