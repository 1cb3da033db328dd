"""L-BFGS: Newton's step with the inverse Hessian that the last few moves and changes of the gradient suggest.

    f, g <- evaluate(x)                   the loss and its gradient; then, max_iter times:
    s, y <- t d, g - g_                   the last move, and how the gradient changed with it
    keep s, y, rho = 1 / y's              if y's > 1e-10; the oldest of more than history_size goes
    H <- y's / y'y                        of the newest pair that is kept; H_0 = 1
    q <- -g
    a_i <- rho_i s_i'q                    newest pair first
    q <- q - a_i y_i
    d <- H q
    b_i <- rho_i y_i'd                    oldest pair first
    d <- d + (a_i - b_i) s_i
    t <- lr                               lr min(1, 1 / |g|_1) in the very first iteration; "strong_wolfe" begins there
    x <- x + t d
    f, g <- evaluate(x)                   not after the last iteration

It ends early at max_eval evaluations (max_iter 5/4 unless given), at max |g| <= tolerance_grad, and where the slope
-g'd or a change, max |t d| or that of f, is within tolerance_change.

Source      Nocedal 1980, Math. Comp. 35, 773-782; Nocedal & Wright 2006, algorithms 7.4 and 7.5; the line search is
            theirs as well, see _line_search.py.
Convention  as torch: a fixed step unless line_search_fn is "strong_wolfe", whose bracket is refined down to 1e-9
            whatever tolerance_change is; y's is compared with 1e-10, not with the sizes of y and s; a pair spans two
            calls of step as it spans two iterations of one.
Shapes      x is all parameters in one piece, of any shape; g, d, s_i and y_i like x; dtype in = dtype out.
"""

from ._line_search import Point, strong_wolfe
from .spec import Spec, State, case
from .vocabulary import max, sum, vdot


def init(param) -> State:
    return {
        "n_iter": 0, "func_evals": 0, "d": None, "t": 0, "H_diag": 1, "prev_flat_grad": None,
        "old_dirs": [], "old_stps": [], "ro": [],
    }  # fmt: skip


def update(
    param, evaluate, state, step, *,
    lr=1, max_iter=20, max_eval=None, tolerance_grad=1e-7, tolerance_change=1e-9, history_size=100,
    line_search_fn=None,
):  # fmt: skip
    x, (f, g), evals = param, evaluate(param), 1
    state, evaluated, max_iter = {**state}, state["func_evals"], int(max_iter)
    max_eval = max_iter * 5 // 4 if max_eval is None else int(max_eval)
    for left in range(max_iter - 1, -1, -1):
        if max(abs(g)) <= tolerance_grad:
            break
        _remember(state, g, int(history_size))
        d = state["d"] = _direction(state, g)
        # Nothing is known of the curvature yet: the first step is at most lr long in the 1-norm.
        t = state["t"] = lr * min(1, 1 / sum(abs(g))) if state["n_iter"] == 1 else lr
        state["prev_flat_grad"], old, slope = g, f, vdot(g, d)
        if slope > -tolerance_change:
            break
        if line_search_fn:
            found, trials = strong_wolfe(
                _ray(evaluate, x, d), Point(0, f, g, slope), t,
                reach=max(abs(d)), max_ls=max_eval - evals,
            )  # fmt: skip
            t, f, g, _ = found
            state["t"], x, evals = t, x + t * d, evals + trials
        else:
            x = x + t * d
            if left:
                (f, g), evals = evaluate(x), evals + 1
        if evals >= max_eval or max(abs(t * d)) <= tolerance_change or abs(f - old) < tolerance_change:
            break
    return x, {**state, "func_evals": evaluated + evals}


def _remember(state, g, history_size):
    """One more iteration: the pair of the last one is kept, if the loss curves upward along it."""
    state["n_iter"] += 1
    if state["n_iter"] == 1:
        return
    s, y = state["t"] * state["d"], g - state["prev_flat_grad"]
    curvature = vdot(y, s)
    # A pair that curves downward would make H indefinite, and the next direction might lead uphill.
    if curvature > 1e-10:
        state["H_diag"] = curvature / vdot(y, y)
        for name, new in (("old_stps", s), ("old_dirs", y), ("ro", 1 / curvature)):
            state[name] = [*state[name], new][-history_size:]


def _direction(state, g):
    """-H g, by the two-loop recursion."""
    pairs = list(zip(state["old_stps"], state["old_dirs"], state["ro"], strict=True))
    q, a = -g, []
    for s, y, rho in reversed(pairs):
        a.append(rho * vdot(s, q))
        q = q - a[-1] * y
    d = state["H_diag"] * q
    for (s, y, rho), a_i in zip(pairs, reversed(a), strict=True):
        d = d + (a_i - rho * vdot(y, d)) * s
    return d


def _ray(evaluate, x, d):
    """t -> the point at x + t d."""

    def at(t):
        f, g = evaluate(x + t * d)
        return Point(t, f, g, vdot(g, d))

    return at


SPEC = Spec(
    name="lbfgs",
    init=init,
    update=update,
    source="Nocedal 1980, Math. Comp. 35, 773-782; Nocedal & Wright 2006, algorithms 3.5, 3.6, 7.4 and 7.5",
    reference="LBFGS",
    elementwise=False,
    requires={
        "line_search_fn must be None or 'strong_wolfe'": lambda h: h["line_search_fn"] in (None, "strong_wolfe"),
        "history_size must be at least 1": lambda h: h["history_size"] >= 1,
    },
    cases=(
        case("default", "what a user gets who passes nothing: twenty iterations with a fixed step"),
        case("lr", "a step length that is ignored, or scaled in every iteration", lr=0.3, max_iter=3),
        case("one-iteration", "pairs that do not outlive a call of step", max_iter=1),
        case("max-eval", "a limit of evaluations that is ignored, or counted otherwise", max_eval=3),
        case("short-history", "pairs that are never forgotten, or the newest first", lr=0.1, max_iter=4,
             history_size=2, problems=("airfoil", "digits-mlp", "digits-softmax")),
        case("tolerance-grad", "an end by the gradient that is ignored, or taken of another norm", max_iter=4,
             tolerance_grad=1.5),
        case("tolerance-change", "an end by a small move that is ignored", tolerance_change=0.5),
        case("change-of-loss", "an end by a small change of the loss that is ignored", lr=0.5, tolerance_change=1e-3),
        case("strong-wolfe", "a line search that stops elsewhere", max_iter=3, max_eval=20,
             line_search_fn="strong_wolfe", problems=("bowl", "quadratic", "rosenbrock")),
        case("long-first-trial", "a zoom that takes other trials", lr=4, max_iter=2, max_eval=20,
             line_search_fn="strong_wolfe"),
        case("far-first-trial", "what a zoom does whose trials come near an end of the bracket", lr=20, max_iter=2,
             max_eval=20, line_search_fn="strong_wolfe"),
        case("short-first-trial", "a bracketing that reaches less or more far", lr=0.02, max_iter=2, max_eval=20,
             line_search_fn="strong_wolfe"),
        case("few-trials", "a search that goes on when its evaluations are used up", lr=0.02, max_eval=3,
             line_search_fn="strong_wolfe"),
        case("everything", "options that are right alone and wrong together", lr=0.5, max_iter=4, max_eval=9,
             tolerance_grad=1.5, tolerance_change=0.2, history_size=3, line_search_fn="strong_wolfe"),
    ),
)  # fmt: skip
