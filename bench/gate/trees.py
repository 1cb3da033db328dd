"""Two versions of one library in one process: each checkout loads below a parent name of its own.

Relative imports find their own tree by themselves. Absolute imports of the library by its own name are led there too,
because every module of a tree gets an `__import__` of that tree: so an import inside a function, run long after
loading, still finds the tree it stands in. Swapping `sys.modules` would not do that.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.abc
import importlib.machinery
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any


class GateError(ValueError):
    """The gate cannot run as it was asked to; the message says what is wrong and what would be right."""


class Tree:
    """The packages below one folder, under a private parent name.

    parent      the name that all of its modules get as a prefix, such as "_base"
    root        the folder in which the packages lie
    packages    the library's own top-level names, whose absolute imports stay inside the tree
    borrowed    top-level name -> the folder that it is loaded from instead: benchmarks come from the base in all trees,
                so that every tree is timed at the same task
    """

    def __init__(
        self, parent: str, root: Path, packages: Sequence[str] = (), borrowed: Mapping[str, Path] | None = None
    ) -> None:
        self.parent, self.root, self.borrowed = parent, root, dict(borrowed or {})
        self.packages = frozenset((*packages, *self.borrowed))
        if parent in sys.modules:
            raise GateError(f"there is already a tree called {parent}")
        module = ModuleType(parent)
        module.__path__ = [str(root)]
        sys.modules[parent] = module
        self._finder = _Finder(self)
        # First: Python's own would find the file as well, and load it without the tree's `__import__`.
        sys.meta_path.insert(0, self._finder)

    def unload(self) -> None:
        """Forgets the tree; what still holds one of its modules keeps it."""
        sys.meta_path.remove(self._finder)
        for name in [n for n in sys.modules if n == self.parent or n.startswith(self.parent + ".")]:
            del sys.modules[name]

    def load(self, name: str) -> ModuleType:
        """The module of that name in this tree. GateError when its own absolute name was imported from elsewhere."""
        module = importlib.import_module(f"{self.parent}.{name}")
        # importlib.import_module("their_lib") bypasses __import__: then both trees would share one module, and compare
        # equal.
        strays = sorted(self.packages & set(sys.modules))
        if strays:
            raise GateError(
                f"{', '.join(strays)} was imported by its own name (by importlib, or by another package), so base and "
                "head cannot be told apart in one process: use import statements"
            )
        return module

    def get(self, target: str) -> Any:
        """What MODULE:NAME names in this tree. GateError when it is not there."""
        module, _, name = target.partition(":")
        found: Any = self.load(module)
        for part in name.split("."):
            if not hasattr(found, part):
                raise GateError(f"{module} has no {name!r}")
            found = getattr(found, part)
        return found

    def _import(self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        top = name.partition(".")[0]
        if level or top not in self.packages:
            return builtins.__import__(name, globals, locals, fromlist, level)
        leaf = importlib.import_module(f"{self.parent}.{name}")
        if fromlist:  # once more by the real one, which imports the submodules that are named
            return builtins.__import__(leaf.__name__, globals, locals, fromlist, 0)
        return sys.modules[f"{self.parent}.{top}"]


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.builtins = {**vars(builtins), "__import__": tree._import}

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if not name.startswith(self.tree.parent + "."):
            return None
        own = name.removeprefix(self.tree.parent + ".")
        if own in self.tree.borrowed:
            path = [str(self.tree.borrowed[own])]
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and isinstance(spec.loader, importlib.machinery.ExtensionFileLoader):
            raise GateError(
                f"{own} is compiled code, which a process loads only once, so base and head cannot stand side by "
                "side in it; gate the Python around it, and time the two builds by hand"
            )
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path, self.builtins)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, own_builtins: dict[str, Any]) -> None:
        super().__init__(name, path)
        self.own_builtins = own_builtins

    def exec_module(self, module: ModuleType) -> None:
        # Functions take their builtins, `__import__` among them, from the module that they are defined in.
        module.__dict__["__builtins__"] = self.own_builtins
        super().exec_module(module)


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """The files of one version.

    commit      twelve digits, "+dirty" when files differ from it
    """

    root: Path
    commit: str


def git(repository: Path, *arguments: str, **options: Any) -> str:
    """What git prints. GateError with its own words."""
    try:
        run = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, text=True, **options)
    except FileNotFoundError:
        raise GateError("git is not installed; the gate reads the base with it") from None
    if run.returncode:
        raise GateError(f"git {arguments[0]}: {run.stderr.strip()}")
    return run.stdout


def repository(start: Path) -> Path:
    """The top of the repository that `start` lies in."""
    try:
        return Path(git(start, "rev-parse", "--show-toplevel").strip())
    except GateError as error:
        raise GateError(f"{start} is not inside a git repository ({error}); the gate compares two commits") from None


def checkout(repo: Path, ref: str, into: Path) -> Checkout:
    """The files of a commit, written below `into`; the repository itself is not touched."""
    try:
        # --end-of-options, so that a ref which begins with a dash is no option; ^{commit}, since a tag may name a tag.
        commit = git(repo, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").strip()
    except GateError:
        shallow = git(repo, "rev-parse", "--is-shallow-repository").strip() == "true"
        why = "; this clone is shallow: `git fetch --unshallow`, or fetch-depth: 0 in a workflow" if shallow else ""
        raise GateError(f"there is no commit {ref!r} here{why or '; `git branch -a` lists what there is'}") from None
    into.mkdir(parents=True)
    # An index of its own: read-tree writes one, and the repository's belongs to whoever is working there.
    # Nor `git worktree add`, which notes the worktree in the repository for as long as nobody prunes it.
    private = {**os.environ, "GIT_INDEX_FILE": str(into.parent / f"{into.name}.index")}
    git(repo, "read-tree", commit, env=private)
    git(repo, "checkout-index", "--all", f"--prefix={into.resolve()}/", env=private)
    return Checkout(root=into, commit=commit[:12])


def snapshot(repo: Path, into: Path) -> Checkout:
    """A copy of the working tree as it lies, without what git ignores: editing goes on while the gate runs."""
    commit = git(repo, "rev-parse", "--short=12", "HEAD").strip()
    dirty = bool(git(repo, "status", "--porcelain").strip())
    for name in git(repo, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        source = repo / name
        if name and source.is_file():  # a file that is deleted but still listed is not there
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, into / name)
    return Checkout(root=into, commit=commit + ("+dirty" if dirty else ""))


def is_ancestor(repo: Path, ref: str) -> bool:
    """Whether the head grew from this commit, so that nothing but the head's own changes is compared."""
    run = subprocess.run(["git", "-C", str(repo), "merge-base", "--is-ancestor", ref, "HEAD"], capture_output=True)
    return run.returncode == 0
