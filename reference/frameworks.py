"""How frameworks differ where their optimizers have the same name: facts that were measured, or read where it says so.

Measured with torch 2.13.0 on a CPU, optax 0.2.8 and Keras 3.15.1 (both on JAX 0.10.2), MLX 0.32.4, timm 1.0.31,
pytorch_optimizer 4.1.0, lion-pytorch 0.2.5, SciPy 1.17.1 and scikit-learn 1.9.1: each stepped beside the formula here
on the same gradients, in float64 where no other format is named, and the cause of a difference was found in its
source. What is marked "read" was read in source or documentation and not run, and so was what is said of papers.

A size is how many times one step is as long as the other, unless it says otherwise. "As here" and "the same" mean
steps that agree to 1e-11, or to 3e-3 where the other has numbers in float32 whatever the format (optax's RAdam, the
Adafactors, timm's RAdamLegacy, some constants of Keras, all of MLX). pytorch_optimizer's Adafactor stays within 4e-3,
since it keeps its steps in bfloat16; of Muon see the format of the iteration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..scratch_impls import Spec


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One convention.

    here        what it is in torch and here, for each class of torch.optim that it concerns, or for a formula by name
    option      the hyperparameter without which it does not exist; "" for none
    others      what it is elsewhere, and where
    shows       where the two differ most
    size        by how much there
    """

    name: str
    here: Mapping[str, str]
    others: str
    shows: str
    size: str
    option: str = ""

    def of(self, spec: Spec) -> str:
        """What it is in this formula, found by its name or by its twin's; "" where it does not exist."""
        if self.option and self.option not in spec.defaults:
            return ""
        return self.here.get(spec.name, self.here.get(spec.reference or "", ""))


def axes_of(spec: Spec) -> tuple[Axis, ...]:
    """The conventions that concern a formula."""
    return tuple(axis for axis in AXES if axis.of(spec))


ADAMS = ("Adam", "AdamW")
IN_GRADIENT = "added to the gradient"
APART = "apart from the gradient, scaled by lr, before the step"
DECAY_ALONE = "step 1, gradient 0, x = 1, lr and decay 0.1"

AXES: tuple[Axis, ...] = (
    Axis(
        name="place of lr",
        here={"SGD": "outside the velocity"},
        option="momentum",
        others="inside: Keras, MXNet (read), the book; outside: optax, MLX, TensorFlow 1 (read), Paddle (read)",
        shows="the first step after lr is divided by 10, momentum 0.9",
        size="9.1 times",
    ),
    Axis(
        name="first velocity",
        here={"SGD": "the gradient itself"},
        option="dampening",
        others="(1 - dampening) times the gradient: MLX; no dampening: optax, Keras",
        shows="step 1, dampening 0.9",
        size="10 times",
    ),
    Axis(
        name="weight decay",
        here={"gd": IN_GRADIENT},
        others="apart from it, scaled by lr: Keras",
        shows="nowhere: without momentum the two are one rule",
        size="none",
    ),
    Axis(
        name="weight decay",
        here={"momentum": "added to the gradient, so that it enters the velocity"},
        others="apart from the velocity: Keras, SGDW of timm and of pytorch_optimizer; as here: MLX",
        shows="gradient 0, momentum 0.9, lr 0.01, decay 1, step 13",
        size="6.2 times",
    ),
    Axis(
        name="defaults",
        here={"SGD": "lr 0.001"},
        others="lr 0.01: Keras; no default: optax, MLX",
        shows="every step",
        size="10 times",
    ),
    Axis(
        name="place of eps",
        here={"Adagrad": "outside the root"},
        others="inside: optax, Keras, the book; outside: MLX",
        shows="gradients up to the root of eps",
        size="1.41 times where they are equal, up to 1/sqrt(eps)",
    ),
    Axis(
        name="first accumulator",
        here={"Adagrad": "0"},
        others="0.1: optax, Keras, TensorFlow 1 (read); 0: MLX",
        shows="step 1, gradient 0.001",
        size="316 times",
    ),
    Axis(
        name="weight decay",
        here={"Adagrad": IN_GRADIENT},
        others=APART + ": Keras; none: optax, MLX",
        shows=DECAY_ALONE,
        size="10 times",
    ),
    Axis(
        name="defaults",
        here={"Adagrad": "lr 0.01, eps 1e-10"},
        others="lr 0.001, eps 1e-7: Keras; eps 1e-7: optax; eps 1e-8: MLX",
        shows="step 1, gradient 1",
        size="10.5 times in Keras, with its first accumulator",
    ),
    Axis(
        name="place of lr",
        here={"RMSprop": "outside the momentum buffer"},
        option="momentum",
        others="inside: optax, Keras, timm's RMSpropTF, TensorFlow 1 (read)",
        shows="the first step after lr is divided by 10, momentum 0.9",
        size="9.1 times",
    ),
    Axis(
        name="what momentum averages",
        here={"RMSprop": "the scaled step"},
        option="momentum",
        others="the raw gradient: fastai (read)",
        shows="gradients of changing size",
        size="as large as the step",
    ),
    Axis(
        name="place of eps",
        here={"RMSprop": "outside the root"},
        others=(
            "inside: optax unless eps_in_sqrt=False (optax#532), Keras, timm's RMSpropTF, TensorFlow 1 (read), the "
            "book; outside: MLX"
        ),
        shows="gradients up to the root of eps",
        size="1.41 times where they are equal, up to 1/sqrt(eps)",
    ),
    Axis(
        name="first accumulator",
        here={"RMSprop": "0"},
        others="1: timm's RMSpropTF, TensorFlow 1 (read); 0: optax, Keras, MLX",
        shows="step 1, alpha 0.9, gradients 1 and 0.0001",
        size="3.2 and 30,000 times",
    ),
    Axis(
        name="centering",
        here={"RMSprop": "sqrt(v - m^2) + eps"},
        option="centered",
        others="sqrt(v - m^2 + eps): optax, Keras, timm's RMSpropTF, TensorFlow 1 (read)",
        shows="a constant gradient, once v has settled",
        size="1/sqrt(eps); in float32 more NaN, where v - m^2 rounds below 0",
    ),
    Axis(
        name="weight decay",
        here={"RMSprop": IN_GRADIENT},
        others=APART + ": Keras; none: optax, MLX",
        shows=DECAY_ALONE,
        size="100 times, at alpha 0.99",
    ),
    Axis(
        name="defaults",
        here={"RMSprop": "lr 0.01, alpha 0.99, eps 1e-8"},
        others="lr 0.001, rho 0.9, eps 1e-7: Keras; decay 0.9: optax; as here but for lr: MLX",
        shows="step 1, gradient 1",
        size="31.6 times in Keras",
    ),
    Axis(
        name="eps and the bias correction",
        here=dict.fromkeys(ADAMS, "after it"),
        others='before it ("epsilon hat"): Keras, TensorFlow 1 (read), MXNet (read); after it: optax, MLX',
        shows="step 1, gradients far below eps",
        size="31.6 times",
    ),
    Axis(
        name="place of eps",
        here=dict.fromkeys(ADAMS, "outside the root"),
        others="a second one inside: optax's eps_root, 0 unless given; outside: Keras, MLX",
        shows="eps_root 1e-8, step 1, gradient 1e-8",
        size="5,000 times",
    ),
    Axis(
        name="bias correction",
        here=dict.fromkeys(ADAMS, "on"),
        others="off: MLX unless bias_correction=True",
        shows="steps 1 and 12",
        size="3.2 and 6.6 times",
    ),
    Axis(
        name="maximum of amsgrad",
        here=dict.fromkeys(ADAMS, "of the uncorrected average"),
        option="amsgrad",
        others="of the corrected one: optax; as here: Keras; no amsgrad: MLX",
        shows="a first gradient that is 10,000 times too large",
        size="30.8 times after 3,000 steps: it does not wear off",
    ),
    Axis(
        name="weight decay",
        here={"Adam": IN_GRADIENT},
        others=APART + ": Keras; none: optax, MLX",
        shows=DECAY_ALONE,
        size="10 times",
    ),
    Axis(
        name="weight decay",
        here={"AdamW": APART},
        others=(
            "not scaled by lr: the paper, TensorFlow Addons (read), pytorch_optimizer's classes with fixed_decay; as "
            "here: optax, Keras, MLX"
        ),
        shows="gradient 0, lr 0.001",
        size="1,000 times, which is 1/lr",
    ),
    Axis(
        name="defaults",
        here={"Adam": "eps 1e-8"},
        others="eps 1e-7: Keras; as here: optax, MLX",
        shows="step 1, gradient 1e-7",
        size="29.7 times, with the place of eps",
    ),
    Axis(
        name="defaults",
        here={"AdamW": "decay 0.01, eps 1e-8"},
        others="decay 0.0001: optax; decay 0.004, eps 1e-7: Keras; as here: MLX",
        shows="the decay alone",
        size="optax 100 times, Keras 2.5 times",
    ),
    Axis(
        name="format of the state",
        here=dict.fromkeys(ADAMS, "the parameter's"),
        others="float32 whatever the parameter's: apex's FusedAdam (read); as here: optax, Keras, MLX",
        shows="bfloat16, 3,000 steps with gradient 1",
        size="v stops at 0.5 instead of 0.95",
    ),
    Axis(
        name="eps in the infinity norm",
        here={"Adamax": "added to |g|, before the maximum"},
        others="added to u where it divides: Keras, MLX; none: the paper; as here: optax, pytorch_optimizer",
        shows="gradients that end, until u has decayed below eps",
        size="2 times; 0/0 without any eps",
    ),
    Axis(
        name="bias correction",
        here={"Adamax": "of m"},
        others="none: MLX; as here: optax, Keras, pytorch_optimizer",
        shows="step 1",
        size="10 times",
    ),
    Axis(
        name="weight decay",
        here={"Adamax": IN_GRADIENT},
        others=APART + ": Keras, optax's adamaxw; none: optax's adamax, MLX",
        shows=DECAY_ALONE,
        size="10 times",
    ),
    Axis(
        name="defaults",
        here={"Adamax": "lr 0.002, eps 1e-8"},
        others="lr 0.001, eps 1e-7: Keras; eps 1e-8 and no lr: optax, MLX",
        shows="step 1, gradients 1 and 1e-7",
        size="2 and 3.6 times",
    ),
    Axis(
        name="warm-up of the momentum",
        here={"NAdam": "by 0.96^(0.004 t), over thousands of steps"},
        others="by 0.96^t, as momentum_decay=1 here: Keras; none: optax, timm's NAdamW; as here: timm's NAdamLegacy",
        shows="a constant gradient; alternating signs, step 100",
        size="Keras 1.06, optax 1.48, NAdamW 1.8 times; Keras 3.7, optax 3.8 times",
    ),
    Axis(
        name="weight decay",
        here={"NAdam": IN_GRADIENT + ", or apart from it on request"},
        others=APART + ": Keras, optax's nadamw; as here: timm's NAdamLegacy",
        shows=DECAY_ALONE,
        size="10.6 times",
    ),
    Axis(
        name="defaults",
        here={"NAdam": "lr 0.002, eps 1e-8"},
        others="lr 0.001, eps 1e-7: Keras; eps 1e-8 and no lr: optax",
        shows="step 1, gradients 1 and 1e-7",
        size="2 and 3.6 times",
    ),
    Axis(
        name="where it is rectified",
        here={"RAdam": "r > 5, from step 6 on"},
        others="r >= 5, which is the same step: optax, timm's RAdamLegacy, pytorch_optimizer; r > 4: the paper",
        shows="step 5, gradients 1 and 0.001",
        size="58 times shorter, 17 times longer",
    ),
    Axis(
        name="before that",
        here={"RAdam": "steps of plain momentum"},
        others="no steps at all: pytorch_optimizer unless degenerated_to_sgd=True; as here: optax, timm's RAdamLegacy",
        shows="steps 1 to 5",
        size="all or nothing",
    ),
    Axis(
        name="eps and the bias correction",
        here={"RAdam": "before it"},
        others="after it: optax; as here: timm's RAdamLegacy, pytorch_optimizer",
        shows="step 6, gradients 1e-8 and far below eps",
        size="7 and 12.9 times",
    ),
    Axis(
        name="weight decay",
        here={"RAdam": IN_GRADIENT + ", or apart from it on request"},
        others=(
            "apart, scaled by lr: timm's RAdamLegacy, pytorch_optimizer, whose steps without rectification leave it "
            "out; none: optax"
        ),
        shows="gradient 0, x = 1, lr and decay 0.1, step 6",
        size="3.7 times",
    ),
    Axis(
        name="format of the state",
        here={"RAdam": "the parameter's"},
        others="float32 whatever the parameter's: timm's RAdamLegacy; as here: optax",
        shows="bfloat16, 3,000 steps with gradient 1",
        size="v stops at 0.5 instead of 0.95",
    ),
    Axis(
        name="when a step is taken",
        here={"Rprop": "with the gradient that it is made of"},
        others="one step late, the first being 0: optax (optax#1725)",
        shows="step 1; alternating signs",
        size="all or nothing; optax never moves",
    ),
    Axis(
        name="change of sign",
        here={"Rprop": "the element rests"},
        others="the last step is taken back: the paper; the step that is due is dropped: optax",
        shows="gradients of alternating sign",
        size="all or nothing",
    ),
    Axis(
        name="the rule",
        here={"Adadelta": "eps inside both roots, lr outside the averages"},
        others="as here, once lr, rho and eps are given: optax, Keras, MLX, pytorch_optimizer",
        shows="nowhere",
        size="none",
    ),
    Axis(
        name="defaults",
        here={"Adadelta": "lr 1, rho 0.9, eps 1e-6, as pytorch_optimizer"},
        others="lr 0.001, rho 0.95, eps 1e-7: Keras; no lr: optax, MLX",
        shows="step 1, gradient 1",
        size="2,236 times",
    ),
    Axis(
        name="weight decay",
        here={"Adadelta": IN_GRADIENT},
        others=APART + ": Keras; as here: optax, pytorch_optimizer; none: MLX",
        shows=DECAY_ALONE,
        size="Keras 31.6 times longer",
    ),
    Axis(
        name="eps in v",
        here={"Adafactor": "a bound from below, eps^2; eps is the spacing of the format at 1"},
        others="1e-30 added to g^2: the paper, optax, Keras, MLX, timm, pytorch_optimizer",
        shows="float32, gradients 1e-9",
        size="119 times",
    ),
    Axis(
        name="eps in the mean of r",
        here={"Adafactor": "a bound from below, eps and not its square"},
        others="none: optax, Keras, MLX, timm, pytorch_optimizer",
        shows="float32, a matrix of gradients 1e-5 that fall to 1e-6",
        size="9.6 times",
    ),
    Axis(
        name="relative step",
        here={"Adafactor": "min(lr, 1/sqrt(t))"},
        others=(
            "lr as it is: optax, timm, MLX with relative_step=False; min(0.01, 1/sqrt(t)) whatever lr is: "
            "pytorch_optimizer and MLX unless told; as here: Keras, even with relative_step=False"
        ),
        shows="lr 0.5, step 100",
        size="5 times; 10 times",
    ),
    Axis(
        name="size of x",
        here={"Adafactor": "max(eps[1], RMS(x)) scales every step"},
        others="only where no lr is given: timm's Adafactor; as here: optax, Keras, MLX",
        shows="x = 0.01",
        size="100 times",
    ),
    Axis(
        name="what is factored",
        here={"Adafactor": "the last two dimensions, however small"},
        others=(
            "the two largest, if both have 128 or more: optax; if both have more than 16: timm; as here: Keras, MLX, "
            "pytorch_optimizer"
        ),
        shows="a matrix of 4 by 6 random gradients, step 1",
        size="10.9 times in one element",
    ),
    Axis(
        name="weight decay",
        here={"Adafactor": "scaled by lr, before the step"},
        others=(
            "not scaled: optax; scaled by lr and RMS(x): MLX, pytorch_optimizer, timm where no lr is given; as here: "
            "Keras"
        ),
        shows="lr 0.01, x = 10",
        size="optax 100 times, the others 10 times",
    ),
    Axis(
        name="momentum",
        here={"Adafactor": "none"},
        others="0.9 without bias correction unless told: pytorch_optimizer; on request: optax, MLX, timm; none: Keras",
        shows="step 1",
        size="10 times",
    ),
    Axis(
        name="defaults",
        here={"Adafactor": "lr 0.01"},
        others="lr 0.001: Keras; as here: MLX, timm; no lr at all, steps of RMS(x): optax",
        shows="step 1",
        size="Keras 10 times shorter, optax 100 times longer",
    ),
    Axis(
        name="the average",
        here={"ASGD": "an equal mean, begun at step t0 + 2; t0 is a million"},
        others=(
            "an equal mean from step 1 on: AveragedModel of torch itself, scikit-learn's average=True; exponential, "
            "0.99: Keras' use_ema; exponential: optax.incremental_update"
        ),
        shows="x of -0.1 to -0.6 in six equal steps, t0 = 0",
        size="-0.40 here, -0.35 from step 1 on, -0.115 in Keras",
    ),
    Axis(
        name="the rate",
        here={"ASGD": "lr / (1 + lambd lr t)^alpha"},
        others="lr unless scheduled: Keras, optax; lr / t^0.25: scikit-learn's SGDRegressor (read)",
        shows="the defaults, after a million steps",
        size="1.68 times",
    ),
    Axis(
        name="a change of lr",
        here={"ASGD": "acts one step late"},
        others="at once: Keras, optax",
        shows="the first step after lr is divided by 10",
        size="10 times",
    ),
    Axis(
        name="shrinking of x",
        here={"ASGD": "by lambd eta in every step"},
        others="none: Keras, optax",
        shows="gradient 0, the defaults",
        size="a millionth of x a step",
    ),
    Axis(
        name="the name",
        here={"ASGD": "averaged SGD"},
        others=(
            "adaptive SGD, another rule: ASGD of pytorch_optimizer; Polyak's step size, no average (read): "
            "optax.polyak_sgd"
        ),
        shows="everywhere",
        size="another algorithm",
    ),
    Axis(
        name="the rule",
        here={"lion": "the sign of a mix of m and g; m moves afterwards"},
        others="as here: optax, Keras, MLX, timm, lion-pytorch, pytorch_optimizer",
        shows="nowhere",
        size="none",
    ),
    Axis(
        name="weight decay",
        here={"lion": "apart from the gradient, scaled by lr"},
        others=(
            "as here unless told: optax, Keras, MLX, timm, lion-pytorch, pytorch_optimizer; on request by lr over "
            "the first lr: lion-pytorch; by lr^2 over the first lr: timm; not at all: pytorch_optimizer"
        ),
        shows="step 1, lr 0.001; timm: after lr is divided by 10",
        size="1,000 times; timm 10 times",
    ),
    Axis(
        name="defaults",
        here={"lion": "lr 0.0001, no decay"},
        others="lr 0.001: Keras; decay 0.001: optax; no lr: optax, MLX; as here: timm, lion-pytorch, pytorch_optimizer",
        shows="every step",
        size="10 times in Keras",
    ),
    Axis(
        name="rows without a gradient",
        here={"SparseAdam": "rest, and so do their averages"},
        others=(
            "move on: Keras on sparse gradients of JAX, TensorFlow 1 (read), every Adam on dense ones; rest: "
            "LazyAdam of TensorFlow Addons (read), MXNet with lazy_update (read)"
        ),
        shows="one gradient, then 200 steps without",
        size="the row ends 6 times as far away",
    ),
    Axis(
        name="eps and the bias correction",
        here={"SparseAdam": 'before it ("epsilon hat")'},
        others=(
            "after it: torch's Adam, optax, MLX; before it: Keras, TensorFlow 1 (read), LazyAdam (read), MXNet (read)"
        ),
        shows="step 1, gradient 1e-9",
        size="28.8 times",
    ),
    Axis(
        name="what t counts",
        here={"SparseAdam": "the steps of the table, not of the row"},
        others="the same: LazyAdam (read), MXNet (read)",
        shows="a row whose first gradient comes at step 1,000",
        size="2.5 lr instead of lr",
    ),
    Axis(
        name="a call of step",
        here={"LBFGS": "up to 20 iterations and 25 evaluations"},
        others="one iteration: optax; all until it has converged: SciPy's L-BFGS-B",
        shows="Rosenbrock in 10 dimensions",
        size="20, 1 and 71 iterations",
    ),
    Axis(
        name="line search",
        here={"LBFGS": 'none, unless line_search_fn is "strong_wolfe"'},
        others="always unless linesearch=None: optax; always: SciPy",
        shows="sqrt(1 + x^2) from x = 2",
        size="the loss climbs to 2e12; in optax it never rises",
    ),
    Axis(
        name="length of the first move",
        here={"LBFGS": "lr min(1, 1/|g|_1) times the gradient"},
        others="min(1, 1/|g|_2) times it: optax; 1/|g|_2 times it: SciPy",
        shows="10,000 equal gradients; |g|_2 = 0.014",
        size="100 times; SciPy 71 times",
    ),
    Axis(
        name="which pairs are kept",
        here={"LBFGS": "y's > 1e-10, whatever the scale"},
        others="all but y's = 0: optax; the scale of the loss makes no difference: SciPy",
        shows="a quadratic times 1e-12, |x| = 2, ten iterations with line search",
        size="|x| is 1.9; 3e-9 in optax and SciPy",
    ),
    Axis(
        name="negative curvature",
        here={"LBFGS": "its pair is left out"},
        others="its pair is kept: optax, where linesearch=None lets it in",
        shows="-cos x from x = 2, lr 0.1, iteration 2",
        size="x falls by 0.09 here; it rises by 0.25 in optax, uphill",
    ),
    Axis(
        name="memory",
        here={"LBFGS": "100 pairs"},
        others="10 pairs: optax, SciPy",
        shows="iteration 12 and later",
        size="0.08 % of a step on a quadratic of 30",
    ),
    Axis(
        name="early end",
        here={"LBFGS": "max |g| <= 1e-7, or a change or slope within 1e-9"},
        others="none: optax; max |g| <= 1e-5, or f falls by less than 2.2e-9 of itself (read): SciPy",
        shows="|g| = 1e-8",
        size="optax goes on",
    ),
    Axis(
        name="bias correction",
        here={"Muon": "none: g and m weigh 1 - momentum and momentum"},
        others=(
            "each is corrected: optax; a sum in place of the average, which has the same direction: Keras, Jordan's "
            "post; as here: MLX, timm, pytorch_optimizer"
        ),
        shows="step 2, nesterov",
        size="optax 12 to 28 % of a step",
    ),
    Axis(
        name="scale by shape",
        here={"Muon": "sqrt(max(1, rows / columns))"},
        others=(
            "sqrt(max(1, columns / rows)), for kernels that are (in, out): optax; 0.2 sqrt(max(rows, columns)): "
            "Keras, timm unless told; as here: MLX, pytorch_optimizer"
        ),
        shows="8 by 4",
        size="optax 1.41, Keras 2.5 times shorter",
    ),
    Axis(
        name="eps in the norm",
        here={"Muon": "a bound from below"},
        others="added: optax (1e-8), Keras, MLX; as here: timm, pytorch_optimizer",
        shows="step 1, a gradient of norm 1e-9",
        size="optax 4.7, Keras 2.9 times, with their averages",
    ),
    Axis(
        name="weight decay",
        here={"Muon": APART},
        others=(
            "added to the gradient, under the orthogonalization: MLX; as here: optax, Keras, timm, pytorch_optimizer"
        ),
        shows="lr 0.1, decay 0.5, N(0, 1) x",
        size="0.6 of a step in MLX",
    ),
    Axis(
        name="format of the iteration",
        here={"Muon": "here that of x; in torch bfloat16"},
        others="bfloat16: timm, pytorch_optimizer; that of x: optax, Keras, MLX",
        shows="every step",
        size="1 to 3 % of a step",
    ),
    Axis(
        name="coefficients",
        here={"Muon": "one triple, five times"},
        others=(
            'another triple in every iteration: timm unless ns_coefficients="original"; as here: optax, Keras, MLX, '
            "pytorch_optimizer"
        ),
        shows="step 1",
        size="13 to 25 % of a step",
    ),
    Axis(
        name="defaults",
        here={"Muon": "lr 0.001, decay 0.1, nesterov"},
        others=(
            "decay 0.004: Keras; lr 0.02, no decay: pytorch_optimizer; lr 0.02, no decay, no nesterov: timm; decay "
            "0: optax; decay 0.01: MLX"
        ),
        shows="step 1, x and g the identity of 4",
        size="pytorch_optimizer 19, timm 9 times longer, Keras 3 times shorter",
    ),
)
