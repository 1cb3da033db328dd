"""A file of a registry that is no check, or no command, is refused with file and line, and told what would be right."""

from __future__ import annotations

import importlib.util
import itertools

import pytest

from twinstep.bench import cli
from twinstep.bench.battery.checks import CheckFileError, registered
from twinstep.bench.battery.request import BAD_REQUEST

FINE = '''"""It holds."""
from twinstep.bench.battery.context import check

@check("T1", place=1, since="0.2")
def holds(c):
    pass
'''
SECOND = FINE + '\n@check("T1", place=2, since="0.2")\ndef also(c):\n    pass\n'
PLACED = {"structure/__init__.py": "PLACE = 6\n"}
_COUNT = itertools.count()


def registry(folder, monkeypatch, files):
    """`registered` over a package that has these files."""
    package = f"their_checks_{next(_COUNT)}"
    for place, text in files.items():
        path = folder / package / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(folder)
    return registered(folder / package, package)


@pytest.mark.parametrize(
    ("files", "where", "told"),
    [
        ({"structure/holds.py": '"""It holds."""\n'}, "structure/holds.py:1", "it defines no check: write @check("),
        ({"structure/holds.py": SECOND}, "structure/holds.py:8", "holds and also: a file is one check"),
        ({"structure/other.py": FINE}, "structure/other.py:4", "its check is called holds, its file other.py"),
        ({"structure/holds.py": FINE.partition("\n")[2]}, "structure/holds.py:1", "it needs a docstring"),
        ({"structure/holds.py": FINE.replace(', since="0.2"', "")}, "structure/holds.py:4", "since which battery"),
        ({"structure/holds.py": FINE.replace("0.2", "0.1")}, "structure/holds.py:4", "write since='0.3' (there are"),
        ({"structure/holds.py": FINE.replace("(c):", "(c:")}, "structure/holds.py:5", "'(' was never closed"),
        (
            {"structure/holds.py": FINE, "cost/holds.py": FINE, "cost/__init__.py": "PLACE = 3"},
            "structure/holds.py:1", "there is a check holds already, in cost/holds.py",
        ),
        ({"structure/holds.py": FINE, "structure/__init__.py": ""}, "structure/__init__.py:1", "it has no PLACE: "),
        (
            {"structure/holds.py": FINE, "structure/__init__.py": "PLACE = 'six'"},
            "structure/__init__.py:1", "it has PLACE = 'six': write",
        ),
        ({"structure/holds.py": FINE, "structure/__init__.py": "PLACE ="}, "structure/__init__.py:1", "invalid"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_check_is_refused_with_file_and_line(tmp_path, monkeypatch, files, where, told):
    with pytest.raises(CheckFileError) as refused:
        registry(tmp_path, monkeypatch, {**PLACED, **files})
    assert issubclass(CheckFileError, BAD_REQUEST), "the command tells it in one line"
    assert f"/{where}: " in str(refused.value) and told in str(refused.value), str(refused.value)


def test_control_right_files_in_the_order_of_folder_and_place(tmp_path, monkeypatch):
    found = registry(
        tmp_path,
        monkeypatch,
        {
            **PLACED,
            "structure/holds.py": FINE.replace("place=1", "place=2"),
            "structure/ahead.py": FINE.replace("holds(", "ahead("),
            "structure/_shared.py": "",
            "cost/__init__.py": "PLACE = 3",
            "cost/zero.py": FINE.replace("holds(", "zero("),
        },
    )
    assert list(found) == ["zero", "ahead", "holds"]
    assert found["holds"].what == "It holds."


HELLO = 'import click\n\n@click.command()\ndef hello():\n    """Says hello."""\n'


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("import click\n", 1, "it defines no command: write @click.command() above def hello()"),
        (HELLO + '\n@click.command()\ndef also():\n    """It too."""\n', 7, "hello and also: a file is one command"),
        (HELLO.replace("command()", 'command("bye")'), 3, 'its command is called bye, its file hello.py: write @'),
        (HELLO.replace('"""Says hello."""', "pass"), 3, "it needs a docstring"),
        ("from twinstep.bench.cli.list import list_\n", 1, "it defines no command"),  # another's, imported
    ],
)  # fmt: skip
def test_a_file_that_is_no_command_is_refused_with_file_and_line(tmp_path, text, line, told):
    with pytest.raises(cli.CommandFileError) as refused:
        cli.the_command(module_of(tmp_path / "hello.py", text), "hello")
    assert refused.value.message.startswith(f"{tmp_path / 'hello.py'}:{line}: "), refused.value.message
    assert told in refused.value.message
    assert refused.value.exit_code == 2


def test_control_a_right_file_is_a_command(tmp_path):
    assert cli.the_command(module_of(tmp_path / "hello.py", HELLO), "hello").name == "hello"
    assert all(cli.cli.get_command(None, name).help for name in cli.names())


def module_of(path, text):
    path.write_text(text)
    found = importlib.util.spec_from_file_location(f"their_command_{next(_COUNT)}", path)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module
