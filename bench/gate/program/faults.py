"""What ends or breaks while a worker times somebody's code, as faults of the head or notes on the base."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..outcome import Fault, Outcome
from ..trees import GateError
from ..worker.process import WorkerDied, messages


def messages_or_fault(orders: dict[str, Any], faults: list[Fault]) -> Iterator[dict[str, Any]]:
    """The messages of a worker; that it died of somebody's code is red, under the name of its task."""
    try:
        yield from messages(orders)
    except WorkerDied as death:
        faults.append(Fault(name=orders["task"], kind="broken", text=str(death)))


def head_broke(name: str, error: str) -> Fault:
    """The fault of a head that raises, with its last line first."""
    return Fault(name=name, kind="broken", text=f"the head does not run: {error.strip().splitlines()[-1]}\n{error}")


def record_broken(message: dict[str, Any], outcome: Outcome, faults: list[Fault]) -> None:
    """A fault where the head fails alone, a note where the base does; GateError where the base's library cannot run."""
    name = message.get("optimizer") or message.get("cell") or "the library"
    error = message["error"]
    last = error.strip().splitlines()[-1]
    if message["arm"] == "head":
        faults.append(head_broke(name, error))
    elif name == "the library":
        raise GateError(f"the base cannot run: {last}\n{error}")
    else:
        outcome.notes.append(f"{name}: the base cannot run it ({last}), so there is nothing to compare with")
