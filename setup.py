"""The packages are found, not listed: the folders lie at the top of the repository and install below `twinstep`."""

from setuptools import find_packages, setup

setup(
    packages=[f"twinstep.{name}" for name in find_packages(include=["bench*", "reference*", "scratch_impls*"])],
)
