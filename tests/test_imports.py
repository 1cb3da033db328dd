"""Imports are relative, and run one way: bench -> reference -> scratch_impls, and down the wings of bench."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Who may import whom: each name its own folder and those below it. The faces of bench/ (its own files) may import all.
TOPS = ("bench", "reference", "scratch_impls")
WINGS = ("cli", "gate", "report", "battery", "study", "speed", "compare", "adapter", "records")
OURS = {"twinstep", *TOPS}
PACKAGE = ROOT / "bench" / "twinstep"  # what installs as `twinstep` itself
WIDEST = 12  # modules in one folder; a registry, whose files are its entries, may have more


def faults(text: str, place: str) -> list[str]:
    """What is wrong with the imports of one module; place is its path from the root, such as bench/gate/start.py."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [f"absolute import of {a.name}" for a in node.names if a.name.split(".")[0] in OURS]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found += [f"absolute import of {node.module}"] if (node.module or "").split(".")[0] in OURS else []
        elif isinstance(node, ast.ImportFrom):
            folder = Path(place).parent.parts[: len(Path(place).parent.parts) - node.level + 1]
            targets = [node.module] if node.module else [alias.name for alias in node.names]
            found += [said for t in targets if (said := _upwards(Path(place).parts, (*folder, *t.split("."))))]
    return found


def _upwards(place: tuple[str, ...], target: tuple[str, ...]) -> str:
    """Whether an import runs up, between the top folders or between the wings of bench/; "" where it does not."""
    if TOPS.index(target[0]) < TOPS.index(place[0]):
        return f"{place[0]} imports {target[0]}"
    in_wing = place[0] == target[0] == "bench" and len(place) > 2
    if in_wing and (target[1] not in WINGS or WINGS.index(target[1]) < WINGS.index(place[1])):
        return f"bench/{place[1]} imports bench/{target[1]}"
    return ""


def modules():
    """All but those of the package `twinstep` itself, which stands above the three and is imported by nothing."""
    found = [(path, package) for package in TOPS for path in sorted((ROOT / package).rglob("*.py"))]
    return [(path, package) for path, package in found if path.parent != PACKAGE]


def test_imports_are_relative_and_run_down():
    assert len(modules()) > 10
    for path, _ in modules():
        place = path.relative_to(ROOT).as_posix()
        assert not faults(path.read_text(), place), place


def test_every_folder_of_bench_is_a_wing():
    assert {p.parent.name for p in (ROOT / "bench").glob("*/__init__.py")} == {*WINGS, PACKAGE.name}


@pytest.mark.parametrize(
    ("place", "text", "told"),
    [
        ("reference/a.py", "import twinstep.bench", "absolute import"),
        ("reference/a.py", "from bench import replay", "absolute import"),
        ("reference/a.py", "from ..bench import replay", "reference imports bench"),
        ("reference/a.py", "from .. import bench", "reference imports bench"),
        ("reference/a.py", "def late():\n    from ..bench.compare.replay import replay", "reference imports bench"),
        ("bench/records/rows.py", "from ..study import problems", "bench/records imports bench/study"),
        ("bench/battery/checks/cost/memory.py", "from ....report import pages", "bench/battery imports bench/report"),
        ("bench/gate/report.py", "from .. import cli", "bench/gate imports bench/cli"),
        ("bench/adapter/__init__.py", "from ..compare.scenario import cast", "bench/adapter imports bench/compare"),
    ],
)
def test_control_a_wrong_import_is_seen(place, text, told):
    assert any(told in fault for fault in faults(text, place))


def _is_registry(folder: Path) -> bool:
    """A folder whose files are its entries, as many as there are: optimizers, problems, checks, commands."""
    return folder.name in ("scratch_impls", "problems", "cli") or folder.parent.name == "checks"


def wide_folders(root: Path) -> list[str]:
    """The folders with more modules than a reader takes in at a glance, registries aside."""
    folders = {path.parent for package in TOPS for path in (root / package).rglob("*.py")}
    modules = {folder: [p for p in folder.glob("*.py") if p.stem != "__init__"] for folder in folders}
    return [str(f) for f, found in modules.items() if len(found) > WIDEST and not _is_registry(f)]


def test_no_folder_is_wide(tmp_path):
    assert not wide_folders(ROOT)
    (tmp_path / "bench" / "wing").mkdir(parents=True)
    for i in range(WIDEST + 1):  # control
        (tmp_path / "bench" / "wing" / f"m{i}.py").touch()
    assert wide_folders(tmp_path) == [str(tmp_path / "bench" / "wing")]


def test_formulas_need_no_framework():
    """scratch_impls loads without torch, NumPy or anything else that is not in the standard library."""
    code = (
        "import sys, types; m = types.ModuleType('twinstep'); m.__path__ = [sys.argv[1]]; sys.modules['twinstep'] = m\n"
        "import twinstep.bench, twinstep.scratch_impls as s; s.all_specs()\n"
        "print([n for n in ('torch', 'numpy', 'pandas', 'matplotlib', 'click') if n in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(ROOT)], capture_output=True, text=True, check=True, timeout=600
    )
    assert run.stdout.strip() == "[]"


def test_only_reference_names_classes_of_torch_optim():
    for path, package in modules():
        if package != "reference":
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and node.module == "torch.optim":
                    assert [a.name for a in node.names] == ["Optimizer"], path.name
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
                    named = ast.unparse(node)
                    allowed = named == "torch.optim.Optimizer" or named.startswith("torch.optim.lr_scheduler")
                    assert not named.startswith("torch.optim.") or allowed, f"{path.name}: {named}"
