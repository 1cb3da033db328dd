"""What is on the screen: a table in which no number is cut, a verdict line, a sign of life, and quick answers."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import this_tree
from click.testing import CliRunner
from rich.console import Console

from twinstep.bench.cli import _summary, _terminal, cli
from twinstep.bench.records.journal import Journal
from twinstep.bench.records.tables import write_tables

THIS_TREE = Path(__file__).with_name("this_tree.py")


class Gap(SimpleNamespace):
    def __str__(self):
        return f"step 1: gap {self.gap_bounds:.3g} bounds"


def line(problem="bowl", optimizer="gd", *, losses=(0.0890129, 0.0890129), gap=0.298, us=(25.4, 19.5), case="lr"):
    """As `study.job.Line` is seen by the summary."""
    names = ("scratch", "torch-forloop")
    return SimpleNamespace(
        problem=SimpleNamespace(name=problem), spec=SimpleNamespace(name=optimizer),
        case=SimpleNamespace(name=case), names=names, dtype="float64", gap=Gap(gap_bounds=gap),
        final_loss=dict(zip(names, losses, strict=True)).get,
        losses={name: [loss] for name, loss in zip(names, losses, strict=True)}, ratio=us[0] / us[1],
        step_time_s=dict(zip(names, (us[0] / 1e6, us[1] / 1e6), strict=True)).get,
    )  # fmt: skip


LINES = [
    line(),
    line("digits-softmax", "sparse_adam", losses=(6.45258e-11, 6.45259e-11), us=(18061.4, 15556.2)),
    line("rosenbrock", "lbfgs", losses=(1.12317e-105, 1.12317e-105), gap=1.19e6, us=(6205.2, 612.8)),
    line("digits-mlp", "adafactor", losses=(float("nan"), 0.217325), gap=float("nan"), case="eps-placement"),
    line("quadratic", "adam", losses=(-2.16921e12, 3.0), gap=float("inf")),
]


def printed(width, lines=LINES, **options):
    out = io.StringIO()
    _summary.print_table(lines, Console(file=out, width=width, force_terminal=False, emoji=False), **options)
    return out.getvalue()


def numbers(lines, layout):
    """Every number that a layout shows, as written without any limit of width."""
    columns = [name for name in layout if name not in _summary.NAMES]
    return [re.sub(r"\[.*?\]", "", _summary.CELLS[name](one)) for one in lines for name in columns]


@pytest.mark.parametrize(("width", "layout"), [(80, 2), (110, 1), (140, 0), (40, 2)])
def test_every_number_is_whole_at_every_width(width, layout):
    text = printed(width)
    for number in numbers(LINES, _summary.LAYOUTS[layout]):
        assert f" {number} " in text.replace("\n", " \n"), number
    assert "…" not in text and "WRONG" in text
    if width >= 80:
        assert max(map(len, text.splitlines())) <= width


def test_control_a_layout_that_does_not_fit_is_cut(monkeypatch):
    monkeypatch.setattr(_summary, "LAYOUTS", _summary.LAYOUTS[:1])
    monkeypatch.setattr(_summary, "_width", lambda *args, **options: 0)
    text = printed(60)
    assert not all(number in text for number in numbers(LINES, _summary.LAYOUTS[0]))


def test_wide_has_all_columns_on_any_terminal():
    for name in _summary.LAYOUTS[0]:
        assert name in printed(80, wide=True)
    assert printed(80, wide=True).split() == printed(200).split()


def test_a_long_name_is_folded_and_the_numbers_stay():
    lines = [*LINES, line("rosenbrock", "an_optimizer_with_a_name_that_nobody_wanted")]
    text = printed(80, lines)
    assert all(number in text for number in numbers(lines, _summary.LAYOUTS[2]))
    start = text.splitlines()[0].index("optimizer")
    column = "".join(row[start:].partition(" ")[0] for row in text.splitlines())
    assert column.endswith("an_optimizer_with_a_name_that_nobody_wanted")


def verdict(lines, problems, specs):
    out = io.StringIO()
    job = SimpleNamespace(problems=problems, specs=specs, out=Path("results/last"))
    outcome = SimpleNamespace(lines=lines, tables=[Path("a"), Path("b")], missing={})
    _summary.print_verdict(job, outcome, [Path("c.png")], Console(file=out, width=40))
    return out.getvalue()


def test_the_last_line_counts_and_says_where():
    said = "2 of 6 cells agree, 3 wrong, 1 missing; 2 tables and 1 pictures in results/last\n"
    assert verdict(LINES, "abc", "de") == said
    assert verdict(LINES[:2], "ab", "d").startswith("2 of 2 cells agree, 0 wrong, 0 missing")


def test_the_last_line_of_a_run(tmp_path):
    done = CliRunner().invoke(cli, ["run", "--optimizers", "gd", "--problems", "bowl", "--out", str(tmp_path)])
    assert (
        done.output.splitlines()[-1] == f"1 of 1 cells agree, 0 wrong, 0 missing; 6 tables and 2 pictures in {tmp_path}"
    )


def test_a_log_has_a_line_in_ten_seconds(capsys):
    now = [0.0]
    plain = _terminal.Plain(50, clock=lambda: now[0])
    for cell in range(50):
        now[0] += 3
        plain.begins(f"cell {cell}")
    said = capsys.readouterr().err.splitlines()
    assert said[:2] == ["3 of 50 after 12 s: now cell 3", "7 of 50 after 24 s: now cell 7"]
    assert len(said) == 150 // 12
    slow = _terminal.Plain(2, clock=lambda: now[0])
    for name in ("a", "b"):
        now[0] += 60
        slow.finished(name)
    assert capsys.readouterr().err == "1 of 2 after 60 s: a\n2 of 2 after 120 s: b\n"


TYPOS = {
    "run --optimizers rmsprob": "did you mean 'rmsprop'?",
    "run --problems bowll": "did you mean 'bowl'?",
    "run --against math:pi": "standard library",
    "run --formula nowhere.py": "no formula file",
    "check rmsprob": "did you mean 'rmsprop'?",
    "check torch.optim:SGD --against rmsprob": "did you mean 'rmsprop'?",
    "check adam --checks closur": "did you mean 'closure'?",
    "check adam --expect closur=why": "did you mean 'closure'?",
    "check adam --supports sparce": "did you mean 'sparse'?",
    "check adam --dtype flaot32": "did you mean 'float32'?",
    "check adam --seed 4294967296": "not in the range",
    "check os.path:join": "standard library",
}
ASK = """
import sys
sys.path.insert(0, sys.argv.pop(1))
import this_tree
this_tree.use_this_tree()
from click.testing import CliRunner
from twinstep.bench.cli import cli
for line in sys.argv[1:]:
    done = CliRunner().invoke(cli, line.split())
    print(line, "|", done.exit_code, "|", " ".join(done.output.split()), "|", "torch" in sys.modules)
"""


def test_a_typo_is_answered_before_torch_is_loaded(tmp_path):
    command = [sys.executable, "-c", ASK, str(THIS_TREE.parent), *TYPOS, "check torch.optim:SDG"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=600)
    *answers, control = (row.split(" | ") for row in done.stdout.splitlines())
    assert [row[0] for row in answers] == list(TYPOS)
    for asked, code, output, torch in answers:
        assert (code, TYPOS[asked] in output, torch) == ("2", True, "False"), (asked, output)
    assert control[1] == "2" and control[3] == "True", "its module has to be imported"


def test_python_m_twinstep_and_its_version(tmp_path):
    import twinstep

    environment = this_tree.environment(tmp_path / "path")
    command = [sys.executable, "-m", "twinstep", "--version"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stdout) == (0, f"{twinstep.__version__}\n"), done.stderr
    assert re.fullmatch(r"\d+\.\d+\.\d+", twinstep.__version__)
    with pytest.raises(AttributeError, match="has no attribute 'version'"):
        _ = twinstep.version


def losses(folder, values):
    """A losses table: optimizer -> final loss."""
    journal = Journal(folder)
    for optimizer, value in values.items():
        journal.append("losses", {
            "optimizer": optimizer, "case": "default", "problem": "bowl", "implementation": "scratch", "seed": 0,
            "dtype": "float64", "device": "cpu", "final_loss": value,
        })  # fmt: skip
    write_tables(folder)
    return folder / "losses.csv"


def test_baseline_says_what_was_compared(tmp_path):
    was = losses(tmp_path / "was", {"gd": 1.0, "adam": 2.0, "lion": 3.0})
    asked = ["baseline", "--baseline", str(was), "--losses"]
    done = CliRunner().invoke(cli, [*asked, str(losses(tmp_path / "now", {"gd": 1.0, "adam": 2.5, "muon": 4.0}))])
    assert done.exit_code == 1
    assert done.output.splitlines()[-1] == "2 cells compared: 1 equal, 1 moved; 1 new, 1 not run"
    assert "adam/default bowl" in done.output and "lion" not in done.output
    done = CliRunner().invoke(cli, [*asked, str(losses(tmp_path / "other", {"muon": 1.0}))])
    assert (done.exit_code, done.output.splitlines()[-1]) == (4, "0 cells compared: 0 equal, 0 moved; 1 new, 3 not run")


def test_an_empty_table_replaces_no_baseline(tmp_path):
    was = losses(tmp_path / "was", {"gd": 1.0})
    before = was.read_bytes()
    chaotic = losses(tmp_path / "now", {"lbfgs": 1.0})
    done = CliRunner().invoke(cli, ["baseline", "--write", "--baseline", str(was), "--losses", str(chaotic)])
    assert done.exit_code == 2 and "no cell that a baseline can hold" in done.output
    assert was.read_bytes() == before
