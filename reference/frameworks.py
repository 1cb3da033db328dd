"""How frameworks differ where their optimizers have the same name: facts that were measured, or read where it says so.

Measured with torch 2.13.0 on a CPU, optax 0.2.8 and Keras 3.15.1: 63 versions, written as points on these axes, agreed
with the installed code to 1.4e-14 in float64 over 120 steps. What is marked "read" was read in the source and not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..scratch_impls import Spec


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One convention.

    here        what it is in torch and here, for each class of torch.optim that it concerns
    option      the hyperparameter without which it does not exist; "" for none
    others      what else there is, and where
    shows       where the two differ most
    size        by how much there
    """

    name: str
    here: Mapping[str, str]
    others: str
    shows: str
    size: str
    option: str = ""


def axes_of(spec: Spec) -> tuple[Axis, ...]:
    """The conventions that concern a formula, by the class that it is held against."""
    return tuple(
        axis for axis in AXES if spec.reference in axis.here and (not axis.option or axis.option in spec.defaults)
    )


ADAMS = ("Adam", "AdamW")

AXES: tuple[Axis, ...] = (
    Axis(
        name="place of lr",
        here={"SGD": "outside the velocity", "RMSprop": "outside the buffer"},
        option="momentum",
        others="inside: Keras, TF1, MXNet, the book; outside: optax, Paddle",
        shows="the first step after lr is divided by 10, momentum 0.9",
        size="9.1 times",
    ),
    Axis(
        name="first velocity",
        here={"SGD": "the gradient itself"},
        option="dampening",
        others="(1 - dampening) times the gradient",
        shows="step 1, dampening 0.9",
        size="10 times",
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
        name="weight decay",
        here={
            **dict.fromkeys(("SGD", "Adagrad", "RMSprop", "Adam", "Adamax"), "added to the gradient"),
            **dict.fromkeys(("AdamW", "Muon"), "apart from the gradient, scaled by lr, before the step"),
        },
        option="weight_decay",
        others="the other of the two; not scaled by lr; after the step",
        shows="adaptive methods with decay; a small lr; a large lr times decay",
        size="as large as the step; 1/lr; lr times decay times the step",
    ),
    Axis(
        name="place of eps",
        here=dict.fromkeys(("Adagrad", "RMSprop", *ADAMS), "outside the root"),
        others="inside the root: optax and Keras in RMSprop (optax#532), the book; none",
        shows="gradients up to the root of eps",
        size="1.41 times where they are equal, up to 1/sqrt(eps)",
    ),
    Axis(
        name="eps and the bias correction",
        here=dict.fromkeys(ADAMS, "after it"),
        others='before it ("epsilon hat"): Keras, TF1',
        shows="step 1, tiny gradients",
        size="31.6 times",
    ),
    Axis(
        name="bias correction",
        here=dict.fromkeys(ADAMS, "on"),
        others="off: MLX unless told",
        shows="the first steps",
        size="up to 6.6 times",
    ),
    Axis(
        name="maximum of amsgrad",
        here=dict.fromkeys(ADAMS, "of the uncorrected average"),
        option="amsgrad",
        others="of the corrected one: optax; uncorrected: Keras, TF1",
        shows="one large early gradient",
        size="31.6 times, for good",
    ),
    Axis(
        name="first accumulator",
        here={"Adagrad": "0", "RMSprop": "0"},
        others="0.1: optax, Keras and TF1 in Adagrad; 1: TF1 in RMSprop",
        shows="step 1, small gradients",
        size="316 times; 3000 times",
    ),
    Axis(
        name="centering",
        here={"RMSprop": "sqrt(v - m^2) + eps"},
        option="centered",
        others="sqrt(v - m^2 + eps)",
        shows="a constant gradient",
        size="NaN in torch, where v - m^2 rounds below 0",
    ),
    Axis(
        name="eps in the infinity norm",
        here={"Adamax": "added to |g|, before the maximum"},
        others="added to u where it divides; on the other side of the maximum; none",
        shows="gradients near 0",
        size="0/0 without it",
    ),
    Axis(
        name="warm-up",
        here={"NAdam": "of the momentum, in the step alone", "RAdam": "rectified from r > 5 on"},
        others="see the formula above",
        shows="steps 1 to 5",
        size="1.06 to 1.9 times (NAdam); all or nothing (RAdam)",
    ),
    Axis(
        name="change of sign",
        here={"Rprop": "the element rests"},
        others="the last step is taken back: optax, the paper",
        shows="gradients of alternating sign",
        size="all or nothing",
    ),
    Axis(
        name="format of the state",
        here=dict.fromkeys(("RMSprop", *ADAMS), "the parameter's"),
        others="float32 whatever the parameter's",
        shows="bfloat16, long runs",
        size="the average of squares stalls at half its value",
    ),
)
