"""Two versions of one library in one process, and the checkouts that they come from."""

from __future__ import annotations

import itertools
import subprocess
import sys

import pytest

from twinstep.bench.gate import config
from twinstep.bench.gate.trees import GateError, Tree, checkout, is_ancestor, repository, snapshot

NUMBER = itertools.count()


def library(root, constant):
    """A package whose functions reach the constant in every way that Python has."""
    package = root / "lib_under_gate"
    (package / "sub").mkdir(parents=True)
    (package / "constant.py").write_text(f"VALUE = {constant}\n")
    (package / "sub" / "__init__.py").write_text("")
    (package / "sub" / "deep.py").write_text("from lib_under_gate.constant import VALUE\n")
    (package / "__init__.py").write_text(
        "import lib_under_gate.constant\n"
        "import lib_under_gate.sub.deep as deep\n"
        "from . import constant as relative\n\n"
        "def absolute(): return lib_under_gate.constant.VALUE\n"
        "def aliased(): return deep.VALUE\n"
        "def eager(): return relative.VALUE\n"
        "def lazy():\n    from lib_under_gate.constant import VALUE\n    return VALUE\n"
        "def lazy_module():\n    import lib_under_gate.constant\n    return lib_under_gate.constant.VALUE\n"
        "def lazy_relative():\n    from .sub.deep import VALUE\n    return VALUE\n"
        "def by_importlib():\n    import importlib\n    importlib.import_module('lib_under_gate.constant')\n"
    )
    return root


@pytest.fixture
def trees(tmp_path):
    """Two trees that differ in a constant, under names that no other test uses."""
    number = next(NUMBER)
    pair = [Tree(f"_tree{number}_{i}", library(tmp_path / str(i), i), ["lib_under_gate"]) for i in (1, 2)]
    yield pair
    for tree in pair:
        tree.unload()


@pytest.mark.parametrize("way", ["absolute", "aliased", "eager", "lazy", "lazy_module", "lazy_relative"])
def test_every_import_stays_in_its_own_tree(trees, way):
    loaded = [tree.load("lib_under_gate") for tree in trees]
    assert [getattr(module, way)() for module in loaded] == [1, 2]
    assert [getattr(module, way)() for module in loaded[::-1]] == [2, 1]  # whoever was loaded last


def test_control_swapping_sys_modules_mixes_the_trees(tmp_path, monkeypatch):
    """What the trees replace: a lazy import then finds whichever version was imported last."""
    found = []
    for i in (1, 2):
        library(tmp_path / str(i), i)
        monkeypatch.syspath_prepend(tmp_path / str(i))
        for name in [n for n in sys.modules if n.split(".")[0] == "lib_under_gate"]:
            del sys.modules[name]
        found.append(__import__("lib_under_gate"))
    assert [module.eager() for module in found] == [1, 2]
    assert [module.lazy() for module in found] == [2, 2]
    for name in [n for n in sys.modules if n.split(".")[0] == "lib_under_gate"]:
        del sys.modules[name]


def test_an_import_by_its_own_name_is_refused(trees, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(tmp_path / "1")
    module = trees[0].load("lib_under_gate")
    module.by_importlib()
    try:
        with pytest.raises(GateError, match="cannot be told apart"):
            trees[0].load("lib_under_gate.sub")
    finally:
        for name in [n for n in sys.modules if n.split(".")[0] == "lib_under_gate"]:
            del sys.modules[name]


def test_benchmarks_are_borrowed_from_the_base(tmp_path):
    for i in (1, 2):
        library(tmp_path / str(i), i)
        (tmp_path / str(i) / "steps_of_lib.py").write_text(
            f"import lib_under_gate\nTASK = {i}\ndef task(): return TASK, lib_under_gate.lazy()\n"
        )
    head = Tree(f"_tree{next(NUMBER)}", tmp_path / "2", ["lib_under_gate"], {"steps_of_lib": tmp_path / "1"})
    try:
        assert head.get("steps_of_lib:task")() == (1, 2)  # the base's task on the head's library
        with pytest.raises(GateError, match="has no 'nothing'"):
            head.get("steps_of_lib:nothing")
    finally:
        head.unload()


def git(repo, *arguments):
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", repo, *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def repo(tmp_path):
    found = tmp_path / "repo"
    found.mkdir()
    git(found, "init", "-q", "-b", "main")
    (found / "kept.py").write_text("old")
    (found / "gone.py").write_text("old")
    (found / ".gitignore").write_text("ignored.py")
    git(found, "add", ".")
    git(found, "commit", "-qm", "one")
    return found


def test_base_is_the_commit_and_head_is_the_tree_as_it_lies(repo, tmp_path):
    (repo / "kept.py").write_text("new")
    (repo / "gone.py").unlink()
    (repo / "added.py").write_text("new")
    (repo / "ignored.py").write_text("new")
    base, head = checkout(repo, "main", tmp_path / "base"), snapshot(repo, tmp_path / "head")
    assert (base.root / "kept.py").read_text() == "old" and (base.root / "gone.py").exists()
    assert {p.name for p in head.root.iterdir()} == {"kept.py", "added.py", ".gitignore"}
    assert (head.root / "kept.py").read_text() == "new"
    assert len(base.commit) == 12 and head.commit == base.commit + "+dirty"
    assert (repo / "kept.py").read_text() == "new"  # the repository itself is as it was


def test_what_is_no_commit_or_no_repository_is_told(repo, tmp_path):
    with pytest.raises(GateError, match="there is no commit 'nosuch'"):
        checkout(repo, "nosuch", tmp_path / "base")
    with pytest.raises(GateError, match="there is no commit '--all'"):
        checkout(repo, "--all", tmp_path / "base")
    with pytest.raises(GateError, match="not inside a git repository"):
        repository(tmp_path)
    git(repo, "commit", "-q", "--allow-empty", "-m", "two")
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{repo}", tmp_path / "shallow"], check=True)
    with pytest.raises(GateError, match="fetch-depth: 0"):
        checkout(tmp_path / "shallow", "HEAD~1", tmp_path / "base")
    assert is_ancestor(repo, "HEAD~1") and not is_ancestor(tmp_path / "shallow", "HEAD~1")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"formulas": True, "treshold": 0.1}, "did you mean 'threshold'"),
        ({"formulas": True, "threshold": 0}, "between 0 and 1"),
        ({"threshold": 0.1}, "nothing to guard"),
        ({"optimizers": [{"against": "rmsprop"}]}, "optimizer"),
        ({"optimizers": [{"optimizer": "their_lib"}]}, "write MODULE:NAME"),
        ({"optimizers": ["their_lib:TheirAdam"]}, "no table"),
        ({"benchmarks": ["steps"]}, "write MODULE:NAME"),
    ],
)
def test_settings_that_cannot_be_are_refused(table, said):
    with pytest.raises(GateError, match=said):
        config.parse(table)


def test_a_head_that_loosens_its_own_gate_is_told(tmp_path):
    base, head = config.parse({"formulas": True}), config.parse({"formulas": True, "threshold": 0.5})
    assert config.differences(base, head) == ["the head sets threshold = 0.5; judged by the base's 0.03"]
    assert config.differences(base, base) == []
    assert "no [tool.twinstep.gate]" in config.differences(base, None)[0]
    assert config.read(tmp_path) is None
    (tmp_path / "pyproject.toml").write_text("[tool.twinstep.gate\n")
    with pytest.raises(GateError, match="cannot be read"):
        config.read(tmp_path)
