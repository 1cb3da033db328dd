"""The quick battery over torch's classes, each on every path, and our formulas, as one setting of a processor has it.

`python tests/one_setting.py THREADS [MODULE:NAME ...]` prints one JSON line for each subject: its name and its faults;
first a line that says what runs here. The setting itself is environment variables, which torch and its matrix library
read once, when they are loaded: so it is a process of its own, and whoever starts it sets them.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
from collections.abc import Iterator
from typing import Any

import this_tree

this_tree.use_this_tree()

import torch  # noqa: E402

from twinstep import scratch_impls  # noqa: E402
from twinstep.bench.adapter import as_optimizer  # noqa: E402
from twinstep.bench.battery.context import context_for  # noqa: E402
from twinstep.bench.battery.judge import judge  # noqa: E402
from twinstep.bench.battery.request import resolve  # noqa: E402
from twinstep.reference import torch_paths  # noqa: E402
from twinstep.reference.known_defects import expected_failures  # noqa: E402


def subjects() -> Iterator[tuple[str, Any]]:
    """Every formula; every class of torch as it comes, and by each path that one can ask for."""
    for name in scratch_impls.names():
        yield name, as_optimizer(name)
    for cls in sorted({spec.reference for spec in scratch_impls.all_specs() if spec.reference}):
        make = torch_paths.twin(cls)
        yield f"torch.optim:{cls}", make
        for path in (path for path in torch_paths.paths(cls) if path != "forloop"):
            yield f"torch.optim:{cls} {path}", functools.partial(make, **{path: True})


def faults(name: str, make: Any, threads: int) -> list[str]:
    """What the quick battery finds, but for the defects that are known on every processor."""
    context = dataclasses.replace(context_for(make, quick=True, label=name), threads=threads)
    report = judge(context, expected_failures=expected_failures(make, context.dtypes))
    few = [] if report.ran >= 22 or not context.against else [f"only {report.ran} checks ran"]
    return [str(result) for result in report.results if result.bad] + few


def main(threads: int, targets: list[str]) -> None:
    print(json.dumps({"capability": torch.backends.cpu.get_cpu_capability(), "threads": threads}), flush=True)
    chosen = [(target, resolve(target)) for target in targets] or subjects()
    for name, make in chosen:
        print(json.dumps({"subject": name, "faults": faults(name, make, threads)}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
