"""Imports inside the project are relative and point one way: bench -> reference -> scratch_impls."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED = {
    "scratch_impls": {"scratch_impls"},
    "reference": {"reference", "scratch_impls"},
    "bench": {"bench", "reference", "scratch_impls"},
}
OURS = {"twinstep", *ALLOWED}


def faults(text: str, package: str, depth: int) -> list[str]:
    """What is wrong with the imports of one module; depth is the number of folders between it and the root."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [f"absolute import of {a.name}" for a in node.names if a.name.split(".")[0] in OURS]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found += [f"absolute import of {node.module}"] if (node.module or "").split(".")[0] in OURS else []
        elif isinstance(node, ast.ImportFrom) and node.level > depth:
            targets = [node.module.split(".")[0]] if node.module else [a.name for a in node.names]
            found += [f"{package} imports {t}" for t in targets if t not in ALLOWED[package]]
    return found


def modules():
    return [(path, package) for package in ALLOWED for path in sorted((ROOT / package).rglob("*.py"))]


def test_imports_are_relative_and_point_one_way():
    assert len(modules()) > 10
    for path, package in modules():
        depth = len(path.relative_to(ROOT).parts) - 1
        assert not faults(path.read_text(), package, depth), f"{path.relative_to(ROOT)}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import twinstep.bench", "absolute import"),
        ("from bench import replay", "absolute import"),
        ("from ..bench import replay", "reference imports bench"),
        ("from .. import bench", "reference imports bench"),
        ("def late():\n    from ..bench.replay import replay", "reference imports bench"),
    ],
)
def test_control_a_wrong_import_is_seen(text, told):
    assert any(told in fault for fault in faults(text, "reference", 1))


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
