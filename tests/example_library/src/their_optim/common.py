"""What both optimizers share."""

import torch


class Base(torch.optim.Optimizer):
    """Walks over groups and parameters; a subclass fills `state` and moves one parameter."""

    def __init__(self, params, **defaults):
        for name in ("lr", "eps", "weight_decay"):
            if defaults[name] < 0:
                raise ValueError(f"{name}={defaults[name]}: it may not be negative")
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    state = self.state[param]
                    if not state:
                        self.start(param, group, state)
                    self.move(param, decayed(param, group), group, state)
        return loss


def decayed(param, group):
    """The gradient with coupled weight decay."""
    grad = -param.grad if group["maximize"] else param.grad
    return grad.add(param, alpha=group["weight_decay"]) if group["weight_decay"] else grad
