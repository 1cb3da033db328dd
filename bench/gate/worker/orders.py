"""What both tasks of a worker share: the trees that its orders name, and how it writes its messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..config import Settings
from ..trees import Tree

Emit = Callable[..., None]  # emit(kind, **body) writes one message


def load_trees(orders: dict[str, Any], settings: Settings, arms: list[str]) -> Iterator[tuple[str, Tree]]:
    """Each arm's tree, loaded in this order; "null" is a second copy of the base."""
    base = Path(orders["base"])
    tops = {target.partition(":")[0].partition(".")[0] for target in settings.benchmarks} - set(settings.packages)
    for arm in arms:
        root = Path(orders["head"]) if arm == "head" else base
        borrowed = {top: base for top in tops}
        yield arm, Tree(f"_{arm}", root / settings.source, settings.packages, borrowed)
