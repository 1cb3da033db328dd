"""The wrong optimizers of one check's file: each must fail that check, with a verdict that says what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from .one_check import verdict


@dataclass(frozen=True)
class Control:
    """An optimizer that the check must fail, held against `against`, in a verdict that contains these words."""

    make: Any
    check: str
    words: tuple[str, ...]
    against: Any

    def assert_caught(self) -> None:
        found = verdict(self.make, self.check, self.against)
        name = self.make.__name__
        assert found.status == "failed", f"{name} passes {self.check}, which must say {self.words}: {found}"
        missing = [word for word in self.words if word not in str(found)]
        assert not missing, f"{name} fails {self.check}, but the verdict does not say {missing}: {found}"


class Controls:
    """The controls of one check: `@controls.caught(words)` adds a class, `@controls.each` makes the test of all."""

    def __init__(self, check: str) -> None:
        self.check = check
        self.found: list[Control] = []

    def caught(self, *words: str, against: Any = None) -> Any:
        """The class below it must fail the check, and the verdict contain these words."""

        def add(make: Any) -> Any:
            self.found.append(Control(make, self.check, words, against))
            return make

        return add

    @property
    def each(self) -> Any:
        """Parametrizes `control`. Below the classes: it knows those that were added before."""
        return pytest.mark.parametrize("control", self.found, ids=lambda control: control.make.__name__)
