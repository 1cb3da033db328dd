"""Rprop: each element has a step size of its own, and only the sign of its gradient counts.

    g <- -g                                        if maximize
    s <- g p                                       p_0 = 0
    eta <- eta etas[1]                             if s > 0; eta_0 = lr
    eta <- eta etas[0]                             if s < 0
    eta <- min(max(eta, step_sizes[0]), step_sizes[1])
    g <- 0                                         if s < 0
    p <- g
    x <- x - eta sign(g)

Source      Riedmiller & Braun 1993, ICNN, 586-591, in the form iRprop- of Igel & Huesken 2003, Neurocomputing 50.
Convention  after a change of sign the element rests for a step, as torch; the paper takes the last step back. optax
            takes every step one call late (optax#1725). lr is the first step size and nothing else, so that a change of
            lr reaches only parameters that start later.
Shapes      x, g, p and eta alike; dtype in = dtype out.
"""

from .spec import Spec, State, case
from .vocabulary import maximum, minimum, sign, where


def init(param, *, lr=1e-2) -> State:
    return {"prev": 0 * param, "step_size": 0 * param + lr}


def update(param, grad, state, step, *, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50), maximize=False):
    g = -grad if maximize else grad
    s, eta = g * state["prev"], state["step_size"]
    eta = where(s > 0, eta * etas[1], where(s < 0, eta * etas[0], eta))
    eta = minimum(maximum(eta, step_sizes[0]), step_sizes[1])
    # Remembered as 0: the step after a change of sign has s = 0, and neither grows nor shrinks.
    g = where(s < 0, 0, g)
    return param - eta * sign(g), {"prev": g, "step_size": eta}


SPEC = Spec(
    name="rprop",
    init=init,
    update=update,
    source="Riedmiller & Braun 1993, ICNN, 586-591; Igel & Huesken 2003, Neurocomputing 50, 105-123",
    reference="Rprop",
    requires={
        "etas must be one below 1 and one above": lambda h: 0 < h["etas"][0] < 1 < h["etas"][1],
        "step_sizes must be a least and a largest one": lambda h: h["step_sizes"][0] <= h["step_sizes"][1],
    },
    cases=(
        case("default", "what a user gets who passes nothing", problems=("rosenbrock",)),
        case("lr", "a first step size that is ignored, or read again later", lr=0.4, problems=("bowl",)),
        case("etas", "factors that are ignored or exchanged", etas=(0.3, 1.7)),
        case("step-sizes", "limits that are ignored, or kept from the state", lr=0.05, step_sizes=(0.02, 0.06)),
        case("maximize", "the sign turned on one of the two gradients only", maximize=True),
        case("everything", "options that are right alone and wrong together", lr=0.1, etas=(0.6, 1.5),
             step_sizes=(0.01, 0.3), maximize=True),
        case("noise", "on batches, where signs change by chance: a least step that is ignored", lr=2e-3,
             step_sizes=(2e-3, 0.02), problems=("airfoil", "digits-mlp", "digits-softmax")),
        case("turned", "axes that are no eigen-directions, where elements must rest one by one", lr=0.1,
             problems=("quadratic",)),
    ),
)  # fmt: skip
