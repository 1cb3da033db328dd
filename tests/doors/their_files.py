"""Files as strangers have them: a test, a formula, and what goes wrong when it is read."""

from __future__ import annotations

import this_tree

MOMENTUM = (this_tree.ROOT / "scratch_impls" / "momentum.py").read_text(encoding="utf-8")

TEST_FILE = """
from twinstep.bench import parametrize_with_checks
from their_optimizers import Prints

@parametrize_with_checks([Prints], against="rmsprop", quick=True, checks=CHECKS)
def test_theirs(optimizer_check):
    optimizer_check()
"""

THEIR_FILES = {
    "raises.py": "def helper():\n    raise RuntimeError('no licence')\n\nhelper()\n",
    "misspelt.py": "def f(:\n",
    "needs.py": "import nowhere_to_be_found\n",
    "leaves.py": "raise SystemExit(0)\n",
    "ends.py": "import os\nos._exit(0)\n",
    "formula.py": "SPEC = 1 / 0\n",
    "empty.py": "",
    "momentum.py": MOMENTUM.replace('reference="SGD"', 'reference="Lion"'),
    "twice.json": '[{"name": "a", "reason": "b"}, {"name": "a", "reason": "b"}]',
}
