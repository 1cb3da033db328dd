"""docs/public.md and the code agree on what is public, and every report says which Twinstep made it."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from twinstep import bench, scratch_impls
from twinstep.bench import pytest_plugin
from twinstep.bench.battery import result
from twinstep.bench.cli import cli
from twinstep.bench.cli import names as commands
from twinstep.bench.gate import report
from twinstep.bench.gate.config import Entry, Settings
from twinstep.bench.gate.outcome import Outcome
from twinstep.bench.records.rows import KINDS, environment
from twinstep.scratch_impls import vocabulary

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "public.md").read_text(encoding="utf-8")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def section(title):
    (found,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return found


def listed(title):
    """What the first column of a section's table names."""
    return re.findall(r"^\| `([^`]+)` \|", section(title), re.MULTILINE)


def row(title, name):
    (found,) = re.findall(rf"^\| `{re.escape(name)}` \| (.*) \|$", section(title), re.MULTILINE)
    return found


def differences(page, code):
    """What only one side has."""
    return {f"only the page has {n}" for n in set(page) - set(code)} | {
        f"the page lacks {n}" for n in set(code) - set(page)
    }


class Options:
    """Stands for pytest's parser and group: keeps the names of options."""

    def __init__(self):
        self.names = []

    def getgroup(self, *_):
        return self

    def addoption(self, name, **_):
        self.names.append(name)


def plugin_options():
    options = Options()
    pytest_plugin.pytest_addoption(options)
    return options.names


@pytest.mark.parametrize(
    ("title", "code"),
    [
        ("Python: `twinstep.bench`", bench.__all__),
        (
            "Formula files: `twinstep.scratch_impls`",
            set(scratch_impls.__all__) - set(vocabulary.__all__),  # tests/test_vocabulary.py holds their own page
        ),
        ("pytest", plugin_options()),
    ],
)
def test_the_page_lists_what_the_code_declares(title, code):
    assert not differences(listed(title), code)
    assert differences([*listed(title), "more"], code) == {"only the page has more"}, "control"
    assert differences(listed(title)[1:], code) == {f"the page lacks {listed(title)[0]}"}, "control"


def test_every_command_is_promised_or_said_to_be_ours():
    promised = [name.removeprefix("twinstep ") for name in listed("Commands")]
    ours = re.findall(r"`twinstep (\w+)`", section("Commands").rpartition("|\n")[2])
    assert ours and not set(ours) & set(promised)
    assert not differences([*promised, *ours], commands())


@pytest.mark.parametrize("name", bench.__all__)
def test_every_public_name_of_bench_is_there(name):
    assert getattr(bench, name).__name__ == name
    assert name in dir(bench)


def test_signatures_and_fields_are_those_of_the_page():
    title = "Python: `twinstep.bench`"
    for name in ("check_optimizer", "as_optimizer"):
        said = re.findall(r"\w+", row(title, name).partition("(")[2].partition(")")[0])
        assert [n for n in said if n not in ("None", "False")] == list(
            inspect.signature(getattr(bench, name)).parameters
        )
    for cls in (bench.CheckReport, bench.CheckResult):
        said = re.findall(r"`(\w+)(?:\(\))?`", row(title, cls.__name__).partition(": ")[2])
        properties = {name for name, value in vars(cls).items() if not name.startswith("_")}
        fields = {field.name for field in dataclasses.fields(cls)}
        assert not differences(said, properties | fields), cls.__name__


def test_the_files_are_those_of_the_page():
    said = section("Files")
    for place, number in (("bench/battery/report", result.SCHEMA), ("bench/gate/gate", report.SCHEMA)):
        schema = json.loads((ROOT / f"{place}.schema.json").read_text(encoding="utf-8"))
        assert schema["properties"]["schema"]["const"] == number
        assert f"(../{place}.schema.json), schema {number} |" in said
    table = next(line for line in said.splitlines() if line.startswith("| `[tool.twinstep.gate]`"))
    keys = {field.name for kind in (Settings, Entry) for field in dataclasses.fields(kind)}
    assert not differences(re.findall(r"`(\w+)`", table), keys)
    assert not differences(re.findall(r"`(\w+)`", next(x for x in said.splitlines() if "Parquet" in x)), KINDS)


def test_what_a_gate_of_an_older_tree_calls_is_there():
    paths = re.findall(r"`([\w.]+)`", section("Other trees"))
    assert len(paths) == 5
    for path in paths:
        module, _, name = path.rpartition(".")
        assert callable(getattr(importlib.import_module(f"twinstep.{module}"), name)), path


def test_what_is_pickled_is_found_by_the_name_of_the_page():
    (path,) = re.findall(r"`(twinstep\.[\w.]+)`", row("Python: `twinstep.bench`", "as_optimizer"))
    module, _, name = path.rpartition(".")
    assert getattr(importlib.import_module(module), name) is bench.as_optimizer("adam")


def test_every_link_leads_somewhere():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", PAGE) if "://" not in link]
    assert len(links) > 3
    assert not [link for link in links if not (ROOT / "docs" / link).exists()]


# --- the version ---------------------------------------------------------------------------------------------------


def test_the_version_is_in_changelog_and_command():
    released = re.findall(r"^## \[(\d[\d.]*)\] - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    coming = re.search(r"^## \[Unreleased\]\n\s*###", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released[0] == VERSION or coming, "the version that is being made is told under [Unreleased]"
    assert CliRunner().invoke(cli, ["--version"]).output == f"{VERSION}\n"


def test_every_report_says_which_version_made_it(tmp_path):
    saved = tmp_path / "report.json"
    done = CliRunner().invoke(
        cli, ["check", "torch.optim:SGD", "--quick", "--checks", "step-moves", "--json", str(saved)]
    )
    assert done.exit_code == 0, done.output
    assert json.loads(saved.read_text())["environment"]["twinstep"] == VERSION
    assert f"(Twinstep {VERSION})" in done.output, "in the table's title"
    assert environment()["twinstep"] == VERSION, "in every row of a table"
    found = Outcome(base="a", head="b", threshold=0.03)
    assert report.body(found)["twinstep"] == VERSION
    assert f"Twinstep {VERSION}" in report.markdown(found)
    properties = ElementTree.fromstring(report.junit(found)).findall("testsuite/properties/property")
    assert [(p.get("name"), p.get("value")) for p in properties] == [("twinstep", VERSION)]
