"""The other cores: processes that take tasks off this one, by joblib's loky.

A task is a small name and a result a few rows. Nothing is lost with a process: what it did not finish is done here.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from types import TracebackType
from typing import Any, Generic, TypeVar

import joblib
from joblib.externals.loky import ProcessPoolExecutor

from ..records.rows import ROOT

Task = TypeVar("Task")
Result = TypeVar("Result")

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
        """Hands out the tasks, a few at a time.

        by_name     a function of a module of this tree, called in another process
        here        the same in this process
        """
        shared = Shared(self, tasks, by_name, here)
        # One to do and one to go on with: what is handed out is not taken back.
        for _ in range(2 * self.workers):
            shared.hand_out()
        return shared

    def submit(self, by_name: Callable[[Task], Result], task: Task) -> Future[Result]:
        """Starts the processes where there are none yet."""
        return self._started().submit(by_name, task)

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
    """Tasks that are handed out one after the other, and their results as they come, in any order."""

    def __init__(
        self, pool: Pool, tasks: Sequence[Task], by_name: Callable[[Task], Result], here: Callable[[Task], Result]
    ) -> None:
        self._pool, self._by_name, self._here = pool, by_name, here
        self._left, self._out = deque(tasks), dict[Future[Result], Task]()
        self._lock = threading.RLock()  # who hands out may be the thread that brings results

    def hand_out(self, after: Future[Result] | None = None) -> None:
        """Hands out the next task; not after one that failed."""
        # By ourselves and not all at once with a cancel() for the rest: ended with a cancelled task on its list, loky
        # (joblib 1.6) forgets to end its processes, and the interpreter waits for them for good.
        with self._lock:
            failed = after is not None and (after.cancelled() or after.exception() is not None)
            if failed or not self._left or not self._pool.workers:
                return
            task = self._left.popleft()
            future = self._pool.submit(self._by_name, task)
            self._out[future] = task
        future.add_done_callback(self.hand_out)

    def finished(self) -> Iterator[tuple[Task, Result]]:
        """What other processes have finished by now; each result comes once."""
        with self._lock:
            done = {future: self._out.pop(future) for future in list(self._out) if future.done()}
        for future, task in done.items():
            error = future.exception()
            if error is None:
                yield task, future.result()
            else:  # it died, or cannot find what a name stands for, or the task is wrong, which doing it here tells
                self._take_back(task, error)

    def rest(self, starts: Callable[[Task], Any] = lambda task: None) -> Iterator[tuple[Task, Result]]:
        """Everything else: what is not handed out is done here, last first, and then the others are waited for.

        starts      called with each task that begins here
        """
        while True:
            with self._lock:
                task, out = self._left.pop() if self._left else None, list(self._out)
            if task is not None:
                starts(task)
                yield task, self._here(task)
            elif out:
                wait(out, return_when=FIRST_COMPLETED)
            else:
                return
            yield from self.finished()

    def _take_back(self, task: Task, error: BaseException) -> None:
        """This task and those that are out are done here; what was finished meanwhile counts."""
        with self._lock:
            lost = [future for future in self._out if not future.done() or future.exception() is not None]
            self._left.extend([task, *(self._out.pop(future) for future in lost)])
        self._pool.give_up(f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}")
