"""RMSProp, optionally centered and with momentum.

    g <- -g                                        if maximize
    g <- g + weight_decay x
    v <- alpha v + (1 - alpha) g^2                 v_0 = 0
    m <- alpha m + (1 - alpha) g                   m_0 = 0, if centered; else m = 0
    d <- g / (sqrt(v - m^2) + eps)
    d <- g / sqrt(v - m^2 + eps)                   if eps_inside
    b <- momentum b + d                            b_0 = 0; d again if momentum = 0
    x <- x - lr b

Source      Tieleman & Hinton 2012, lecture 6e; centered: Graves 2013 (arXiv 1308.0850), eq. 38-45.
Convention  eps outside the root and momentum on the scaled gradient with lr outside, as torch; optax, Keras and the
            book put eps inside (optax#532); TF1 starts v at 1.
Shapes      x, g, v, m and b alike; dtype in = dtype out.
"""

from .spec import Spec, State, case


def init(param, *, momentum=0, centered=False) -> State:
    state = {"square_avg": 0 * param}
    if centered:
        state["grad_avg"] = 0 * param
    if momentum:
        state["momentum_buffer"] = 0 * param
    return state


def update(
    param, grad, state, step, *,
    lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False, maximize=False, eps_inside=False,
):  # fmt: skip
    g = -grad if maximize else grad
    if weight_decay:
        g = g + weight_decay * param
    v = alpha * state["square_avg"] + (1 - alpha) * g * g
    new, variance = {"square_avg": v}, v
    if centered:
        m = new["grad_avg"] = alpha * state["grad_avg"] + (1 - alpha) * g
        variance = v - m * m
    d = g / (variance + eps) ** 0.5 if eps_inside else g / (variance**0.5 + eps)
    if momentum:
        d = new["momentum_buffer"] = momentum * state["momentum_buffer"] + d
    return param - lr * d, new


SPEC = Spec(
    name="rmsprop",
    init=init,
    update=update,
    source="Tieleman & Hinton 2012, Neural Networks for Machine Learning, lecture 6e; Graves 2013, eq. 38-45",
    reference="RMSprop",
    cases=(
        case("default", "what a user gets who passes nothing", problems=("digits-softmax",)),
        case("alpha", "a decay rate that is ignored or exchanged with 1 - alpha", lr=0.4, alpha=0.9,
             problems=("bowl",)),
        case("eps-placement", "eps inside the root, or left out", lr=0.1, alpha=0.9, eps=1e-2),
        case("momentum", "momentum on the raw gradient, or lr inside the buffer", alpha=0.9, momentum=0.9),
        case("centered", "the mean not subtracted, or not squared", alpha=0.9, eps=1e-3, centered=True,
             problems=("digits-mlp", "rosenbrock")),
        case("weight-decay", "decay that bypasses the average", alpha=0.9, weight_decay=0.1),
        case("maximize", "the sign turned after decay", alpha=0.9, weight_decay=0.1, maximize=True),
        case("everything", "options that are right alone and wrong together", alpha=0.9, eps=1e-3, weight_decay=0.1,
             momentum=0.5, centered=True, maximize=True),
        case("airfoil", "the book's values on real data (section 7.6)", alpha=0.9, problems=("airfoil",)),
        case("large-eps", "eps so large that steps shrink with the gradient; a small one bounces chaotically", lr=0.02,
             alpha=0.9, eps=1.0, problems=("quadratic",)),
        case("book", "the book's rule: eps inside the root", lr=0.4, alpha=0.9, eps=1e-6, eps_inside=True,
             reference="book"),
    ),
)  # fmt: skip
