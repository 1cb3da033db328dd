"""python tests/planted/_make_matrix.py: judges every bug by the quick battery and writes matrix.json anew."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import this_tree
    import torch

    this_tree.use_this_tree()
    torch.set_num_threads(1)
    from test_planted import MATRIX_FILE, failed, judge

    from planted import BUGS

    rows = {}
    for bug in BUGS:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # as in the tests
            rows[bug.name] = failed(judge(bug.cls, supports=bug.supports))
    lines = [f" {json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items()]
    MATRIX_FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
