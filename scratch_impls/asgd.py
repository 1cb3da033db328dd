"""ASGD: gradient descent whose points are averaged.

    g <- -g                                        if maximize
    g <- g + weight_decay x
    x <- (1 - lambd eta) x - eta g                 eta_0 = lr
    a <- (1 - mu) a + mu x                         a_0 = 0, mu_0 = 1
    eta <- lr / (1 + lambd lr t)^alpha
    mu <- 1 / max(1, t - t0)

Source      Polyak & Juditsky 1992, SIAM J. Control Optim. 30(4), 838-855; the rates as Xu 2011 (arXiv 1107.2490).
Convention  eta is made at the end of a step for the next one, as torch: a change of lr acts one step late. The average
            a is kept beside x and never returned to it; before t0 it is x itself.
Shapes      x, g and a alike; eta and mu are numbers; dtype in = dtype out. t is the number of the step, from 1.
"""

from .spec import Spec, State, case
from .vocabulary import maximum


def init(param, *, lr=1e-2) -> State:
    return {"eta": lr, "mu": 1.0, "ax": 0 * param}


def update(
    param, grad, state, step, *, lr=1e-2, lambd=1e-4, alpha=0.75, t0=1e6, weight_decay=0, maximize=False
):  # fmt: skip
    eta, mu, a = state["eta"], state["mu"], state["ax"]
    g = -grad if maximize else grad
    if weight_decay:
        g = g + weight_decay * param
    param = (1 - lambd * eta) * param - eta * g
    # mu is 1 until t0: the average is x itself.
    a = (1 - mu) * a + mu * param
    return param, {"eta": lr / (1 + lambd * lr * step) ** alpha, "mu": 1 / maximum(1, step - t0), "ax": a}


SPEC = Spec(
    name="asgd",
    init=init,
    update=update,
    source="Polyak & Juditsky 1992, SIAM J. Control Optim. 30(4), 838-855; Xu 2011, arXiv 1107.2490",
    reference="ASGD",
    results=("ax",),
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("lr", "a learning rate that is ignored", lr=0.4, problems=("bowl",)),
        case("lambd", "the shrinking of x or of the rate left out, or a rate that is a step ahead", lr=0.1, lambd=0.1),
        case("alpha", "a power that is ignored", lr=0.1, lambd=0.1, alpha=0.5),
        case("t0", "an average that starts too early, or weighs the newest point wrongly", lr=0.1, t0=3),
        case("weight-decay", "decay left out, or taken for lambd", lr=0.1, weight_decay=0.1),
        case("maximize", "the sign turned after decay, or that of lambd with it", lr=0.1, weight_decay=0.1,
             maximize=True),
        case("everything", "options that are right alone and wrong together", lr=0.1, lambd=0.05, alpha=0.6, t0=5,
             weight_decay=0.1, maximize=True),
        case("airfoil", "a rate that falls too fast on real data", lr=0.05, problems=("airfoil",)),
        case("near-limit", "three quarters of the largest stable step: an error shows as divergence", lr=0.015,
             problems=("quadratic",)),
        case("valley", "as near to the limit as a curvature of 1000 allows", lr=0.0015, problems=("rosenbrock",)),
        case("digits", "a step that suits cross entropy: the default hardly moves", lr=0.5,
             problems=("digits-softmax", "digits-mlp")),
    ),
)  # fmt: skip
