"""SparseAdam: Adam on those rows of a table that the gradient touches.

    g <- -g                                        if maximize
    m <- beta1 m + (1 - beta1) g                   m_0 = 0
    v <- beta2 v + (1 - beta2) g^2                 v_0 = 0
    x <- x - lr sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + eps)

x, g, m and v are the touched rows; whoever calls gathers them, adds up rows that a gradient holds twice, and scatters.

Source      Kingma & Ba 2015 (arXiv 1412.6980), section 2, last paragraph; rows as torch.optim.SparseAdam.
Convention  a row that is not touched rests, and so do its averages: TensorFlow 1 calls that lazy; its Adam moves it.
            t counts the steps of the table, not of the row. eps is added before the bias correction ("epsilon hat").
Shapes      x, g, m and v alike; dtype in = dtype out. t is the number of the step, from 1.
"""

from .spec import Spec, State, case


def init(param) -> State:
    return {"exp_avg": 0 * param, "exp_avg_sq": 0 * param}


def update(param, grad, state, step, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, maximize=False):
    beta1, beta2 = betas
    g = -grad if maximize else grad
    m = beta1 * state["exp_avg"] + (1 - beta1) * g
    v = beta2 * state["exp_avg_sq"] + (1 - beta2) * g * g
    # Both corrections as one number, as torch has it: eps is then added to the uncorrected root.
    rate = lr * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
    return param - rate * m / (v**0.5 + eps), {"exp_avg": m, "exp_avg_sq": v}


SPEC = Spec(
    name="sparse_adam",
    init=init,
    update=update,
    source="Kingma & Ba 2015, ICLR, arXiv 1412.6980, section 2",
    reference="SparseAdam",
    dims=2,
    sparse=True,
    requires={"betas must be below 1": lambda h: all(beta < 1 for beta in h["betas"])},
    cases=(
        case("default", "what a user gets who passes nothing"),
        case("lr", "a learning rate that is ignored", lr=0.1, problems=("bowl", "rosenbrock")),
        case("betas", "a beta ignored, exchanged with the other, or missing from a correction", betas=(0.5, 0.8)),
        case("eps-placement", "eps inside the root, or after the bias correction", lr=0.1, eps=1e-2),
        case("maximize", "the sign turned on one of the averages only", maximize=True),
        case("real-data", "a bias correction that begins anew, or counts the steps of each row", lr=0.03,
             problems=("airfoil", "digits-mlp", "digits-softmax", "quadratic")),
        case("everything", "options that are right alone and wrong together", lr=0.01, betas=(0.8, 0.95), eps=1e-3,
             maximize=True),
    ),
)  # fmt: skip
