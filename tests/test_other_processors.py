"""No false alarm on somebody else's processor: the quick battery under each setting that makes this one another.

torch chooses its kernels, and its matrix library its own, by what the processor can do; both can be told to do as on a
lesser one. Each setting is judged alone, in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import this_tree

# Name -> the variables that make it, and torch's threads.
SETTINGS = {
    "default kernels": ({"ATEN_CPU_CAPABILITY": "default"}, 1),
    "avx2 kernels": ({"ATEN_CPU_CAPABILITY": "avx2"}, 1),
    "avx512 kernels": ({"ATEN_CPU_CAPABILITY": "avx512"}, 1),
    "compatible matrix library": ({"MKL_CBWR": "COMPATIBLE"}, 1),
    "avx2 matrix library": ({"MKL_CBWR": "AVX2"}, 1),
    "one thread": ({}, 1),
    "two threads": ({}, 2),
}
OURS = {name for variables, _ in SETTINGS.values() for name in variables}


def lines(variables, threads, *targets):
    """What tests/one_setting.py printed under a setting."""
    kept = {name: value for name, value in os.environ.items() if name not in OURS}
    counts = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    path = os.pathsep.join([str(this_tree.ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        [sys.executable, this_tree.ROOT / "tests" / "one_setting.py", str(threads), *targets],
        env={**kept, **counts, **variables, "PYTHONPATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    found = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    return found[0], {line["subject"]: line["faults"] for line in found[1:]}


def refuse_absent(variables, where):
    """Skips what this processor cannot do: torch then takes the best that there is, and says which."""
    asked = variables.get("ATEN_CPU_CAPABILITY", where["capability"]).upper()
    if where["capability"] != asked:
        pytest.skip(f"this processor has no {asked}: {where['capability']} ran")


@pytest.mark.thorough("the quick battery over sixty subjects, three minutes a setting")
@pytest.mark.parametrize("setting", SETTINGS)
def test_no_false_alarm_under_a_setting(setting):
    variables, threads = SETTINGS[setting]
    where, found = lines(variables, threads)
    refuse_absent(variables, where)
    assert len(found) >= 45
    wrong = {subject: faults for subject, faults in found.items() if faults}
    assert not wrong, f"{setting}: " + "\n".join(f"{subject}: {fault}" for subject, fs in wrong.items() for fault in fs)


# Class -> the one setting under which it is wrong.
PLANTED = {
    "settings_of_a_processor:WrongOnDefault": "default kernels",
    "settings_of_a_processor:WrongOnTwo": "two threads",
}


@pytest.mark.parametrize("setting", PLANTED.values())
def test_control_what_one_setting_alone_shows_is_found_there_and_only_there(setting):
    variables, threads = SETTINGS[setting]
    where, found = lines(variables, threads, *PLANTED)
    assert where["threads"] == threads
    for target, faulty in PLANTED.items():
        failed = {fault.partition(":")[0] for fault in found[target]}
        assert ("step-moves" in failed) == (faulty == setting), found[target]
