"""Gradient descent.

    g <- -g                        if maximize
    g <- g + weight_decay x
    x <- x - lr g

Source      Cauchy 1847, "Méthode générale pour la résolution des systèmes d'équations simultanées".
Convention  weight_decay is an L2 term in the gradient, added after maximize has turned its sign (torch).
Shapes      x and g alike; dtype in = dtype out. No state.
"""

from .spec import Spec, State, case


def init(param) -> State:
    return {}


def update(param, grad, state, step, *, lr=1e-3, weight_decay=0, maximize=False):
    g = -grad if maximize else grad
    if weight_decay:
        g = g + weight_decay * param
    return param - lr * g, {}


SPEC = Spec(
    name="gd",
    init=init,
    update=update,
    source="Cauchy 1847, C. R. Acad. Sci. Paris 25, 536-538",
    reference="SGD",
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("lr", "a learning rate that is ignored or hard-coded", lr=0.4, problems=("bowl",)),
        case("weight-decay", "decay left out, decoupled, or not scaled by lr", lr=0.1, weight_decay=0.1),
        case("maximize", "the sign turned before decay is added, not after", lr=0.1, weight_decay=0.1, maximize=True),
        case("airfoil", "the book's step on real data (section 7.3)", lr=0.05, problems=("airfoil",)),
        case("near-limit", "three quarters of the largest stable step: an error shows as divergence", lr=0.015,
             problems=("quadratic",)),
        case("valley", "as near to the limit as a curvature of 1000 allows", lr=0.0015, problems=("rosenbrock",)),
        case("digits", "a step that suits cross entropy: the default hardly moves", lr=0.5,
             problems=("digits-softmax", "digits-mlp")),
    ),
)  # fmt: skip
