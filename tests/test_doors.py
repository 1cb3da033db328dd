"""The three doors to the battery: a command, pytest (with and without a test file) and Python; one verdict.

Strangers' optimizers stand in tests/their_optimizers.py.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import their_optimizers as their
from click.testing import CliRunner

from twinstep.bench import CheckReport, check_optimizer, parametrize_with_checks
from twinstep.bench.battery.checks import CHECKS
from twinstep.bench.battery.request import BAD_REQUEST, expectations, read_cases
from twinstep.bench.battery.result import STATUSES, CheckResult
from twinstep.bench.cli import cli
from twinstep.scratch_impls import Case, SpecError, UnknownName, load_file

pytest_plugins = "pytester"

ROOT = Path(__file__).resolve().parents[1]
MOMENTUM = (ROOT / "scratch_impls" / "momentum.py").read_text()
SCHEMA = json.loads((ROOT / "bench" / "battery" / "report.schema.json").read_text())
FEW = "step-moves,global-state,closure,sparse,cuda,learning-rate-change"
RIGHT = ("their_optimizers:Right", "--against", "rmsprop", "--quick")


def check(*args):
    """`twinstep check` in this process."""
    return CliRunner().invoke(cli, ["check", *map(str, args)])


def verdicts(report):
    return {result.check: result.status for result in report.results}


@pytest.fixture
def installed(tmp_path):
    """The environment of a process in which this tree is what `twinstep` means, and their module can be imported."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "twinstep").symlink_to(ROOT)
    (site / "their_optimizers.py").symlink_to(ROOT / "tests" / "their_optimizers.py")
    dropped = ("PYTEST_", "PYTHONPATH")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {**environment, "PYTHONPATH": str(site)}


@functools.cache
def plugin():
    """How pytest gets the plugin where the installed Twinstep is older than its entry point."""
    # Not entry_points(): of two distributions of one name it reads the first, and pytest all.
    points = [point for found in importlib.metadata.distributions() for point in found.entry_points]
    found = any(point.group == "pytest11" and point.name == "twinstep" for point in points)
    return () if found else ("-p", "twinstep.bench.pytest_plugin")


@pytest.fixture
def run(pytester, monkeypatch):
    """run(*arguments) -> the result of pytest in an empty folder, in this process."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    common = (*plugin(), "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:benchmark")
    return lambda *arguments: pytester.runpytest_inprocess(*common, *map(str, arguments))


TEST_FILE = """
from twinstep.bench import parametrize_with_checks
from their_optimizers import Prints

@parametrize_with_checks([Prints], against="rmsprop", quick=True, checks=CHECKS)
def test_theirs(optimizer_check):
    optimizer_check()
"""


def test_every_door_gives_the_same_verdicts(tmp_path, installed):
    """The command, zero-code pytest under xdist, a parametrized test beside it, and Python."""
    target, chosen = "their_optimizers:Prints", FEW.split(",")
    python = check_optimizer(their.Prints, "rmsprop", quick=True, checks=chosen)
    assert set(verdicts(python).values()) == {"passed", "failed", "not declared", "not applicable"}

    saved = tmp_path / "report.json"
    done = check(target, "--against", "rmsprop", "--quick", "--checks", FEW, "--json", saved)
    assert done.exit_code == 1, done.output
    body = json.loads(saved.read_text())
    jsonschema.validate(body, SCHEMA)
    assert {r["check"]: r["status"] for r in body["results"]} == verdicts(python)
    assert done.output.startswith("global-state: failed"), "the failure comes first, then the table"
    assert done.output.rstrip().endswith(python.summary())

    folder = tmp_path / "their_repository"
    (folder / "bench").mkdir(parents=True)
    (folder / "bench" / "__init__.py").write_text("raise RuntimeError('this is not twinstep')")
    (folder / "conftest.py").write_text("def pytest_addoption(parser):\n    parser.addoption('--quick')\n")
    (folder / "pytest.ini").write_text(
        "[pytest]\naddopts = --strict-markers\nfilterwarnings = error\nxfail_strict = 1\n"
    )
    (folder / "test_it.py").write_text(TEST_FILE.replace("CHECKS", repr(chosen)))
    command = [sys.executable, "-m", "pytest", *plugin(), "--twinstep", target, "--twinstep-against", "rmsprop",
               "-n", "1", "--twinstep-quick", "-k", " or ".join(chosen), "-v", "--junitxml", "junit.xml"]  # fmt: skip
    ran = subprocess.run(command, cwd=folder, env=installed, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    words = {"passed": "PASSED", "failed": "FAILED", "not declared": "SKIPPED", "not applicable": "SKIPPED"}
    for name, status in verdicts(python).items():
        assert f"{words[status]} twinstep::{target}::{name} " in ran.stdout, ran.stdout
        assert f"{words[status]} test_it.py::test_theirs[Prints-{name}] " in ran.stdout, ran.stdout
    assert ran.stdout.count("twinstep: " + python.summary()) == 2, "one subject, judged through two doors"
    assert "\nglobal-state: failed" in ran.stdout
    assert "Traceback" not in ran.stdout and "pytest_plugin.py" not in ran.stdout
    junit = (folder / "junit.xml").read_text()
    failed, skipped = (2 * sum(words[s] == word for s in verdicts(python).values()) for word in ("FAILED", "SKIPPED"))
    assert f'failures="{failed}" skipped="{skipped}"' in junit and 'errors="0"' in junit


def test_the_plugin_costs_nothing_until_it_is_used(tmp_path, installed):
    (tmp_path / "test_theirs.py").write_text(
        "import sys\ndef test_it():\n"
        "    ours = sorted(n for n in sys.modules if n.startswith('twinstep.'))\n"
        "    assert ours == ['twinstep.bench', 'twinstep.bench.pytest_plugin']\n"
        "    assert not {'torch', 'pandas', 'click'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-m", "pytest", *plugin(), "-p", "no:hypothesispytest", "test_theirs.py"]
    ran = subprocess.run(command, cwd=tmp_path, env=installed, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a worker that cannot fork starts anew after each crash: minutes")
def test_isolated_checks_survive_a_crash_an_exit_and_a_hang(tmp_path):
    saved = tmp_path / "report.json"
    done = check("their_optimizers:Dangerous", "--against", "rmsprop", "--quick", "--isolate", "--timeout", "2",
                 "--checks", "step-moves,closure,save-load,descends", "--json", saved)  # fmt: skip
    assert done.exit_code == 1, done.output
    found = {r["check"]: r for r in json.loads(saved.read_text())["results"]}
    assert len(found) == 4
    for name, cause in {
        "closure": "it crashed with SIGSEGV",
        "descends": "it did not end within 2 s",
        "save-load": "it ended the process, with exit status 0",
    }.items():
        assert (found[name]["status"], found[name]["cause"]) == ("failed", cause)
    assert "their_optimizers.py" in found["closure"]["message"], "where it crashed"
    assert "in zero_grad" in found["descends"]["message"], "where it hung"
    assert found["step-moves"]["status"] == "passed", "in spite of prints that look like answers"


@pytest.mark.parametrize(
    ("name", "fails", "told", "fine"),
    [
        ("Nothing", "step-moves", "step() does nothing", "state-dict-is-a-value"),
        ("Raises", "step-moves", "the kernel was not built", "defaults"),
        ("GivesNan", "step-moves", "NaN", "defaults"),
        ("Prints", "global-state", "stdout", "step-moves"),
        ("Seeds", "global-state", "random", "step-moves"),
        ("TurnsGradOff", "global-state", "grad mode", "step-moves"),
        ("SetsDefaultDtype", "global-state", "default dtype", "step-moves"),
        ("Exits", "step-moves", "SystemExit", "defaults"),
        ("EndsProcess", "step-moves", "it ends the process", "defaults"),
    ],
)
def test_whatever_they_do_fails_one_check_by_name_and_the_others_still_run(name, fails, told, fine):
    done = check(f"their_optimizers:{name}", "--against", "rmsprop", "--quick", "--checks", f"{fails},{fine}")
    assert done.exit_code == 1, (done.output, done.exception)
    assert f"{fails}: failed" in done.output
    assert told in done.output
    report = check_optimizer(getattr(their, name), "rmsprop", quick=True, checks=[fine, fails])
    assert verdicts(report)[fine] == "passed"


NO_OPTIMIZERS = {
    "WantsMore": "name a factory function that fills in `rank`, or give values with --cases FILE",
    "NoOptimizer": "made a NoOptimizer, which has no step(): name a class of optimizers, or a function",
    "forgets_to_return": "made None, which has no step()",
    "takes_no_parameters": "takes 0 positional arguments but 1 was given; name a factory function (params, **options)",
    "NotBuilt": "RuntimeError: the kernel was not built",
}


@pytest.mark.parametrize("name", NO_OPTIMIZERS)
def test_what_is_no_optimizer_fails_that_check_alone_in_every_door(tmp_path, run, name):
    target, saved = f"their_optimizers:{name}", tmp_path / "report.json"
    done = check(target, "--against", "rmsprop", "--json", saved)
    assert done.exit_code == 1, done.output
    assert done.output.startswith("is-an-optimizer: failed: ") and NO_OPTIMIZERS[name] in done.output
    body = json.loads(saved.read_text())
    jsonschema.validate(body, SCHEMA)
    report = check_optimizer(getattr(their, name), "rmsprop")
    assert not report.passed and verdicts(report) == {r["check"]: r["status"] for r in body["results"]}
    first, *others = report.results
    assert (first.check, first.status, len(others)) == ("is-an-optimizer", "failed", len(CHECKS) - 1)
    for result in others:
        assert (result.status, result.message) == (
            "not applicable", "it could not be constructed (see is-an-optimizer)"
        )  # fmt: skip
    ran = run("--twinstep", target, "--twinstep-against", "rmsprop")
    ran.assert_outcomes(failed=1, skipped=len(CHECKS) - 1)
    assert ran.ret == pytest.ExitCode.TESTS_FAILED


def test_what_is_no_optimizer_fails_whichever_checks_were_chosen():
    done = check("their_optimizers:NoOptimizer", "--checks", "closure,defaults")
    assert done.exit_code == 1 and "1 checks ran: 0 passed, 1 failed" in done.output, done.output
    known = {"is-an-optimizer": "it is none, their#8"}
    report = check_optimizer(their.NoOptimizer, checks=["closure"], expected_failures=known)
    assert verdicts(report) == {"is-an-optimizer": "failed as expected", "closure": "not applicable"}
    assert verdicts(check_optimizer(their.Right, checks=["closure"])) == {"closure": "passed"}, "control"


def test_a_case_that_is_refused_beside_others_is_a_fault_of_that_case():
    cases = [Case(name="slow", reason="it is refused", hyper={"alpha": 2}), Case(name="usual", reason="it is taken")]
    report = check_optimizer(their.WantsLess, cases=cases, checks=["is-an-optimizer", "inputs-untouched"])
    assert verdicts(report) == {"is-an-optimizer": "passed", "inputs-untouched": "failed"}


def test_a_factory_a_partial_and_a_name_pass_through_the_same_door():
    for target in ("their_optimizers:make", "their_optimizers:partial", "rmsprop"):
        done = check(target, "--quick", "--checks", "step-moves,closure")
        assert done.exit_code == 0, done.output
        assert f"{target}: 2 checks ran: 2 passed, 0 failed" in done.output


def test_a_formula_file_is_judged_by_every_door_against_its_twin(tmp_path, run):
    right, wrong = tmp_path / "momentum.py", tmp_path / "wrong" / "momentum.py"
    wrong.parent.mkdir()
    right.write_text(MOMENTUM)
    wrong.write_text(MOMENTUM.replace("return param - lr *", "return param - 1.001 * lr *"))
    assert wrong.read_text() != MOMENTUM
    for file, status in ((right, "passed"), (wrong, "failed")):
        chosen = ["one-step", "copy-and-pickle"]
        expected = {"one-step": status, "copy-and-pickle": "passed"}
        for target in (file, str(file), load_file(file)):
            report = check_optimizer(target, quick=True, checks=chosen)
            assert (report.against, verdicts(report)) == ("torch.optim:SGD", expected)
        done = check(file, "--quick", "--checks", ",".join(chosen))
        assert f"{file} against torch.optim:SGD" in done.output.replace("\n", "")
        assert done.exit_code == (status == "failed"), done.output
        ran = run("--twinstep", file, "--twinstep-quick", "-k", "one-step")
        ran.assert_outcomes(**{status: 1})
    assert [p.id for p in parametrize_with_checks([right, load_file(right)], checks=["closure"]).args[1]] == [
        f"{right}-closure", "momentum-closure"
    ]  # fmt: skip


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


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ("raises:X", "cannot import raises: RuntimeError: no licence"),
        ("misspelt:X", "SyntaxError"),
        ("needs:X", "No module named 'nowhere_to_be_found'"),
        ("leaves:X", "it ends the process"),
        ("ends:X", "it ends the process"),
        ("ends.py", "cannot load ends.py: ProcessEnded: os._exit(0)"),
        ("nowhere:X", "cannot import nowhere"),
        ("torch.optim:Adma", "has no 'Adma'"),
        ("math:pi", "is a float"),
        ("rmsprob", "did you mean 'rmsprop'?"),
        ("nowhere.py", "there is no formula file nowhere.py"),
        ("formula.py", "ZeroDivisionError"),
        ("empty.py", "must define SPEC"),
        ("momentum.py", "has no optimizer 'Lion': say what it is to be held against"),
        ("rmsprop --against formula.py", "ZeroDivisionError"),
        ("rmsprop --against empty.py", "must define SPEC"),
        ("rmsprop --against adma", "did you mean 'adam"),
        ("rmsprop --checks closur", "did you mean 'closure'?"),
        ("rmsprop --checks ,", "names nothing"),
        ("rmsprop --supports sparce", "did you mean 'sparse'?"),
        ("rmsprop --dtype float16", "others are for --supports"),
        ("rmsprop --device nonsense", "no device 'nonsense'"),
        ("rmsprop --cases twice.json", "the case name 'a' is used twice"),
        ("rmsprop --expect closure", "write CHECK=REASON"),
        ("rmsprop --expect closur=why", "did you mean 'closure'?"),
        ("rmsprop --timeout 3", "needs --isolate"),
        ("rmsprop --json nowhere/report.json", "no folder nowhere"),
    ],
)
def test_bad_input_is_told_and_exits_with_2(tmp_path, monkeypatch, args, told):
    monkeypatch.chdir(tmp_path)
    for file, text in THEIR_FILES.items():
        Path(file).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    done = check(*args.split())
    assert done.exit_code == 2, done.output
    assert told in done.output
    assert "bench" not in done.output, "their traceback, not ours"
    theirs = (
        args.split()[0].partition(":")[0] in ("raises", "needs", "leaves", "ends", "ends.py") or "formula.py" in args
    )
    assert ("Traceback" in done.output) == theirs


def test_nothing_checked_is_no_pass(run):
    done = check(*RIGHT, "--checks", "sparse")
    assert done.exit_code == 4
    assert "nothing was checked" in done.output
    given = ("--twinstep", RIGHT[0], "--twinstep-against", "rmsprop", "--twinstep-quick")
    for chosen in ("sparse", "no_such_check"):
        ran = run(*given, "-k", chosen)
        assert ran.ret == pytest.ExitCode.USAGE_ERROR
        ran.stdout.fnmatch_lines("twinstep: nothing was checked*")
    assert run(*given, "-k", "sparse or closure").ret == pytest.ExitCode.OK, "control"
    ran = run(*given, "--twinstep-supports", "tensor-lr", "-k", "tensor-lr")
    ran.stdout.fnmatch_lines("*1 checks ran*0 not declared*")


def test_expected_failures_are_strict(run, tmp_path):
    """Known: it prints. Then it is mended, or the wrong check is named: a failure."""
    pairs = tmp_path / "known.toml"
    pairs.write_text('global-state = "it prints, their#7"')
    prints = ("their_optimizers:Prints", *RIGHT[1:], "--checks", "global-state,closure")
    assert check(*prints, "--expect", "global-state=it prints, their#7").exit_code == 0
    done = check(*prints, "--expect", pairs)
    assert done.exit_code == 0
    assert "1 passed, 0 failed, 1 failed as expected" in done.output
    done = check(*prints, "--expect", pairs, "--expect", "closure=once")
    assert done.exit_code == 1
    assert "closure: passed unexpectedly" in done.output
    given = (
        "--twinstep",
        prints[0],
        "--twinstep-against",
        "rmsprop",
        "--twinstep-quick",
        "-k",
        "global-state or closure",
    )
    ran = run(*given, "--twinstep-expect", pairs)
    ran.assert_outcomes(passed=1, xfailed=1)
    assert ran.ret == 0
    ran = run(*given, "--twinstep-expect", pairs, "--twinstep-expect", "closure=once")
    ran.assert_outcomes(failed=1, xfailed=1)
    ran.stdout.fnmatch_lines("closure: passed unexpectedly")


@parametrize_with_checks(
    [their.Right, their.Prints],
    against="rmsprop",
    quick=True,
    checks=["closure", "global-state"],
    expected_failures=lambda cls: {"global-state": "it prints"} if cls is their.Prints else None,
)
def test_our_own_suite_takes_the_decorator(request, optimizer_check):
    assert request.node.callspec.id in {f"{n}-{c}" for n in ("Right", "Prints") for c in ("closure", "global-state")}
    optimizer_check()


def test_a_test_that_never_calls_its_check_fails(run, pytester):
    source = TEST_FILE.replace("CHECKS", "['closure']")
    pytester.makepyfile(test_it=source.replace("optimizer_check()", "optimizer_check"))
    ran = run()
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines("*never called its optimizer_check*")
    pytester.makepyfile(test_it=source)
    run().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ("--twinstep raises:X", "*no licence*"),
        ("--twinstep ends:X", "*it ends the process*"),
        ("--twinstep rmsprob", "*did you mean 'rmsprop'?*"),
        ("--twinstep rmsprop --twinstep-expect closur=why", "*did you mean 'closure'?*"),
        ("--twinstep rmsprop --twinstep-cases twice.json", "*used twice*"),
        ("--twinstep rmsprop --twinstep-supports sparce", "*did you mean 'sparse'?*"),
    ],
)
def test_bad_input_is_an_error_of_collection(run, pytester, args, told):
    for file, text in THEIR_FILES.items():
        (pytester.path / file).write_text(text)
    pytester.syspathinsert()
    ran = run(*args.split())
    assert ran.ret in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.TESTS_FAILED)
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(told)
    ran.stdout.no_fnmatch_line("*pytest_plugin.py*")


def test_the_decorator_refuses_what_would_check_nothing():
    with pytest.raises(UnknownName, match="did you mean 'closure'"):
        parametrize_with_checks(their.Right, checks=["closur"])
    with pytest.raises(UnknownName, match="did you mean 'closure'"):
        parametrize_with_checks(their.Right, expected_failures={"closur": "why"})
    for empty in ({"optimizers": []}, {"optimizers": their.Right, "checks": []}):
        with pytest.raises(ValueError, match="nothing would be checked"):
            parametrize_with_checks(**empty)
    ids = [p.id for p in parametrize_with_checks([their.partial, "adam"], checks=["closure"]).args[1]]
    assert ids == ["RMSprop(centered=True)-closure", "adam-closure"]


def test_cases_from_a_file(tmp_path):
    toml, other = tmp_path / "cases.toml", tmp_path / "cases.json"
    toml.write_text('[[case]]\nname = "fast"\nreason = "lr"\nlr = 0.5\nbetas = [0.8, 0.9]\n')
    other.write_text('[{"name": "fast", "reason": "lr", "lr": 0.5, "betas": [0.8, 0.9]}]')
    for file in (toml, other):
        (case,) = read_cases(file)
        assert (case.name, dict(case.hyper)) == ("fast", {"lr": 0.5, "betas": (0.8, 0.9)})


CASES_THAT_DO_NOT_FIT = {
    '"alhpa": 0.5': "did you mean 'alpha'?",
    '"lr": "x"': "lr is 'x', which is no finite number",
    '"lr": NaN': "lr is nan, which is no finite number",
    '"momentum": -1': "rmsprop, to hold it against, cannot be made with case a: ValueError",
}


@pytest.mark.parametrize("hyper", CASES_THAT_DO_NOT_FIT)
def test_cases_that_do_not_fit_are_wrong_input(tmp_path, hyper):
    file = tmp_path / "cases.json"
    file.write_text(f'[{{"name": "a", "reason": "b", {hyper}}}]')
    told = CASES_THAT_DO_NOT_FIT[hyper]
    against = "torch.optim:RMSprop" if "momentum" in hyper else "rmsprop"
    done = check("their_optimizers:WantsLess", "--against", against, "--checks", "step-moves", "--cases", file)
    assert (done.exit_code, told.replace("rmsprop", against) in done.output) == (2, True), done.output


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"dtypes": "float32"}, TypeError, r"such as \['float32'\]"),
        ({"dtypes": ["float23"]}, UnknownName, "did you mean 'float32'"),
        ({"checks": "closure"}, TypeError, r"such as \['closure'\]"),
        ({"supports": "sparse"}, TypeError, r"such as \['sparse'\]"),
        ({"cases": []}, ValueError, "nothing would be checked"),
        ({"against": their.WantsMore}, ValueError, "cannot be made with case default: TypeError"),
    ],
)
def test_wrong_arguments_are_told_by_the_python_doors(arguments, error, told):
    for door in (check_optimizer, parametrize_with_checks):
        with pytest.raises(error, match=told):
            door(their.Right, **{"against": "rmsprop", **arguments})


def test_options_of_a_battery_without_one_are_told(pytester):
    done = pytester.runpytest_subprocess(*plugin(), "--twinstep-against", "rmsprop", "--twinstep-quick")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines("*--twinstep-against, --twinstep-quick without --twinstep TARGET*")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "at least one case"),
        ("[]", "at least one case"),
        ("[1]", "is no table"),
        ('[{"reason": "b"}]', "it needs a name"),
        ('[{"name": "a", "reason": " "}]', "case 1: it needs a reason"),
        ('[{"name": "a", "reason": "b", "lr": {}}]', "lr is {}"),
        ("[", "is no"),
    ],
)
def test_a_bad_file_of_cases_is_told(tmp_path, text, told):
    file = tmp_path / ("cases.json" if text else "cases.toml")
    file.write_text(text)
    with pytest.raises(SpecError, match="cases") as error:
        read_cases(file)
    assert told in str(error.value)
    assert isinstance(error.value, BAD_REQUEST)


def test_expectations_need_reasons(tmp_path):
    assert expectations([]) is None
    assert expectations(["a = it is so = known", "b=x"]) == {"a": "it is so = known", "b": "x"}
    file = tmp_path / "known.json"
    for text in ('{"a": ""}', '{"a": 1}', '["a"]'):
        file.write_text(text)
        with pytest.raises(SpecError, match="needs its reason"):
            expectations([str(file)])


def test_the_schema_describes_every_status_and_refuses_others():
    found = zip(list(CHECKS)[: len(STATUSES)], STATUSES, strict=True)
    results = [CheckResult(check=name, key="T1", status=status, message="why") for name, status in found]
    body = json.loads(CheckReport(subject="x", against="", results=tuple(results)).to_json())
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(body, SCHEMA)
    for wrong in ({"schema": 2}, {"results": [{**body["results"][0], "status": "skipped"}]}, {"passed": None}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**body, **wrong}, SCHEMA)
