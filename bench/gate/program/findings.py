"""What judging workers say, filed: cells, losses and gaps, what the base shows as well, and what is suspect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..outcome import Fault, Outcome
from ..subjects import Cell
from ..trees import GateError
from .faults import head_broke


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """What failed in the head and not in the base. part: the check or problem; "" where it was none of them."""

    optimizer: str
    part: str
    fault: Fault


class Findings:
    """Files every message of judging workers; a method for each kind of message.

    cells       optimizer -> what may be timed of it, if it agrees
    suspects    what failed in the head alone; base_too: the names of what failed in both
    faults      what is red already
    """

    def __init__(self, outcome: Outcome, judged: Callable[[str], object] = lambda optimizer: None) -> None:
        self.outcome, self._judged = outcome, judged
        self.cells: dict[str, list[Cell]] = {}
        self.suspects: list[Suspect] = []
        self.base_too: set[str] = set()
        self.faults: list[Fault] = []
        self.not_running: set[str] = set()  # optimizers that cannot be timed, since a tree does not run them
        self.left_out: list[str] = []
        self._notes: dict[tuple[str, str], str] = {}
        self._doing: dict[int, tuple[str, str]] = {}  # worker -> optimizer, arm

    def read(self, worker: int, message: dict[str, Any]) -> None:
        if message["kind"] in ("optimizer", "arm"):
            self._doing[worker] = message["optimizer"], message.get("arm", "")
        if message["kind"] == "died":
            self._file_death(*self._doing.pop(worker, ("", "")), message["error"])
            return
        # A worker of this same tree wrote it: an unknown kind is a bug of ours, and raises.
        getattr(self, f"read_{message['kind']}")(message)
        if message["kind"] == "judged":
            self._doing.pop(worker, None)

    def note(self, optimizer: str, name: str, text: str) -> None:
        self._notes[optimizer, name] = text

    @property
    def notes(self) -> list[str]:
        """By optimizer, whichever worker was faster."""
        found = [text for _, text in sorted(self._notes.items())]
        if self.left_out:
            found.append(f"--only: {len(self.left_out)} optimizers without such a benchmark were not judged")
        return found

    @property
    def disagreeing(self) -> set[str]:
        return {suspect.optimizer for suspect in self.suspects}

    def read_optimizer(self, message: dict[str, Any]) -> None:
        name = message["optimizer"]
        if not message["head"]:
            text = "the base has this optimizer and the head does not"
            self.faults.append(Fault(name=name, kind="vanished", text=text))
        elif not message["base"]:
            self.note(name, "", f"{name} is new: judged, and timed from the next pull request on")

    def read_arm(self, message: dict[str, Any]) -> None:
        """Where a process died, which tree it was busy with is all that is asked."""

    def read_cells(self, message: dict[str, Any]) -> None:
        self.cells[message["optimizer"]] = [Cell.from_json(body) for body in message["cells"]]

    def read_left_out(self, message: dict[str, Any]) -> None:
        self.left_out.append(message["optimizer"])

    def read_broken(self, message: dict[str, Any]) -> None:
        name, part, error = message["optimizer"], message.get("part", ""), message["error"]
        last = error.strip().splitlines()[-1]
        self.not_running.add(name)
        if message["arm"] == "head" and not name:
            self.faults.append(head_broke("the library", error))
        elif message["arm"] == "head":
            self._file(name, part, head_broke(_joined(name, part), error), base_too=message.get("base_too", False))
        elif name:
            said = f"{_joined(name, part)}: the base cannot run it ({last}), so there is nothing to compare with"
            self.note(name, part, said)
        else:
            raise GateError(f"the base cannot run: {last}\n{error}")

    def read_check(self, message: dict[str, Any]) -> None:
        name, check, status = message["optimizer"], message["check"], message["status"]
        base_too = message.get("base_too", False)
        ran, failures = self.outcome.checks.get(name, (0, 0))
        self.outcome.checks[name] = (ran + (not status.startswith("not ")), failures)
        if status == "passed unexpectedly" and not base_too:  # a head that mends what fails on the base is no fault
            self.note(name, check, f"{name}:{check} is known to fail on the base, and passes")
        if status in ("failed", "error"):  # what a check could not look at is not known to agree
            fault = Fault(name=f"{name}:{check}", kind="agreement", text=message["text"])
            self._file(name, check, fault, base_too=base_too)

    def read_loss(self, message: dict[str, Any]) -> None:
        name, problem, now = message["optimizer"], message["problem"], message["head"]
        self.outcome.losses.append(_row(message))
        if message["moved"]:
            text = (
                f"the final loss moved from {message['base']!r} to {now!r}" if "base" in message else f"it is {now!r}"
            )
            fault = Fault(name=f"{name}:{problem}", kind="loss", text=text)
            self._file(name, problem, fault, base_too=message.get("base_too", False))

    def read_gap(self, message: dict[str, Any]) -> None:
        name = message["optimizer"]
        self.outcome.gaps.append(_row(message))
        if message.get("wrong"):
            text = f"case {message['case']}: the gap from its twin is {message['head']:.3g} bounds"
            text += f", and {message['base']:.3g} in the base" if "base" in message else ""
            fault = Fault(name=f"{name}:gap", kind="agreement", text=text)
            self._file(name, "gap", fault, base_too=message["base_too"])

    def read_judged(self, message: dict[str, Any]) -> None:
        self._judged(message["optimizer"])

    def _file(self, optimizer: str, part: str, fault: Fault, *, base_too: bool) -> None:
        if base_too:
            self.base_too.add(fault.name)
            first = fault.text.splitlines()[0].removeprefix(f"{part}: ")
            self.note(optimizer, part, f"{fault.name} fails on the base too, on this machine, so it is no red: {first}")
        else:
            self.suspects.append(Suspect(optimizer=optimizer, part=part, fault=fault))

    def _file_death(self, optimizer: str, arm: str, error: str) -> None:
        fault = Fault(name=optimizer or "judge", kind="broken", text=error)
        if not optimizer:
            self.faults.append(fault)
        else:
            self.not_running.add(optimizer)
            self._file(optimizer, "", fault, base_too=arm == "base")

    def confirm(self, again: Findings) -> None:
        """Keeps of the suspects what was suspect again in a fresh process; tells what was not."""
        failed = {suspect.fault.name for suspect in again.suspects}
        ended = {suspect.optimizer for suspect in again.suspects if not suspect.part}
        kept = []
        for suspect in self.suspects:
            name, optimizer = suspect.fault.name, suspect.optimizer
            if name in failed or optimizer in ended:  # a process that died has not said of it that it passes
                kept.append(suspect)
            elif again.base_too & {name, optimizer}:
                said = f"{name} fails on the base too, on this machine, in a fresh process, so it is no red"
                self.note(optimizer, suspect.part, said)
            else:
                said = f"{name} failed in the head, and not once more in a fresh process, in float32 and float64"
                self.note(optimizer, suspect.part, f"{said}, so it is no red: {suspect.fault.text.splitlines()[0]}")
        of_dead = {suspect.optimizer for suspect in self.suspects if not suspect.part}
        news = [
            s for s in again.suspects if s.optimizer in of_dead and s.fault.name not in {k.fault.name for k in kept}
        ]
        self.suspects = kept + list({s.fault.name: s for s in news}.values())
        self.faults += again.faults

    def finish(self) -> list[Fault]:
        """Every fault, and the outcome's tables, by name: whichever worker was faster."""
        named = {suspect.fault.name: suspect for suspect in self.suspects}  # in both formats the same is one fault
        for suspect in named.values():
            if suspect.fault.kind == "agreement" and suspect.optimizer in self.outcome.checks:
                ran, failures = self.outcome.checks[suspect.optimizer]
                self.outcome.checks[suspect.optimizer] = ran, failures + 1
        self.outcome.checks = dict(sorted(self.outcome.checks.items()))
        for rows in (self.outcome.losses, self.outcome.gaps):
            rows.sort(key=lambda row: row["optimizer"])  # its own rows come in order
        return sorted([*self.faults, *(suspect.fault for suspect in named.values())], key=lambda fault: fault.name)


def _joined(optimizer: str, part: str) -> str:
    return f"{optimizer}:{part}" if part else optimizer


def _row(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name not in ("kind", "base_too", "wrong")}
