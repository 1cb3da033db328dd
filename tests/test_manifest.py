"""The number of tests is committed: one that vanished is red, here and against the base of a pull request."""

from __future__ import annotations

import pytest
import this_tree

from twinstep.bench.records import manifest
from twinstep.bench.records.tables import TableError

TESTS = this_tree.ROOT / "tests"


def test_no_test_vanished(collected):
    files = {name.split("::")[0] for name in collected}
    there = {
        p.relative_to(this_tree.ROOT).as_posix() for folder in (".", "*") for p in TESTS.glob(f"{folder}/test_*.py")
    }
    absent = sorted(there - files)
    if absent:
        pytest.skip(f"part of the suite was collected, without {', '.join(absent[:3])}")
    vanished, _ = manifest.compare(manifest.read(this_tree.ROOT), manifest.grouped(collected))
    assert not vanished, "\n".join([*vanished, "if on purpose: twinstep manifest --write"])


def test_control_what_vanished_is_named_and_what_is_new_is_no_failure():
    expected = {"tests/test_a.py::test_x": ("one", "two"), "tests/test_a.py::test_y": ("",)}
    found = {"tests/test_a.py::test_x": ("two", "three"), "tests/test_a.py::test_z": ("",)}
    vanished, grown = manifest.compare(expected, found)
    assert vanished == ["tests/test_a.py::test_x[one]", "tests/test_a.py::test_y"]
    assert grown == ["tests/test_a.py::test_x[three]", "tests/test_a.py::test_z"]
    assert manifest.total(expected) == manifest.total(found) == 3  # a number alone would have seen nothing


def test_collecting_reading_and_writing(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_one.py").write_text(
        "import pytest\n@pytest.mark.parametrize('x', [1, 2])\ndef test_it(x): pass\ndef test_other(): pass\n"
    )
    counts = manifest.collect(tmp_path)
    assert counts == {"tests/test_one.py::test_it": ("1", "2"), "tests/test_one.py::test_other": ("",)}
    with pytest.raises(TableError, match="twinstep manifest --write"):
        manifest.read(tmp_path)
    manifest.write(tmp_path, counts)
    assert manifest.read(tmp_path) == counts
    with pytest.raises(TableError, match="the commit HEAD has no"):
        manifest.read(tmp_path, "HEAD")


def test_a_tree_that_cannot_be_collected_is_told(tmp_path):
    (tmp_path / "test_broken.py").write_text("import no_such_module")
    with pytest.raises(TableError, match="no_such_module"):
        manifest.collect(tmp_path)


def test_a_base_that_only_counted_is_compared_by_number(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / manifest.FILE).write_text('{"tests/test_a.py::test_x": 47}')
    vanished, grown = manifest.compare(manifest.read(tmp_path), {"tests/test_a.py::test_x": ("one",)})
    assert set(vanished) == {"tests/test_a.py::test_x (47 tests, 1 there)"} and len(vanished) == 46 and not grown
    (tmp_path / manifest.FILE).write_text("half a lin")
    with pytest.raises(TableError, match="cannot be read"):
        manifest.read(tmp_path)
