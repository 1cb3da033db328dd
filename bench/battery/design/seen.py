"""What a throw-away instance shows before anything is assumed of it: what it refuses, what it fixes, whether it draws.

Each question is asked once, when a check first needs the answer, so in the process of that check and within its time
limit. A refusal is an error that their code raises on purpose; one that merely happens is a fault, for a check to tell.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import io
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ....scratch_impls import as_shape
from ...compare.optimizer_state import rate_of
from .. import global_state
from ..guard import no_exit

if TYPE_CHECKING:
    from ..context import Context

Shape = tuple[int, ...]

# What the checks ask for, one of each number of dimensions: who takes these takes all.
USUAL_SHAPES: tuple[Shape, ...] = ((3, 2), (4,), (4, 5), (7,), (), (1,), (2, 1, 2, 3))
SMALL: tuple[Shape, ...] = ((), (4,), (3, 2), (2, 1, 3), (2, 1, 2, 3))  # of each number of dimensions
FACTORS = (2, 4, 8, 16, 32, 64, 128)  # by which a shape that is refused grows until it is taken
LARGEST = 2**21  # elements of what is tried


def _as_it_is(shape: Shape) -> Shape:
    return shape


def _times(factor: int, shape: Shape) -> Shape:
    return tuple(factor * n for n in shape or (1,))


def _matrix(factor: int, shape: Shape) -> Shape:
    """For who takes matrices alone: a column, or more of them."""
    return (factor * (*shape, 1)[0], factor)


WAYS: tuple[Callable[[Shape], Shape], ...] = (
    *(functools.partial(_times, factor) for factor in FACTORS),
    *(functools.partial(_matrix, factor) for factor in (1, *FACTORS)),
)


def refusal(error: BaseException) -> str:
    """The error in a line, where a `raise` or an `assert` of somebody's Python made it; "" where it happened."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None or not isinstance(error, Exception):
        return ""
    instruction = frame.tb_frame.f_code.co_code[frame.tb_lasti]
    on_purpose = dis.opname[instruction] == "RAISE_VARARGS"  # what `raise` and `assert` become; a call is another
    return f"{type(error).__name__}: {error}".partition("\n")[0] if on_purpose else ""


GENERATORS: dict[str, Callable[[int], Any]] = {
    "torch's random state": global_state.seed_torch,
    "NumPy's random state": np.random.seed,  # the global generator is what it may draw from
    "Python's random state": random.seed,
}


@contextlib.contextmanager
def trial() -> Iterator[None]:
    """Inside, somebody's code is tried: it may print, exit and change global state, and nothing of it stays."""
    before = global_state.read()
    try:
        with no_exit(), contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        global_state.put_back(before)


def why_refused(attempt: Callable[[], Any]) -> str:
    """What an attempt is refused with; "" where it works, or fails without meaning to."""
    try:
        with trial():
            attempt()
    except (Exception, SystemExit) as error:
        return refusal(error)
    return ""


def works(attempt: Callable[[], Any]) -> bool:
    try:
        with trial():
            attempt()
    except (Exception, SystemExit):
        return False
    return True


class Seen:
    """What trials of a context's subject show; each attribute is "" or the reason for what cannot be asked of it."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def _tensors(self, shapes: Sequence[Shape], dtype: str = "") -> list[torch.nn.Parameter]:
        kind = getattr(torch, dtype or self.context.dtypes[0])
        device, generator = self.context.device, torch.Generator().manual_seed(1)
        made = [torch.nn.Parameter(torch.randn(s, generator=generator).to(device, kind)) for s in shapes]
        for p in made:
            p.grad = torch.randn(p.shape, generator=generator).to(device, kind)
        return made

    def _step(self, params: Any, tensors: Sequence[torch.nn.Parameter], steps: int = 1, **hyper: Any) -> Any:
        optimizer = self.context.subject.make(params, **hyper)
        for _ in range(steps):
            optimizer.step()
        return optimizer, tensors

    @property
    def _hyper(self) -> Mapping[str, Any]:
        return self.context.cases[0].hyper if self.context.cases else {}

    @functools.cached_property
    def _optimizer(self) -> Any:
        """One that took a step of the first case, or None."""
        with contextlib.suppress(Exception, SystemExit), trial():
            tensors = self._tensors([self.fit(s) for s in ((3, 2), (4,))])
            return self._step(tensors, tensors, **self._hyper)[0]
        return None

    @property
    def options(self) -> dict[str, Any]:
        """What its first group says, but for the parameters."""
        group = next(iter(getattr(self._optimizer, "param_groups", None) or ()), None)
        return {k: v for k, v in group.items() if k != "params"} if isinstance(group, Mapping) else {}

    @functools.cached_property
    def groups(self) -> str:
        """Why no group can be read or set."""
        groups = getattr(self._optimizer, "param_groups", None)
        if not groups or all(isinstance(group, Mapping) for group in groups):
            return ""
        return f"its groups are no dicts: a group is a {type(groups[0]).__name__}"

    @functools.cached_property
    def one_rate(self) -> str:
        """Why the histories must keep one learning rate."""
        groups = getattr(self._optimizer, "param_groups", None)
        if self.groups or not groups or rate_of(groups[0]) is not None:
            return self.groups
        return f'its group["lr"] is {groups[0]["lr"]!r}' if "lr" in groups[0] else "its groups have no lr"

    @functools.cached_property
    def several_groups(self) -> str:
        """Why its parameters must be one group."""

        def two(**own: Any) -> None:
            tensors = self._tensors([self.fit((4,))] * 2)
            self._step([{"params": tensors[:1]}, {"params": tensors[1:], **own}], tensors, **self._hyper)

        return (why := why_refused(two)) and f"it refuses several groups: {why}"

    def own_option(self, base: Mapping[str, Any], own: Mapping[str, Any]) -> str:
        """Why no group may have these values of its own, beside one with those of `base`."""

        def two() -> None:
            tensors = self._tensors([self.fit((4,))] * 2)
            self._step([{"params": tensors[:1]}, {"params": tensors[1:], **own}], tensors, **base)

        def alone() -> None:
            tensors = self._tensors([self.fit((4,))])
            self._step(tensors, tensors, **{**base, **own})

        why = why_refused(two)
        if not why or why_refused(alone):
            return ""  # else it refuses the values, and not that a group has its own
        return f"it refuses groups with {'rates' if set(own) == {'lr'} else ', '.join(own)} of their own: {why}"

    @functools.cached_property
    def own_rates(self) -> str:
        """Why all groups must have one learning rate."""
        groups = getattr(self._optimizer, "param_groups", None)
        rate = rate_of(groups[0]) if groups else None
        return "" if rate is None or self.several_groups else self.own_option(self._hyper, {"lr": rate / 2})

    @functools.cached_property
    def coupled_reference(self) -> str:
        """Whether in the reference a step of one parameter depends on the others, so that it is so by design."""
        against = self.context.against
        if against is None or self.context.whole:
            return ""

        def ends(*index: int) -> list[torch.Tensor]:
            tensors = self._tensors([self.fit(s) for s in ((3, 2), (4,))])
            chosen = [tensors[i] for i in index]
            optimizer = against.make(chosen, **against.taken(self._hyper))
            for _ in range(3):
                optimizer.step()
            return [p.detach() for p in chosen]

        with contextlib.suppress(Exception, SystemExit), trial():
            far = 1e-4  # of the way moved: the measure of checks/differences.py for two runs of one implementation
            start = self._tensors([self.fit(s) for s in ((3, 2), (4,))])
            for together, alone, was in zip(ends(0, 1), (*ends(0), *ends(1)), start, strict=True):
                if not bool((together - alone).abs().max() <= far * (alone - was.detach()).abs().max()):
                    return f"in {against.label} a parameter's step depends on the other parameters"
        return ""

    @functools.cached_property
    def draws(self) -> str:
        """Whether what it does depends on random numbers: the same run twice, from two random states."""
        return "" if self.generators is None else "it draws random numbers"

    @functools.cached_property
    def generators(self) -> tuple[str, ...] | None:
        """The random states that its steps draw from, none of them where it has one of its own; None: it draws none."""
        cases = self.context.cases[:1] + ((self.context.richest,) if self.context.cases else ())
        for hyper in [case.hyper for case in cases] or [{}]:
            ends: list[torch.Tensor] = []
            used: tuple[str, ...] = ()
            for seed in (1, 2):
                with contextlib.suppress(Exception, SystemExit), trial():
                    for seeded in GENERATORS.values():
                        seeded(seed)
                    before = global_state.read()
                    tensors = self._tensors([self.fit((8, 8))])
                    ends.append(self._step(tensors, tensors, 3, **hyper)[1][0].detach().clone())
                    after = global_state.read()
                    used = tuple(name for name in GENERATORS if after[name] != before[name])
            if len(ends) == 2 and not torch.equal(*(end.nan_to_num() for end in ends)):
                return used
        return None

    def seed(self, seed: int) -> None:
        """One random state for whatever it draws from."""
        for name in self.generators or ():
            GENERATORS[name](seed)

    @functools.cached_property
    def small(self) -> str:
        """What it refuses the usual shapes with, all small."""
        return self.why_shape(*(as_shape(shape, self.context.dims) for shape in USUAL_SHAPES))

    def why_shape(self, *shapes: Shape, dtype: str = "") -> str:
        """What it refuses parameters of these shapes with."""

        def attempt() -> None:
            tensors = self._tensors(shapes, dtype)
            self._step(tensors, tensors, **self._hyper)

        return why_refused(attempt)

    def fit(self, shape: Shape) -> Shape:
        """The shape that stands for one that a check asks for: one that was given, or the first larger one it takes."""
        dims = self.context.dims
        shape = as_shape(shape, dims)
        if given := [as_shape(s, dims) for s in self.context.shapes]:
            return next((s for s in given if len(s) == len(shape)), given[-1])
        return self._grown(shape) if self.small else shape

    def _grown(self, shape: Shape) -> Shape:
        if shape not in self._kept:
            # First the way that a small shape of as many dimensions takes: each trial of a large one takes long.
            small = SMALL[min(len(shape), len(SMALL) - 1)]
            known = () if shape == small else (next((w for w in WAYS if w(small) == self.fit(small)), _as_it_is),)
            larger = (way(shape) for way in (_as_it_is, *known, *WAYS))
            self._kept[shape] = next((s for s in larger if math.prod(s) <= LARGEST and not self.why_shape(s)), shape)
        return self._kept[shape]

    @functools.cached_property
    def _kept(self) -> dict[Shape, Shape]:
        return {}
