"""The data files of reference/: as their schemas say, found by being there, and refused with file and line if wrong."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest
import referencing
import this_tree

from twinstep.bench.cli._terminal import BadInput, bad_input
from twinstep.reference import frameworks
from twinstep.reference.data_files import DataFileError
from twinstep.reference.known_defects import DEFECTS, _reader, defects_of

FOLDERS = {"frameworks": frameworks.read, "known_defects": _reader.read}
REFERENCE = this_tree.ROOT / "reference"
FILES = sorted(p.relative_to(REFERENCE).as_posix() for folder in FOLDERS for p in (REFERENCE / folder).glob("*.toml"))
SCHEMAS = {p.name: json.loads(p.read_text(encoding="utf-8")) for p in REFERENCE.glob("*/*.schema.json")}


def faults(text: str) -> list[str]:
    """What the schema that the first line names has against a file."""
    schema = SCHEMAS[text.partition("\n")[0].removeprefix("#:schema ")]
    drafts = referencing.jsonschema.DRAFT202012
    known = referencing.Registry().with_resources((name, drafts.create_resource(s)) for name, s in SCHEMAS.items())
    validator = jsonschema.Draft202012Validator(schema, registry=known)
    return [f"{e.json_path}: {e.message}" for e in validator.iter_errors(tomllib.loads(text))]


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_the_schemas_are_schemas(schema):
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("file", FILES)
def test_every_file_is_as_its_schema_says(file):
    text = (REFERENCE / file).read_text(encoding="utf-8")
    assert (REFERENCE / file).with_name(text.partition("\n")[0].removeprefix("#:schema ")).is_file()
    assert faults(text) == []


def _keys(kind: type) -> tuple[set[str], set[str]]:
    """The keys of a dataclass, and those that must be given."""
    fields = dataclasses.fields(kind)
    missing = dataclasses.MISSING
    return {f.name for f in fields}, {f.name for f in fields if f.default is f.default_factory is missing}


SAME = [
    ("framework.schema.json", "", frameworks.Framework),
    ("framework.schema.json", "fact", frameworks.Fact),
    ("axes.schema.json", "", frameworks.AxesFile),
    ("axes.schema.json", "axis", frameworks.AxisEntry),
    ("class.schema.json", "", _reader.ClassFile),
    ("class.schema.json", "defect", _reader.Entry),
    ("class.schema.json", "comparison", _reader.Comparison),
    ("shared.schema.json", "", _reader.SharedFile),
]


@pytest.mark.parametrize(("schema", "part", "kind"), SAME, ids=[kind.__name__ for *_, kind in SAME])
def test_schema_and_reader_know_the_same_keys(schema, part, kind):
    """Two descriptions of one file, so that reading needs no more than Python: they must not drift apart."""
    said = SCHEMAS[schema]["$defs"][part] if part else SCHEMAS[schema]
    assert (set(said["properties"]), set(said["required"])) == _keys(kind)
    assert said["additionalProperties"] is False


# Adding one


NOVEL_FRAMEWORK = """\
#:schema framework.schema.json
name = "Novel Frame"
place = 1000
kind = "software"

[[facts]]
axis = "adam-weight-decay"
says = "upside down"
found = "read"
source = "novel#1"

[[facts]]
axis = "adam-bias-correction"
who = "Novel's Adam"
says = "off"
found = "read"
"""

NOVEL_CLASS = """\
#:schema class.schema.json
name = "NovelClass"
place = 1000
shared = ["load-aliases"]

[defects.novel-defect]
place = 1
checks = ["one-step"]
paths = ["default"]
seen = "torch 9.9, CPU"
reason = "it steps the wrong way"
reproduction = '''
import torch
assert torch.optim.NovelClass
'''
"""

PAGES = ("gallery.md", "torch-defects.md")
MAKE_PAGES = """\
import sys; sys.path.insert(0, sys.argv[1] + "/tests")
import this_tree, pathlib; this_tree.use_this_tree(pathlib.Path(sys.argv[1]))
import torch; torch.optim.NovelClass = type("NovelClass", (torch.optim.SGD,), {})
from twinstep.bench.report import defects, pages
from twinstep.scratch_impls import all_specs
sys.stdout.reconfigure(encoding="utf-8")
print(pages.page(all_specs(), {}), defects.page())
"""


@pytest.fixture
def copied(tmp_path):
    """A copy of the tree, as far as the pages are made from it."""
    for folder in ("bench", "reference", "scratch_impls"):
        shutil.copytree(this_tree.ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "tests").mkdir()
    shutil.copy(this_tree.ROOT / "tests" / "this_tree.py", tmp_path / "tests")
    return tmp_path


def test_one_new_file_is_a_framework_or_a_class_on_the_pages(copied):
    """Without a change of any program."""
    assert faults(NOVEL_FRAMEWORK) == faults(NOVEL_CLASS) == []
    assert "Novel" not in "".join((this_tree.ROOT / "docs" / page).read_text(encoding="utf-8") for page in PAGES)
    (copied / "reference/frameworks/novel_frame.toml").write_text(NOVEL_FRAMEWORK, encoding="utf-8")
    (copied / "reference/known_defects/novel_class.toml").write_text(NOVEL_CLASS, encoding="utf-8")
    lines = _pages(copied).splitlines()
    decay, correction = (next(line for line in lines if text in line) for text in ("upside down", "Novel's Adam"))
    assert "; none: optax, MLX; upside down: Novel Frame (novel#1) (read) |" in decay
    assert "| off: MLX unless bias_correction=True, Novel's Adam (read) |" in correction
    assert "| [novel-defect](#novel-defect) | `NovelClass` | default | `one-step` |" in lines
    assert "It steps the wrong way." in lines
    shared = next(line for line in lines if line.startswith("| [load-aliases]"))
    assert "`SparseAdam`, `NovelClass` |" in shared


def test_control_the_command_line_tells_it_in_one_line(copied):
    file = copied / "reference" / RADAM
    file.write_text(file.read_text(encoding="utf-8").replace("place = 90", "plaec = 90"), encoding="utf-8")
    command = [sys.executable, "tests/this_tree.py", "check", "gd", "--checks", "one-step"]
    run = subprocess.run(command, cwd=copied, capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 2
    assert "radam.toml:3: there is no key 'plaec' here: did you mean 'place'?" in run.stderr
    assert "Traceback" not in run.stderr
    with pytest.raises(BadInput), bad_input():  # as the other commands tell it
        _reader.read(file.parent)


def _pages(root: Path) -> str:
    command = [sys.executable, "-c", MAKE_PAGES, str(root)]
    run = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=600, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_file_of_a_class_tells_all_that_is_known_of_it():
    for path in (REFERENCE / "known_defects").glob("[!_]*.toml"):
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        everywhere = {d.name for p in ("default", "foreach", "fused") for d in defects_of(told["name"], p, ["float64"])}
        anywhere = {d.name for d in DEFECTS if told["name"] in d.classes}
        assert everywhere <= anywhere == {*told["shared"], *told.get("defects", ())}, path.name


# Bad input: folder/file, text, what it becomes, the line that is told, and what is said of it

RADAM, SHARED, KERAS, AXES = (
    "known_defects/radam.toml",
    "known_defects/_shared.toml",
    "frameworks/keras.toml",
    "frameworks/_axes.toml",
)
WRONG = {
    "an unknown key": (RADAM, "paths = [", "path = [", "path = [", "no key 'path' here: did you mean 'paths'"),
    "an unknown key of a file": (RADAM, "shared = [", "shares = [", "shares = [", "did you mean 'shared'"),
    "an unknown key of a fact": (KERAS, 'found = "measured"\n', 'fond = "measured"\n', "fond =", "no key 'fond' here"),
    "a key that lacks": (RADAM, "seen = ", "# ", "[defects.radam", "zero-gradients' lacks the key 'seen'"),
    "a fact that lacks one": (KERAS, 'says = "no dampening"\n', "", None, "entry 2 of 'facts' lacks the key 'says'"),
    "text for a list": (RADAM, 'paths = ["foreach"]', 'paths = "foreach"', 'paths = "for', "must be a list"),
    "text for a number": (RADAM, "place = 90", 'place = "90"', 'place = "90"', "'place' is '90', and must be a whole"),
    "a truth for a number": (KERAS, "place = 40", "place = true", "place = true", "must be a whole number"),
    "a number for text": (AXES, 'shows = "every step"', "shows = 1", "shows = 1", "'shows' is 1, and must be text"),
    "a list for a table": (AXES, "[axes.lbfgs-memory]", "[[axes.lbfgs-memory]]", "[[axes.", "must be a table"),
    "a path that is none": (RADAM, '["foreach"]', '["for-each"]', '["for-each"]', "can be 'default', 'foreach'"),
    "how it was found": (KERAS, 'found = "measured"', 'found = "guessed"', 'found = "gue', "can be 'measured', 'read'"),
    "no exception": (SHARED, '"AssertionError"', '"Assertion"', "[defects.float32-numbers.comparison]", "an exception"),
    "broken syntax": (RADAM, "place = 90", "place 90", "place 90", "it is not TOML: Expected '='"),
    "a text that does not end": (RADAM, "foreach\n'''", "foreach", None, "it is not TOML"),
    "a key twice": (RADAM, "place = 90", "place = 90\nplace = 90", None, "it is not TOML: Cannot overwrite"),
    "a shared defect that is none": (RADAM, '["load-aliases"', '["load-alias"', "shared =", "no defect 'load-alias'"),
    "a shared defect named twice": (RADAM, '["load-', '["load-aliases", "load-', "shared =", "is named twice"),
    "a defect of another file": (RADAM, "[defects.radam-foreach-zero-gradients]", "[defects.fused-sgd-half]",
                                 "[defects.fused-sgd-half]", "stands in sgd.toml already"),
    "a shared defect's name": (RADAM, "[defects.radam-foreach-zero-gradients]", "[defects.load-aliases]",
                               "[defects.load-aliases]", "stands in _shared.toml already"),
    "another class": (RADAM, 'name = "RAdam"', 'name = "NAdam"', "name =", "'NAdam', and the file is radam.toml"),
    "another framework": (KERAS, 'name = "Keras"', 'name = "JAX"', "name =", "'JAX', and the file is keras.toml"),
    "an axis that is none": (KERAS, '"sgd-defaults"', '"sgd-default"', '"sgd-default"', "did you mean 'sgd-defaults'"),
    "a way that nobody has": (AXES, 'order = ["10 pairs"]', 'order = ["10 pears"]', '["10 pears"]', "says '10 pears'"),
    "versions that lack": (KERAS, "measured_with", "# ", 'found = "measured"', "not say with which versions"),
}  # fmt: skip


def refused(tmp_path: Path, file: str, text: str) -> tuple[str, int, str]:
    """Where and how a copy of the data is refused with one file changed: its name, line and message."""
    folder = file.partition("/")[0]
    shutil.copytree(REFERENCE / folder, tmp_path / folder, dirs_exist_ok=True)
    (tmp_path / file).write_text(text, encoding="utf-8")
    with pytest.raises(DataFileError) as told:
        FOLDERS[folder](tmp_path / folder)
    place, line, said = str(told.value).removeprefix(str(tmp_path)).split(":", 2)
    return Path(place).as_posix().lstrip("/"), int(line), said


@pytest.mark.parametrize("what", WRONG)
def test_control_what_is_wrong_in_a_file_is_told_with_its_line(tmp_path, what):
    file, old, new, at, said = WRONG[what]
    text = (REFERENCE / file).read_text(encoding="utf-8")
    assert old in text
    text = text.replace(old, new, 1)
    where, line, message = refused(tmp_path, file, text)
    assert where == file and said in message, message
    if at is not None:
        assert line == text[: text.index(at)].count("\n") + 1, f"{message}: {text.splitlines()[line - 1]}"


def test_control_a_shared_defect_that_no_class_names_is_told(tmp_path):
    text = (REFERENCE / SHARED).read_text(encoding="utf-8") + "\n" + NOVEL_CLASS[NOVEL_CLASS.index("[defects") :]
    where, line, message = refused(tmp_path, SHARED, text)
    assert (where, text.splitlines()[line - 1]) == (SHARED, "[defects.novel-defect]")
    assert "no class's file names" in message


def test_control_a_fact_twice_is_told(tmp_path):
    text = (REFERENCE / KERAS).read_text(encoding="utf-8")
    again = text[text.index("[[facts]]") :].split("\n\n")[0]
    where, line, message = refused(tmp_path, KERAS, f"{text}\n{again}\n")
    assert where == KERAS and line > text.count("\n") and "stands here twice" in message


def test_control_bytes_that_are_no_text_and_a_file_that_lacks_are_told(tmp_path):
    shutil.copytree(REFERENCE / "known_defects", tmp_path / "known_defects")
    (tmp_path / RADAM).write_bytes(b'name = "RAdam"\nplace = "\xff"\n')
    with pytest.raises(DataFileError, match=r"radam\.toml:2: it is not UTF-8"):
        _reader.read(tmp_path / "known_defects")
    (tmp_path / SHARED).unlink()
    with pytest.raises(DataFileError, match=r"_shared\.toml:1: there is no such file"):
        _reader.read(tmp_path / "known_defects")


@pytest.mark.parametrize("what", ["an unknown key", "text for a list", "text for a number", "a path that is none"])
def test_control_the_schema_refuses_what_the_reader_refuses(what):
    file, old, new, *_ = WRONG[what]
    assert faults((REFERENCE / file).read_text(encoding="utf-8").replace(old, new, 1))
