"""The other cores: processes that take tasks off this one, by joblib's loky.

A task is a small name and a result a few rows. Nothing is lost with a process: what it did not finish is done here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from types import TracebackType
from typing import Any, Generic, TypeVar

import joblib
from joblib.externals.loky import ProcessPoolExecutor

from ..records.rows import ROOT

Task, Result = TypeVar("Task"), TypeVar("Result")

# A process imports torch for some four seconds before its first task, which takes a tenth of one to one.
WORTH = 24
MOST = 8  # processes; with more of them each would wait for its imports longer than it works

# Run by `exec` before a process takes its first task. It makes this tree the one that tasks are found in, whatever is
# installed under its name; and on a terminal Ctrl-C reaches every process, where this one decides what happens.
_BOOT = """
import signal, sys, types
signal.signal(signal.SIGINT, signal.SIG_IGN)
package = types.ModuleType(name)
package.__path__ = [root]
sys.modules[name] = package
"""


class Pool:
    """Up to `workers` other processes, ended when the block ends; they start with the first shared tasks.

    notes   what a user should know of how the work was shared, one line each
    """

    def __init__(self, workers: int) -> None:
        self.workers, self.notes = workers, list[str]()
        self._executor: ProcessPoolExecutor | None = None

    @classmethod
    def for_tasks(cls, count: int) -> Pool:
        """As many processes as there are cores beside this one's, and none where so few tasks are not worth one."""
        if count < WORTH:
            return cls(0)
        # joblib knows affinity, cgroups and LOKY_MAX_CPU_COUNT; os.cpu_count() does not.
        made = cls(min(joblib.cpu_count() - 1, MOST))
        if made.workers < 1:
            made.notes.append("one core: everything runs in this process")
        return made

    def share(
        self, by_name: Callable[[Task], Result], tasks: Sequence[Task], here: Callable[[Task], Result]
    ) -> Shared[Task, Result]:
        """Hands out the tasks.

        by_name     a function of a module of this tree, called in another process
        here        the same in this process
        """
        if self.workers < 1:
            return Shared(self, {}, list(tasks), here)
        return Shared(self, {self._started().submit(by_name, task): task for task in tasks}, [], here)

    def _started(self) -> ProcessPoolExecutor:
        if self._executor is None:
            boot = {"name": __name__.partition(".")[0], "root": str(ROOT)}
            # A safe path, or a user's own random.py in the working directory would take the place of Python's.
            self._executor = ProcessPoolExecutor(
                self.workers, initializer=exec, initargs=(_BOOT, boot), env={"PYTHONSAFEPATH": "1"}
            )
        return self._executor

    def give_up(self, why: str) -> None:
        """From now on everything runs here; the reason is told once."""
        if self.workers:
            self.notes.append(f"another process cannot do this ({why}): everything runs in this one")
        self._end()

    def _end(self) -> None:
        self.workers, executor, self._executor = 0, self._executor, None
        if executor is not None:
            executor.shutdown(wait=True, kill_workers=True)

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()


class Shared(Generic[Task, Result]):
    """Tasks that were handed out, and their results as they come, in any order."""

    def __init__(
        self, pool: Pool, waiting: dict[Future[Result], Task], left: list[Task], here: Callable[[Task], Result]
    ) -> None:
        self._pool, self._waiting, self._left, self._here = pool, waiting, left, here

    def finished(self) -> Iterator[tuple[Task, Result]]:
        """What other processes have finished by now; each result comes once."""
        for future in [future for future in self._waiting if future.done()]:
            # It may be among those that were taken back meanwhile.
            if future in self._waiting:
                yield from self._result(future)

    def rest(self, starts: Callable[[Task], Any] = lambda task: None) -> Iterator[tuple[Task, Result]]:
        """Everything else: what nobody has begun is done here, last first, and then the others are waited for.

        starts      called with each task that begins here
        """
        while self._left or self._waiting:
            task = self._next()
            if task is None:
                wait(self._waiting, return_when=FIRST_COMPLETED)
            else:
                starts(task)
                yield task, self._here(task)
            yield from self.finished()

    def _next(self) -> Task | None:
        """A task that nobody has begun; None where others have begun all."""
        if self._left:
            return self._left.pop(0)
        for future, task in reversed(self._waiting.items()):
            if future.cancel():
                del self._waiting[future]
                return task
        return None

    def _result(self, future: Future[Result]) -> Iterator[tuple[Task, Result]]:
        task = self._waiting.pop(future)
        error = future.exception()
        if error is None:
            yield task, future.result()
            return
        # It died, or cannot find what a name stands for, or the task is wrong: the last is told by doing it here.
        self._left.append(task)
        self._take_back(error)

    def _take_back(self, error: BaseException) -> None:
        """What is not finished is done here."""
        done = {future: task for future, task in self._waiting.items() if future.done() and not future.exception()}
        self._left += [task for future, task in self._waiting.items() if future not in done]
        self._waiting = done
        self._pool.give_up(f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}")
