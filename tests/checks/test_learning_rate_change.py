"""A learning rate is read at the step that it is for."""

from __future__ import annotations

from .controls import Controls
from .right_optimizers import MomentumWithDecay
from .shared_mistakes import KeepsLr

controls = Controls("learning-rate-change")
controls.caught("the learning rate of the constructor is used")(KeepsLr)


@controls.caught("divided by 10 before step 4", "late or never")
class ActsLate(MomentumWithDecay):
    def one(self, p, g, state, group):
        lr, state["lr"] = state.get("lr", group["lr"]), group["lr"]
        super().one(p, g, state, {**group, "lr": lr or group["lr"]})


@controls.each
def test_a_wrong_optimizer_is_caught(control):
    control.assert_caught()
