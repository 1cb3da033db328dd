"""The airfoil self-noise table: from a path that the user gives, else from a verified download.

1503 rows, tab separated: frequency (Hz), angle of attack (deg), chord (m), free-stream velocity (m/s), suction-side
displacement thickness (m), and the target, scaled sound pressure level (dB).

Source      Brooks, Pope, Marcolini 1989, NASA RP-1218; UCI dataset 291, DOI 10.24432/C5VW2C, CC BY 4.0.
"""

from __future__ import annotations

import functools
import hashlib
import io
from pathlib import Path

import numpy as np

FILE = "airfoil_self_noise.dat"
ROWS, COLUMNS = 1503, 6
TIMEOUT_S = 5.0  # an address: without a network the whole run waits for it

# One table with LF and one with CRLF line ends; the numbers are equal. Both are published, nothing else is accepted.
SHA256 = {
    "10ee06e6cfb27dae6b44213d421d217012fb1f9b697592e73a4e4016b52d425f": "LF, 58,481 bytes",
    "74c75fd71783f1e6b71f8a622b993dc592897a97cd689c5090a07147a1b097b3": "CRLF, 59,984 bytes",
}
# The archive first, then the copy that the book's own code fetches.
ADDRESSES = (
    f"https://archive.ics.uci.edu/ml/machine-learning-databases/00291/{FILE}",
    f"http://d2l-data.s3-accelerate.amazonaws.com/{FILE}",
)


class DataError(ValueError):
    """The file that the user named is missing, or is not the published one; the message says in what."""


class DataUnavailable(Exception):
    """The table is not to be had here; the message says how to get it."""


def airfoil_table(path: Path | None = None) -> np.ndarray:
    """The table, float64, shape (1503, 6).

    path        the file, or the folder that holds airfoil_self_noise.dat; None: the copy in the user's cache, which is
                downloaded once and verified before it is kept

    Raises DataError for a path that is bad, DataUnavailable where no path is given and no download succeeds.
    """
    if path is None:
        return _downloaded()
    path = Path(path)
    file = path / FILE if path.is_dir() else path
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read the airfoil table {file}: {error.strerror or error}") from None
    return _verified(content, str(file))


def _verified(content: bytes, origin: str) -> np.ndarray:
    if hashlib.sha256(content).hexdigest() in SHA256:
        # Text in, numbers out: loadtxt reads nothing else, so no object is ever unpickled.
        return np.loadtxt(io.BytesIO(content), dtype=np.float64)
    rows = len(content.split(b"\n")) - content.endswith(b"\n") if content else 0
    what = f"it has {rows} rows, not {ROWS}" if rows != ROWS else f"it has {ROWS} rows, so some of its text was changed"
    raise DataError(
        f"{origin} is not the published airfoil table: {what}. Its SHA-256 is "
        f"{hashlib.sha256(content).hexdigest()}; accepted are {' and '.join(SHA256)}"
    )


@functools.cache
def _try_download_once(cache: Path) -> np.ndarray | DataUnavailable:
    """The download, tried once in a process: a run asks for each seed, and without a network every try costs time."""
    import pooch

    file = cache / FILE
    if file.is_file():
        try:
            return _verified(file.read_bytes(), str(file))
        except DataError:
            file.unlink()  # damaged since it was kept: fetch it anew
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # pooch announces each download; whether to speak is the command line's business
    failures = []
    try:
        for address in ADDRESSES:
            try:
                # No hash for pooch, which compares with one, while two files are published: `_fetch` verifies, and so
                # plain HTTP will do.
                pooch.retrieve(address, None, fname=FILE, path=cache, downloader=_fetch)
                return _verified(file.read_bytes(), address)
            except (OSError, ValueError) as error:  # requests' errors are OSErrors, DataError is a ValueError
                failures.append(f"{address}: {type(error).__name__}")
    finally:
        logger.setLevel(level)
    # Returned, not raised: functools.cache keeps no exception, and every seed would wait for the network again.
    return DataUnavailable(
        f"the airfoil table is not here and could not be downloaded ({'; '.join(failures) or 'not tried'}). "
        f"Get {FILE} from one of these addresses (SHA-256 {' or '.join(SHA256)}) and "
        "name it, or its folder, with --data=PATH"
    )


def _downloaded() -> np.ndarray:
    import pooch

    found = _try_download_once(Path(pooch.os_cache("twinstep")))
    if isinstance(found, DataUnavailable):
        raise DataUnavailable(str(found))
    # The cached array is everybody's: one problem that scales it in place would scale it for the next.
    return found.copy()


def _fetch(address: str, output: str, pooch_: object) -> None:
    """pooch's downloader, which keeps a file under its own name only after this returned: verified or not at all."""
    import pooch

    pooch.HTTPDownloader(timeout=TIMEOUT_S)(address, output, pooch_)
    _verified(Path(output).read_bytes(), address)
