"""Where a number ended: the first operation of a step that had finite numbers and gave none.

Not told by what usually is the reason: every operation of torch is watched, so that what is said was seen.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from ...compare.replay import Factory
from ..checks.state import named_state
from ..context import Context, gradients, parameters
from ..guard import no_exit

STEPS = 5  # ordinary ones: what ends here explains whatever was found elsewhere
ROUNDINGS = 1e3  # a difference within that many roundings of what was subtracted may well be one

ROOTS = {"sqrt", "rsqrt"}
SUMS = {"add", "sub", "rsub", "addcmul", "addcdiv", "lerp"}
FAR_BELOW = "the root of a number far below 0, which no rounding explains"
GROWING = {"pow": "power", "exp": "power", "square": "square", "mul": "product", "addcmul": "product"}


@dataclasses.dataclass(frozen=True)
class End:
    """After which step what is not finite, and by which operation; "" where none was seen."""

    step: int
    reason: str = ""
    what: str = "its parameters are"

    @property
    def cause(self) -> str:
        return f"{self.what} not finite after step {self.step}" + (f": {self.reason}" if self.reason else "")


def in_ordinary_steps(context: Context, case: str) -> End | None:
    """Where N(0, 1) gradients alone end in inf or NaN; None where they do not."""
    named = [found for found in context.cases if found.name == case]
    hyper = named[0].hyper if named else context.cases[0].hyper if context.cases else {}
    for dtype in context.dtypes:
        params = parameters(context.seed, dtype=dtype, device=context.device)

        def fill(step: int, params: list[torch.nn.Parameter] = params) -> None:
            gradients(context.seed, step, params)

        if found := first_end(context.subject.make, hyper, params, fill, STEPS):
            return found
    return None


def first_end(
    make: Factory, hyper: Mapping[str, Any], params: list[torch.nn.Parameter], fill: Callable[[int], Any], steps: int,
    *, state: bool = False,
) -> End | None:  # fmt: skip
    """The first step after which a parameter is not finite, and why; None where all are, or a step raises.

    state   its state is looked at as well
    fill    number of the step -> None; gives the parameters their gradients
    """
    try:
        with no_exit():
            optimizer = make(params, **hyper)
            for step in range(steps):
                fill(step)
                watch = _Watch()
                with watch:
                    optimizer.step()
                if not all(bool(torch.isfinite(p).all()) for p in params):
                    return End(step + 1, watch.reason)
                values = named_state(optimizer, params).values() if state else ()
                if not all(_finite(v) for v in values if isinstance(v, torch.Tensor)):
                    return End(step + 1, watch.reason, "its state is")
    except (Exception, SystemExit):
        return None
    return None


class _Watch(TorchDispatchMode):
    """Keeps the first operation that made inf or NaN of finite numbers, in words. One for each step."""

    def __init__(self) -> None:
        super().__init__()
        self.reason = ""
        self.sizes = WeakTensorKeyDictionary()  # a sum -> how large the largest number in it was, element by element

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = list(_tensors((args, kwargs or {})))
        watching = not self.reason and all(_finite(t) for t in given)
        before = [t.detach().clone() for t in given] if watching else []
        sizes = [self.sizes.get(t, value.abs()) for t, value in zip(given, before, strict=True)] if watching else []
        result = function(*args, **(kwargs or {}))
        if watching:
            name = function.overloadpacket.__name__.removeprefix("_foreach_").removesuffix("_")
            self._look(name, before, sizes, list(_tensors(result)))
        return result

    def _look(
        self, name: str, before: list[torch.Tensor], sizes: list[torch.Tensor], made: list[torch.Tensor]
    ) -> None:  # fmt: skip
        if not all(_finite(t) for t in made):
            # v ** 0.5 is a root too: of a negative number it is NaN, where a power that is too large is inf.
            root = name in ROOTS or (name == "pow" and any(bool(t.isnan().any()) for t in made))
            self.reason = _in_words("sqrt" if root and name == "pow" else name, before, sizes)
            return
        for tensor in made:
            self.sizes.pop(tensor, None)
            if name in SUMS:
                terms = [s for s in (sizes[:1] if name in ("addcmul", "addcdiv") else sizes) if s.shape == tensor.shape]
                self.sizes[tensor] = torch.stack([tensor.detach().abs(), *terms]).amax(0)


def _in_words(name: str, values: list[torch.Tensor], sizes: list[torch.Tensor]) -> str:
    if name in ROOTS:
        for value, size in zip(values, sizes, strict=True):
            if bool((value < 0).any()):
                allowed = ROUNDINGS * torch.finfo(value.dtype).eps * size
                far = bool((-value > allowed).any())
                return FAR_BELOW if far else "a difference of two averages rounds below 0 under the root"
    if name in ("div", "addcdiv", "reciprocal", *ROOTS):
        return "a division by 0"
    return f"a {GROWING[name]} overflows the format" if name in GROWING else f"the operation {name}"


def _tensors(found: Any) -> Iterator[torch.Tensor]:
    if isinstance(found, torch.Tensor):
        yield found
    elif isinstance(found, (tuple, list)):
        for part in found:
            yield from _tensors(part)
    elif isinstance(found, dict):
        yield from _tensors(list(found.values()))


def _finite(tensor: torch.Tensor) -> bool:
    if not (tensor.is_floating_point() or tensor.is_complex()) or tensor.is_sparse:
        return True
    return bool(torch.isfinite(tensor).all())
