"""LARS: momentum whose rate is relative to the parameter, layer by layer.

    r <- eta |x| / (|g| + weight_decay |x|)        |x| = sqrt(sum of x^2); 1 where |x| or |g| is 0
    v <- momentum v + lr r (g + weight_decay x)    v_0 = 0
    x <- x - v

Source      You, Gitman, Ginsburg 2017 (arXiv 1708.03888), algorithm 1; eta is its trust coefficient.
Convention  lr inside the velocity, as the paper; timm and pytorch_optimizer keep it outside, the same as long as lr is.
            Where a norm is 0 the paper says nothing; timm takes 1 as here, and adds eps to the denominator;
            pytorch_optimizer scales parameters of more than one dimension only, and where |g| = 0 takes the ratio.
Shapes      x, g and v alike; r a number for each x; dtype in = dtype out.
"""

from .. import Spec, State, case, norm, ones_like, where


def init(param) -> State:
    return {"momentum_buffer": 0 * param}


def update(param, grad, state, step, *, lr=0.1, momentum=0.9, weight_decay=0, eta=1e-3):
    x, g = norm(param), norm(grad)
    below = g + weight_decay * x
    r = where((x > 0) & (g > 0), eta * x / where(below > 0, below, ones_like(x)), ones_like(x))
    v = momentum * state["momentum_buffer"] + lr * r * (grad + weight_decay * param)
    return param - v, {"momentum_buffer": v}


SPEC = Spec(
    name="lars",
    init=init,
    update=update,
    source="You, Gitman, Ginsburg 2017, arXiv 1708.03888, algorithm 1",
    reference=None,
    elementwise=False,
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("momentum", "a momentum that is ignored, or averages", lr=1.0, momentum=0.5),
        case("weight-decay", "decay left out of the rate", lr=1.0, weight_decay=0.5),
        case("eta", "a trust coefficient that is hard-coded", lr=1.0, eta=0.1),
        case("everything", "options that are right alone and wrong together", lr=0.5, momentum=0.8, weight_decay=0.1,
             eta=0.02),
        case("trained", "a rate that is not relative: steps that diverge", lr=1.0, eta=0.02,
             problems=("airfoil", "bowl", "digits-mlp", "digits-softmax", "quadratic", "rosenbrock")),
    ),
)  # fmt: skip
