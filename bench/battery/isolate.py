"""Each check in a process of its own, with a time limit: a crash or a hang is the failure of that check alone.

One worker imports torch and the optimizer once and then forks for every check, so that nothing which one check breaks
reaches the next; where there is no fork (Windows, or a GPU, which does not survive one), it runs the checks itself and
is replaced when it dies. Verdicts come back as files in a private folder: what the subject prints cannot touch them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import faulthandler
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .child import BENCH, command
from .guard import death, end_with
from .request import BAD_REQUEST, Request, TargetError, battery_named, explain

if TYPE_CHECKING:
    from .context import Check, Context
    from .judge import Facts
    from .result import CheckResult

START_LIMIT_S = 120.0  # importing torch and their module; the limit of a check begins after it


class Isolated:
    """Runs checks elsewhere; use it as a context manager, so that the worker ends with it.

    Nothing of the subject is imported here: what it does on import is done to the worker.
    """

    def __init__(self, request: Request, timeout_s: float = 60.0, battery: str | None = None) -> None:
        self.request, self.timeout_s, self.battery = request, timeout_s, battery_named(battery)
        self._folder = tempfile.TemporaryDirectory(prefix="twinstep-")
        self._worker: subprocess.Popen[str] | None = None
        self._count = 0

    def facts(self) -> Facts:
        """What the worker says of the subject. TargetError where the request cannot be met, or it dies of it."""
        from .judge import Facts

        if cause := self._start():
            raise TargetError(f"cannot import {self.request.target}: {cause}\n{self._end_of_output()}".rstrip())
        found = json.loads(Path(self._folder.name, "ready").read_text(encoding="utf-8"))
        if "bad" in found:
            raise TargetError(found["bad"])
        return Facts(**found)

    def __enter__(self) -> Isolated:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        self._stop()
        self._folder.cleanup()

    def __call__(self, check: Check, cause: str = "") -> CheckResult | None:
        """The verdict; with a cause: what it is where that is none, None where nobody knows such circumstances."""
        from .result import FAILED, CheckResult

        started = time.perf_counter()
        self._count += 1
        answer = Path(self._folder.name, f"{self._count}.json")
        trouble = self._ask(check.name, cause, answer)
        if not trouble:
            found = json.loads(answer.read_text(encoding="utf-8"))
            if not found:
                return None
            if "died" not in found:
                return CheckResult(**found)
            trouble = death(found["died"])
        return CheckResult(
            check=check.name, key=check.key, status=FAILED, cause=trouble, message=self._end_of_output(),
            time_s=time.perf_counter() - started,
        )  # fmt: skip

    def _ask(self, name: str, cause: str, answer: Path) -> str:
        """Waits for the answer's file; what went wrong instead, or ""."""
        if self._worker is None and (trouble := self._start()):
            return trouble
        assert self._worker is not None and self._worker.stdin is not None
        with contextlib.suppress(OSError):  # it died between two checks; waiting finds that out
            self._worker.stdin.write(json.dumps([name, cause, str(answer)]) + "\n")
            self._worker.stdin.flush()
        return self._wait(answer, self.timeout_s, f"it did not end within {self.timeout_s:g} s")

    def _start(self) -> str:
        folder = Path(self._folder.name)
        body = {
            "request": dataclasses.asdict(self.request),
            "timeout_s": self.timeout_s,
            "battery": self.battery,
            "path": sys.path,
            "parent": os.getpid(),
        }
        (folder / "request.json").write_text(json.dumps(body), encoding="utf-8")
        (folder / "ready").unlink(missing_ok=True)
        tree, _, module = __name__.partition(".")  # the worker calls the tree as it is called here
        with (folder / "output").open("w") as output:
            self._worker = subprocess.Popen(
                command(module, "serve", str(folder), name=tree),
                stdin=subprocess.PIPE, stdout=output, stderr=output, text=True, start_new_session=True,
            )  # fmt: skip
        return self._wait(folder / "ready", START_LIMIT_S, f"it was not imported within {START_LIMIT_S:g} s")

    def _wait(self, file: Path, limit_s: float, late: str) -> str:
        deadline = time.monotonic() + limit_s
        assert self._worker is not None
        while not file.exists():
            code = self._worker.poll()
            # Looked for once more: it may have written its answer and ended since the loop asked.
            if (code is not None and not file.exists()) or time.monotonic() > deadline:
                self._stop()
                return late if code is None else death(code)
            time.sleep(0.005)
        return ""

    def _stop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)  # with the check that it forked
        worker.kill()
        worker.communicate()

    def _end_of_output(self) -> str:
        """The end of what was written: a crash or a hang leaves its Python stack there, innermost call first."""
        output = Path(self._folder.name, "output").read_text(encoding="utf-8", errors="replace").splitlines()
        ours = (f'  File "{BENCH.resolve()}', '  File "<string>"', "Extension modules:", "  ...")
        return "\n".join([line for line in output if line.strip() and not line.startswith(ours)][-12:])


def serve(folder: str) -> None:
    """The worker's life: read a check, a cause and where the verdict goes, a line each, until the input ends."""
    body = json.loads(Path(folder, "request.json").read_text(encoding="utf-8"))
    end_with(body["parent"])  # else a step that hangs would outlive a command that was killed
    commands = os.fdopen(os.dup(0))
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)  # a subject that reads its input must not swallow names
    faulthandler.enable()
    sys.path[:] = body["path"]  # their module is found where it was found before
    given: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in body["request"].items()}
    request = Request(**given)

    import torch
    from torch.optim import Optimizer

    from .context import context_for
    from .judge import facts_of

    # The first one imports torch._dynamo (`torch._compile._disable_dynamo` around add_param_group): seconds, once here
    # instead of in every fork.
    Optimizer([torch.zeros(1)], {})
    try:
        context = dataclasses.replace(context_for(**request.arguments()), battery=body["battery"])
    except BAD_REQUEST as error:
        _write(Path(folder, "ready"), {"bad": explain(error)})
        return
    _write(Path(folder, "ready"), dataclasses.asdict(facts_of(context)))
    for line in commands:
        name, cause, answer = json.loads(line)
        # A CUDA context does not survive a fork: torch refuses to use one in the child (torch.cuda._lazy_init).
        if hasattr(os, "fork") and request.device == "cpu":
            _fork(context, name, cause, Path(answer), body["timeout_s"])
        else:
            _judge(context, name, cause, Path(answer), body["timeout_s"])


def _fork(context: Context, name: str, cause: str, answer: Path, timeout_s: float) -> None:
    worker, child = os.getpid(), os.fork()
    if child == 0:
        end_with(worker)
        # The limit holds here too, where nobody is left to kill it; a little later, so that the parent tells of it.
        # Set in the child, since a fork inherits no timer. Nobody handles SIGALRM: it ends even a loop in C.
        signal.setitimer(signal.ITIMER_REAL, timeout_s + 1)
        try:
            _judge(context, name, cause, answer, timeout_s)
        except BaseException:
            traceback.print_exc()  # such as sys.exit() in a step
        finally:
            os._exit(1)  # never back into the worker's loop; with its answer written, nobody asks for the status
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if not answer.exists():
        _write(answer, {"died": code})


def _judge(context: Context, name: str, cause: str, answer: Path, timeout_s: float) -> None:
    from .checks import CHECKS
    from .judge import run_with_remedy

    with Path(answer.parent, "output").open("w") as output:  # of this check alone
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    faulthandler.dump_traceback_later(0.9 * timeout_s)  # where it hangs, before it is killed
    result = run_with_remedy(context, CHECKS[name], cause)
    faulthandler.cancel_dump_traceback_later()
    _write(answer, {} if result is None else dataclasses.asdict(result))


def _write(answer: Path, body: dict[str, Any]) -> None:
    """At once or not at all: the other side waits for the name to appear."""
    part = answer.with_suffix(".part")
    part.write_text(json.dumps(body), encoding="utf-8")
    part.replace(answer)
