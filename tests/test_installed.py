"""A wheel of this tree, installed elsewhere, works: every package and data file is in it, and so is each command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("bench", "reference", "scratch_impls")
CHECKS = "one-step,step-moves"


def run(command, folder, environment=None):
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tree(folder):
    """What a wheel is built from, in a folder of its own: a build leaves files beside its source."""
    ignored = shutil.ignore_patterns("__pycache__")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return folder


def wheel(source, folder):
    """Built by the setuptools of this environment, so without network."""
    options = (
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--disable-pip-version-check",
        "-q",
        "-w",
        str(folder),
    )
    run([sys.executable, "-m", "pip", "wheel", *options, str(source)], folder)
    (built,) = folder.glob("*.whl")
    return built


def missing(built):
    """The files of the packages, data included, that a wheel lacks; bench/twinstep is `twinstep` itself."""
    there = set(zipfile.ZipFile(built).namelist())
    files = (p for package in PACKAGES for p in (ROOT / package).rglob("*") if p.is_file() and p.suffix != ".pyc")
    names = (p.relative_to(ROOT).as_posix() for p in files)
    return sorted(name for name in names if f"twinstep/{name.removeprefix('bench/twinstep/')}" not in there)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return wheel(tree(tmp_path_factory.mktemp("source")), tmp_path_factory.mktemp("wheel"))


def test_the_wheel_has_every_package_and_data_file(built):
    assert not missing(built)
    names = zipfile.ZipFile(built).namelist()
    assert any(name.endswith("report.schema.json") for name in names), "there are data files"
    assert not [name for name in names if name.startswith("twinstep/bench/twinstep/")], "it is twinstep itself"
    others = {name.partition("/")[0] for name in names if not name.startswith("twinstep/")}
    assert all(name.endswith(".dist-info") for name in others), f"installed beside twinstep: {others}"


def test_control_a_package_or_a_data_file_that_is_left_out_is_seen(tmp_path):
    source, folder = tree(tmp_path / "source"), tmp_path / "wheel"
    folder.mkdir()
    for file, old, new in (
        ("setup.py", 'exclude=["bench', 'exclude=["bench.speed*", "bench'),
        ("pyproject.toml", '"*.json"', '"*.jason"'),
    ):
        text = (source / file).read_text()
        assert text.count(old) == 1, f"{file} has no {old}: change this control with it"
        (source / file).write_text(text.replace(old, new))
    lacks = missing(wheel(source, folder))
    assert {"bench/speed/timing.py", "bench/battery/report.schema.json"} <= set(lacks)
    assert {Path(name).parent.name for name in lacks if name.endswith(".py")} == {"speed"}


def test_what_is_installed_judges_an_optimizer_in_an_empty_folder(built, tmp_path):
    """The command and pytest's plugin, which nothing but the wheel's entry points names."""
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    options = ("--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check", "-q", "--target", str(site))
    run([sys.executable, "-m", "pip", "install", *options, str(built)], empty)
    dropped = ("PYTEST_", "PYTHON", "COV_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    environment["PYTHONPATH"] = str(site)

    def twinstep(*arguments):
        return run([sys.executable, str(site / "bin" / "twinstep"), *arguments], empty, environment)

    where = run([sys.executable, "-c", "import twinstep.bench as b; print(b.__file__)"], empty, environment)
    assert Path(where.strip()).is_relative_to(site), "the installed one is judged"
    assert twinstep("--version").strip() in built.name, "from its metadata: no pyproject.toml is installed"
    version = run([sys.executable, "-c", "import twinstep; print(twinstep.__version__)"], empty, environment)
    module = run([sys.executable, "-m", "twinstep", "--version"], empty, environment)
    assert version == module == twinstep("--version")
    said = twinstep("check", "torch.optim:SGD", "--quick", "--checks", CHECKS)
    assert "torch.optim:SGD: 2 checks ran: 2 passed, 0 failed" in said
    assert "--base" in twinstep("gate", "--help")
    command = [sys.executable, "-m", "pytest", "--twinstep", "torch.optim:SGD", "--twinstep-quick", "-v"]
    said = run([*command, "-k", CHECKS.replace(",", " or ")], empty, environment)
    assert "SGD::one-step PASSED" in said, said
    assert "torch.optim:SGD: 2 checks ran: 2 passed" in said
