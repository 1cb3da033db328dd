"""How tests ask for a battery, and what is read of the answer."""

from __future__ import annotations

import json

import this_tree
from click.testing import CliRunner

from twinstep.bench.cli import cli

SCHEMA = json.loads((this_tree.ROOT / "bench" / "battery" / "report.schema.json").read_text(encoding="utf-8"))
FEW = "step-moves,global-state,closure,sparse,cuda,learning-rate-change"
RIGHT = ("their_optimizers:Right", "--against", "rmsprop", "--quick")


def check(*args):
    """`twinstep check` in this process."""
    return CliRunner().invoke(cli, ["check", *map(str, args)])


def verdicts(report):
    return {result.check: result.status for result in report.results}
