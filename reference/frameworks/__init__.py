"""How frameworks differ where their optimizers have the same name: one data file a framework, assembled here.

keras.toml tells all that is known of Keras, a fact each: of which convention (an axis of _axes.toml, which says what it
is here and in torch), what Keras does, and how that was found. "measured": stepped beside the formula here on the same
gradients, in float64 where no other format is named, with the versions that the file gives, and the cause of a
difference was found in its source. "read": read in source or documentation, and not run.

"As here" and "the same" mean steps that agree to 1e-11, or to 3e-3 where the other has numbers in float32 whatever the
format (optax's RAdam, the Adafactors, timm's RAdamLegacy, some constants of Keras, all of MLX). pytorch_optimizer's
Adafactor stays within 4e-3, since it keeps its steps in bfloat16; of Muon see the format of the iteration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...scratch_impls import Spec, nearest
from .. import data_files
from ..data_files import DataFile

FOLDER = Path(__file__).parent
AXES_FILE = "_axes.toml"


@dataclass(frozen=True, kw_only=True)
class AxisEntry:
    """One convention, as _axes.toml has it; what its keys mean stands there."""

    name: str
    here: Mapping[str, str]
    shows: str
    size: str
    order: tuple[str, ...]
    option: str = ""


@dataclass(frozen=True, kw_only=True)
class Axis(AxisEntry):
    """One convention, with what it is elsewhere, and where."""

    others: str

    def of(self, spec: Spec) -> str:
        """What it is in this formula, found by its name or by its twin's; "" where it does not exist."""
        if self.option and self.option not in spec.defaults:
            return ""
        return self.here.get(spec.name, self.here.get(spec.reference or "", ""))


@dataclass(frozen=True, kw_only=True)
class Fact:
    """What one framework does.

    axis    the convention, by its name in _axes.toml
    says    what it is there
    found   "measured", or "read" in source or documentation
    who     which of its classes, or with which options, told in the place of the framework's name
    source  an issue or a page that tells of it
    place   where it is told among the others that do the same, if not where the framework is
    """

    axis: str
    says: str
    found: Literal["measured", "read"]
    who: str = ""
    source: str = ""
    place: int | None = None


@dataclass(frozen=True, kw_only=True)
class Framework:
    """All that is known of one framework.

    place           where it is told among others that do the same: by this number
    kind            "software", or a "text" such as a paper, of which everything was read
    measured_with   the versions that were run; none where nothing was
    """

    name: str
    place: int
    kind: Literal["software", "text"]
    facts: tuple[Fact, ...]
    measured_with: str = ""


@dataclass(frozen=True, kw_only=True)
class AxesFile:
    axes: Mapping[str, AxisEntry]


def read(folder: Path = FOLDER) -> tuple[Axis, ...]:
    """The conventions of a folder, in the order of _axes.toml. DataFileError says what is wrong with a file."""
    axes = data_files.read(folder / AXES_FILE, AxesFile)
    files = [data_files.read(path, Framework) for path in sorted(folder.glob("[!_]*.toml"))]
    for file in files:
        _check(file, axes.content.axes)
    told = [(f.content, fact) for f in files for fact in f.content.facts]
    told.sort(key=lambda one: one[0].place if one[1].place is None else one[1].place)
    found = []
    for key, entry in axes.content.axes.items():
        labels: dict[str, list[str]] = {way: [] for way in entry.order}
        for framework, fact in told:
            if fact.axis == key:
                labels.setdefault(fact.says, []).append(_label(framework, fact))
        # `order` alone would keep a way on the page that no framework has any more.
        for way in labels:
            if not labels[way]:
                raise axes.error(("axes", key, "order"), f"no framework's file says {way!r} of {key}")
        others = "; ".join(f"{way}: {', '.join(who)}" for way, who in labels.items())
        found.append(Axis(**vars(entry), others=others))
    return tuple(found)


def _check(file: DataFile[Framework], axes: Mapping[str, AxisEntry]) -> None:
    framework = file.content
    if not data_files.is_named(file.path, framework.name):
        raise file.error(("name",), f"the framework is {framework.name!r}, and the file is {file.path.name}")
    for i, fact in enumerate(framework.facts):
        if fact.axis not in axes:
            known = nearest(fact.axis, list(axes))
            raise file.error(("facts", i, "axis"), f"{AXES_FILE} has no axis {fact.axis!r}: {known}")
        if framework.facts.index(fact) < i:
            raise file.error(("facts", i), "this fact stands here twice")
        if fact.found == "measured" and not framework.measured_with:
            raise file.error(("facts", i, "found"), "it is measured, and the file does not say with which versions")


def _label(framework: Framework, fact: Fact) -> str:
    """Who does it, as the table names them: optax (optax#1725), Paddle (read)."""
    notes = [fact.source] if fact.source else []
    if fact.found == "read" and framework.kind == "software":  # of a text there is nothing else to do
        notes.append("read")
    return " ".join([fact.who or framework.name, *(f"({note})" for note in notes)])


AXES: tuple[Axis, ...] = read()


def axes_of(spec: Spec) -> tuple[Axis, ...]:
    """The conventions that concern a formula."""
    return tuple(axis for axis in AXES if axis.of(spec))
