"""The packages are found, not listed: the folders lie at the top of the repository and install below `twinstep`.

`twinstep` itself is bench/twinstep: its version and `python -m twinstep`.
"""

from setuptools import find_packages, setup

FOUND = find_packages(include=["bench*", "reference*", "scratch_impls*"], exclude=["bench.twinstep"])

setup(packages=["twinstep", *(f"twinstep.{name}" for name in FOUND)])
