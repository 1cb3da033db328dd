"""A gate run without processes: what workers would say is given."""

from __future__ import annotations

from twinstep.bench.gate import config, history
from twinstep.bench.gate.config import Plan
from twinstep.bench.gate.program import faults as worker_faults
from twinstep.bench.gate.program.run import run
from twinstep.bench.gate.trees import Checkout
from twinstep.bench.gate.worker import process
from twinstep.bench.gate.worker.process import WorkerDied


class Worker:
    """In the place of worker processes: answers by task, and what was asked."""

    def __init__(self, judge=(), times=None, again=None):
        self.judge, self.times, self.asked = list(judge), times or (lambda process, cell: [1.0] * 40), []
        self.again = self.judge if again is None else list(again)  # in a fresh process, of what was suspect

    def timed(self):
        """The names of the cells of each process that timed."""
        asked = [orders["cells"] for orders in self.asked if orders["task"] == "time"]
        return [[body["name"] for body in cells] for cells in asked]

    def __call__(self, orders, silence_s=0):
        self.asked.append(orders)
        if orders["task"] == "judge":
            yield from self.again if "again" in orders else self.judge
            return
        yield {"kind": "environment", **dict.fromkeys(history.MACHINE, "x")}
        for body in orders["cells"]:
            answer = self.times(orders["process"], body["name"])
            if isinstance(answer, dict):
                yield {"kind": "broken" if "error" in answer else "idle", "cell": body["name"], **answer}
                continue
            arms = {"base": [1.0] * 40, "null": [1.0] * 40, "head": answer}
            yield {"kind": "times", "cell": body["name"], "inner": dict.fromkeys(arms, 1), "seconds": arms, "cpu": arms}


def cell(name):
    body = {"name": f"{name}/default tiny", "optimizer": name, "hyper": {}, "shapes": [[4]], "benchmark": ""}
    return {"kind": "cells", "optimizer": name, "cells": [body]}


def judged(name, *, status="passed", base=True, head=True, base_too=False, more=()):
    yield {"kind": "optimizer", "optimizer": name, "base": base, "head": head}
    if base and head:
        yield cell(name)
    if head:
        said = {"check": "one-step", "status": status, "text": "one-step: said", "base_too": base_too}
        yield {"kind": "check", "optimizer": name, **said}
    yield from more
    yield {"kind": "judged", "optimizer": name}


def of_all(worker):
    """As the messages of several workers, the first of whom does everything."""

    def messages(orders):
        try:
            for message in worker(orders[0]):
                yield 0, message
        except WorkerDied as death:
            yield 0, {"kind": "died", "error": str(death)}

    return messages


def judge_with(tmp_path, monkeypatch, worker, progress=lambda line: None, **fields):
    """The outcome of two empty checkouts."""
    monkeypatch.setattr(worker_faults, "messages", worker)
    monkeypatch.setattr(process, "messages_of_all", of_all(worker))
    for name in ("base", "head"):
        (tmp_path / name).mkdir(exist_ok=True)
    plan = Plan(
        base=Checkout(root=tmp_path / "base", commit="base"), head=Checkout(root=tmp_path / "head", commit="head"),
        settings=config.parse({"formulas": True}), **fields,
    )  # fmt: skip
    return run(plan, history.History(tmp_path / "out"), progress)
