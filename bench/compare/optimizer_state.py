"""What an optimizer keeps, in whatever it keeps it: the one place that walks through state.

State may be any nest of dicts, lists, tuples, named tuples and data classes, under any key: a parameter, its id, its
number, a name of the whole. optree knows Python's containers and gives the way to each leaf; what it takes for a leaf
and is a container all the same (a subclass of dict, a data class) is opened here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import optree
import torch

ORDERED = "twinstep"  # dicts keep their order in it; everybody else's trees are as they were


def leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every tensor and value inside, however deep, with its place: `name.exp_avg`, or `exp_avg` where name is ""."""
    with optree.dict_insertion_ordered(True, namespace=ORDERED):  # as it was made, not by the names
        accessors, found, _ = optree.tree_flatten_with_accessor(value, none_is_leaf=True, namespace=ORDERED)
    for accessor, leaf in zip(accessors, found, strict=True):
        place = ".".join([name, *map(_key, accessor)] if name else map(_key, accessor))
        opened = _opened(leaf)
        if opened is leaf:
            yield place, leaf
        else:
            yield from leaves(opened, place)


def _key(entry: Any) -> str:
    return str(entry.field if isinstance(entry, optree.NamedTupleEntry) else entry.entry)


def _opened(leaf: Any) -> Any:
    """A container that the library does not know as one it does know; anything else as it is."""
    if isinstance(leaf, Mapping):
        return dict(leaf)
    if dataclasses.is_dataclass(leaf) and not isinstance(leaf, type):
        return {field.name: getattr(leaf, field.name) for field in dataclasses.fields(leaf)}
    if isinstance(leaf, (list, tuple, set, frozenset)):
        return list(leaf)
    return leaf


def state_of(optimizer: Any, param: torch.Tensor) -> Any:
    """The optimizer's state of one parameter, without making any; {} where there is none under the parameter or its id.

    Anything at all: only who asks for a tensor by name needs a dict.
    """
    state = getattr(optimizer, "state", {})
    if not isinstance(state, Mapping):
        return {}
    # By identity, one by one: torch's state is a defaultdict, in which [] would make an entry, and a tensor's hash is
    # its id, so that get() would compare the tensor with a key that is that number.
    return next((v for k, v in state.items() if k is param or (isinstance(k, int) and k == id(param))), {})


def tensor_by_name(optimizer: Any, param: torch.Tensor, name: str) -> Any:
    """The tensor or number of that name in the state of one parameter; None where it has none such.

    State that is no dict has no names, and what is neither tensor nor number cannot be compared with one.
    """
    state = state_of(optimizer, param)
    value = state.get(name) if isinstance(state, Mapping) else None
    return value if isinstance(value, (torch.Tensor, int, float)) else None


def state_of_all(optimizer: Any, params: Sequence[torch.Tensor]) -> dict[str, Any]:
    """What the state has beside that of these parameters: under a name, or under tensors of its own (`tensor0`)."""
    state = getattr(optimizer, "state", {})
    if not isinstance(state, Mapping):
        return {"state": state}
    mine = {id(p) for p in params}
    found: dict[str, Any] = {}
    for key, value in state.items():
        if id(key) in mine or (isinstance(key, int) and key in mine):
            continue
        found[f"tensor{len(found)}" if isinstance(key, torch.Tensor) else str(key)] = value
    return found


def rate_of(group: Any) -> Any:
    """A group's learning rate, where it is a number or a tensor that can be scaled; else None."""
    rate = group.get("lr") if isinstance(group, Mapping) else None
    number = isinstance(rate, (int, float, torch.Tensor)) and not isinstance(rate, bool)
    return rate if number else None
