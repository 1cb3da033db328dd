"""Heavy-ball momentum, and Nesterov's.

    g <- -g                                        if maximize
    g <- g + weight_decay x
    v <- momentum v + (1 - dampening) g            v_1 = g_1
    x <- x - lr v
    x <- x - lr (g + momentum v)                   if nesterov

With lr_inside the velocity holds steps instead of gradients, as in the book:

    v <- momentum v + lr (1 - dampening) g         v_1 = lr g_1
    x <- x - v                                     (nesterov: x - (lr g + momentum v))

Source      Polyak 1964; nesterov as in Sutskever et al. 2013, eq. 3-4, in the form of Bengio et al. 2012.
Convention  lr outside the velocity and an undampened first one, as torch; Keras, MXNet and the book put lr inside.
            The two are one rule as long as lr stays the same. momentum = 0 keeps no velocity.
Shapes      x, g and v alike; dtype in = dtype out.
"""

from .spec import Spec, State, case


def init(param, *, momentum=0) -> State:
    return {"momentum_buffer": None} if momentum else {}


def update(
    param, grad, state, step, *,
    lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, maximize=False, lr_inside=False,
):  # fmt: skip
    g = -grad if maximize else grad
    if weight_decay:
        g = g + weight_decay * param
    if lr_inside:
        g, lr = lr * g, 1
    if not momentum:
        return param - lr * g, {}
    v = state["momentum_buffer"]
    v = g if v is None else momentum * v + (1 - dampening) * g
    d = g + momentum * v if nesterov else v
    return param - lr * d, {"momentum_buffer": v}


SPEC = Spec(
    name="momentum",
    init=init,
    update=update,
    source="Polyak 1964, USSR Comp. Math. 4(5), 1-17; Sutskever et al. 2013, ICML, eq. 3-4",
    reference="SGD",
    requires={
        "nesterov needs momentum > 0 and dampening = 0": lambda h: (
            not h["nesterov"] or (h["momentum"] > 0 and h["dampening"] == 0)
        )
    },
    cases=(
        case("default", "torch's default: momentum 0, which is gradient descent"),
        case("momentum", "a velocity that is averaged, forgotten or aliased", lr=0.4, momentum=0.5, problems=("bowl",)),
        case("dampening", "(1 - d) on the first velocity too, or nowhere", lr=0.05, momentum=0.9, dampening=0.9),
        case("nesterov", "the look-ahead left out or applied twice", lr=0.05, momentum=0.9, nesterov=True,
             problems=("digits-softmax", "digits-mlp")),
        case("weight-decay", "decay that bypasses the velocity", lr=0.05, momentum=0.9, weight_decay=0.1),
        case("maximize", "the sign turned after decay, or only on the velocity", lr=0.05, momentum=0.9,
             weight_decay=0.1, maximize=True),
        case("everything", "options that are right alone and wrong together", lr=0.05, momentum=0.9, dampening=0.5,
             weight_decay=0.1, maximize=True),
        case("airfoil", "the book's values on real data (section 7.4)", lr=0.02, momentum=0.5, problems=("airfoil",)),
        case("long-memory", "0.9 where lr has been cut to keep the same total step", lr=0.004, momentum=0.9,
             problems=("quadratic",)),
        case("valley", "a velocity that must turn with the valley", lr=0.0005, momentum=0.9, problems=("rosenbrock",)),
        case("book", "the book's rule: lr inside the velocity", lr=0.4, momentum=0.5, lr_inside=True, reference="book"),
    ),
)  # fmt: skip
