"""RMSprop as TensorFlow has it: eps under the root, and an average that starts at 1.

    g <- g + weight_decay x
    v <- alpha v + (1 - alpha) g^2                 v_0 = 1
    b <- momentum b + g / sqrt(v + eps)            b_0 = 0
    x <- x - lr b

With lr inside the buffer, as in TensorFlow (lr_in_momentum), a change of lr rules the new part of b alone; the two are
the same as long as lr stays.

Source      tensorflow/core/kernels/training_ops.cc, ApplyRMSProp; lr outside as in stable-baselines3.
"""

from .spec import Spec, State, case


def init(param) -> State:
    return {"square_avg": 0 * param + 1, "momentum_buffer": 0 * param}


def update(param, grad, state, step, *, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0):
    g = grad + weight_decay * param if weight_decay else grad
    v = alpha * state["square_avg"] + (1 - alpha) * g * g
    b = momentum * state["momentum_buffer"] + g / (v + eps) ** 0.5
    return param - lr * b, {"square_avg": v, "momentum_buffer": b}


SPEC = Spec(
    name="rmsprop_tf",
    init=init,
    update=update,
    source="tensorflow/core/kernels/training_ops.cc, ApplyRMSProp",
    reference=None,
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("alpha", "an average that forgets otherwise", lr=0.05, alpha=0.8),
        case("momentum", "a momentum that is ignored", lr=0.01, momentum=0.9),
        case("eps", "eps outside of the root", lr=0.1, eps=1e-1),
        case("weight-decay", "decay outside of the gradient", lr=0.1, weight_decay=0.5),
    ),
)
