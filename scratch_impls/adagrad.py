"""AdaGrad.

    g <- -g                                        if maximize
    g <- g + weight_decay x
    s <- s + g^2                                   s_0 = initial_accumulator_value
    x <- x - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)
    x <- x - lr / (1 + (t - 1) lr_decay) g / sqrt(s + eps)         if eps_inside

Source      Duchi, Hazan, Singer 2011, JMLR 12, 2121-2159, figure 1 (diagonal form).
Convention  eps outside the root and s_0 = 0, as torch; the book puts eps inside; optax, Keras and TF1 start at 0.1.
Shapes      x, g and s alike; dtype in = dtype out. t is the number of the step, from 1.
"""

from .spec import Spec, State, case


def init(param, *, initial_accumulator_value=0) -> State:
    return {"sum": 0 * param + initial_accumulator_value}


def update(
    param, grad, state, step, *,
    lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10, maximize=False, eps_inside=False,
):  # fmt: skip
    g = -grad if maximize else grad
    if weight_decay:
        g = g + weight_decay * param
    s = state["sum"] + g * g
    root = (s + eps) ** 0.5 if eps_inside else s**0.5 + eps
    return param - lr / (1 + (step - 1) * lr_decay) * g / root, {"sum": s}


SPEC = Spec(
    name="adagrad",
    init=init,
    update=update,
    source="Duchi, Hazan, Singer 2011, JMLR 12, 2121-2159",
    reference="Adagrad",
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("lr", "a learning rate that is ignored", lr=0.4, problems=("bowl", "quadratic", "rosenbrock")),
        case("lr-decay", "a step count that starts at 1 where it must start at 0", lr=0.1, lr_decay=0.1),
        case("initial-accumulator", "s_0 ignored, or added at every step", lr=0.1, initial_accumulator_value=0.1,
             problems=("digits-softmax", "digits-mlp")),
        case("eps-placement", "eps inside the root, or left out", lr=0.1, eps=1e-2),
        case("weight-decay", "decay left out of the accumulator", lr=0.1, weight_decay=0.1),
        case("maximize", "the sign turned after decay", lr=0.1, weight_decay=0.1, maximize=True),
        case("everything", "options that are right alone and wrong together", lr=0.1, lr_decay=0.01, weight_decay=0.1,
             initial_accumulator_value=0.5, eps=1e-3, maximize=True),
        case("airfoil", "the book's step on real data (section 7.5)", lr=0.1, problems=("airfoil",)),
        case("book", "the book's rule: eps inside the root", lr=0.4, eps=1e-6, eps_inside=True, reference="book"),
    ),
)  # fmt: skip
