"""The file of airfoil self-noise: given, found in a folder, or downloaded and kept; another is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twinstep.bench.study.problems import _airfoil_download as airfoil
from twinstep.bench.study.problems._airfoil_download import DataError, DataUnavailable, airfoil_table


@pytest.fixture(scope="module")
def table(airfoil_path):
    return airfoil_table(airfoil_path)


@pytest.fixture
def content(airfoil_path):
    file = airfoil_path / airfoil.FILE if airfoil_path.is_dir() else airfoil_path
    return file.read_bytes().replace(b"\r\n", b"\n")


def test_a_copy_with_crlf_is_the_same_table(tmp_path, content, table):
    copy = tmp_path / "renamed.dat"
    copy.write_bytes(content.replace(b"\n", b"\r\n"))
    np.testing.assert_array_equal(airfoil_table(copy), table)


def test_a_folder_that_holds_the_file_will_do(tmp_path, content, table):
    (tmp_path / airfoil.FILE).write_bytes(content)
    np.testing.assert_array_equal(airfoil_table(tmp_path), table)
    assert table.shape == (1503, 6)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda c: c[: c.rindex(b"\n", 0, -1) + 1], "it has 1502 rows, not 1503"),
        (lambda c: c.replace(b"126.201", b"126.202", 1), "some of its text was changed"),
        (lambda c: b"", "it has 0 rows"),
        (lambda c: b"\x80\x04K*.", "it has 1 rows"),  # a pickle
    ],
    ids=["a-missing-row", "a-changed-digit", "empty", "a-pickle"],
)
def test_another_file_is_refused(tmp_path, content, damage, says):
    file = tmp_path / airfoil.FILE
    file.write_bytes(damage(content))
    with pytest.raises(DataError, match=says) as error:
        airfoil_table(file)
    assert str(file) in str(error.value)
    assert all(checksum in str(error.value) for checksum in airfoil.SHA256)


@pytest.mark.parametrize("name", ["absent.dat", ""], ids=["no-such-file", "a-folder-without-it"])
def test_a_missing_file_is_refused(tmp_path, name):
    with pytest.raises(DataError, match=r"cannot read the airfoil table .*No such file"):
        airfoil_table(tmp_path / name)


# The download: pooch's downloader is replaced, so nothing here touches a network


class Fetch:
    """Takes the place of pooch.HTTPDownloader; serves `content`, or fails as a machine without a network does."""

    def __init__(self, content):
        self.content, self.asked = content, []

    def __call__(self, **options):
        assert options["timeout"] <= 5
        return self.fetch

    def fetch(self, address, output, pooch):
        self.asked.append(address)
        if self.content is None:
            raise ConnectionError("no route to host")
        Path(output).write_bytes(self.content)


@pytest.fixture
def downloads(tmp_path, monkeypatch):
    import pooch

    def serve(content):
        fetch = Fetch(content)
        monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path)
        monkeypatch.setattr(pooch, "HTTPDownloader", fetch)
        airfoil._try_download_once.cache_clear()
        return fetch

    yield serve
    airfoil._try_download_once.cache_clear()


def test_no_network_says_how_to_get_the_file(downloads):
    fetch = downloads(None)
    for _ in range(2):
        with pytest.raises(DataUnavailable) as error:
            airfoil_table()
    for part in (*airfoil.ADDRESSES, *airfoil.SHA256, "--data=PATH"):
        assert part in str(error.value)
    assert fetch.asked == list(airfoil.ADDRESSES), "each address is tried, and once in a process"


def test_a_download_is_kept_and_verified(downloads, tmp_path, content, table):
    assert len(downloads(content).asked) == 0
    np.testing.assert_array_equal(airfoil_table(), table)
    again = downloads(None)
    np.testing.assert_array_equal(airfoil_table(), table)
    assert not again.asked, "the cached copy serves"
    (tmp_path / airfoil.FILE).write_bytes(content[:-1])  # damaged since
    anew = downloads(content)
    np.testing.assert_array_equal(airfoil_table(), table)
    assert len(anew.asked) == 1


def test_a_wrong_download_is_not_kept(downloads, tmp_path):
    fetch = downloads(b"<html>moved</html>")
    with pytest.raises(DataUnavailable, match="DataError"):
        airfoil_table()
    assert len(fetch.asked) == 2
    assert list(tmp_path.iterdir()) == []
