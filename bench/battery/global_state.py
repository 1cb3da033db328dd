"""What a call changes in the process around it: random numbers, defaults, threads, modes, output."""

from __future__ import annotations

import contextlib
import io
import os
import random
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

Item = tuple[Callable[[], Any], Callable[[Any], Any]]  # what gives its value, what puts it back


def _numpy() -> tuple[Any, ...]:
    state: Any = np.random.get_state()  # noqa: NPY002  the global generator is what must not be touched
    return (state[0], state[1].tobytes(), *state[2:])


def _put_numpy(state: tuple[Any, ...]) -> None:
    np.random.set_state((state[0], np.frombuffer(state[1], dtype=np.uint32), *state[2:]))  # noqa: NPY002


def _cuda() -> list[bytes]:
    # Asking would start CUDA where nobody did.
    return [s.numpy().tobytes() for s in torch.cuda.get_rng_state_all()] if torch.cuda.is_initialized() else []


def _put_cuda(states: list[bytes]) -> None:
    for device, state in enumerate(states):
        torch.cuda.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8), device)


def seed_torch(seed: int) -> None:
    """What torch.manual_seed does for the devices that are in use.

    That one takes a millisecond where there is no GPU, for it keeps a traceback for each that might come; steps are
    seeded one by one, and it was half the time of options-have-effect.
    """
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)


def _put_device(device: str) -> None:
    torch.set_default_device(None if device == "cpu" else device)  # None leaves no mode behind


OF_TORCH = ("TORCH", "KMP_", "OMP_", "TRITON")  # what torch and its threads set when they first load a part of theirs


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(OF_TORCH)}


def _put_environment(known: dict[str, str]) -> None:
    for name in set(_environment()) - set(known):
        del os.environ[name]
    os.environ.update(known)


def _flag(place: Any, name: str) -> Item:
    """A switch of torch.backends; not every build and version lets it be read."""

    def read() -> Any:
        with contextlib.suppress(AttributeError, RuntimeError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(place, name)

    def put(value: Any) -> None:
        with contextlib.suppress(AttributeError, RuntimeError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            setattr(place, name, value)

    return read, put


def _flushed() -> bool:
    return not bool(torch.tensor(5e-324, dtype=torch.float64) * 1)


def _nothing(value: Any) -> None:
    """It cannot be put back; to be told of it is enough."""


ITEMS: dict[str, Item] = {
    "torch's random state": (
        lambda: torch.get_rng_state().numpy().tobytes(),
        lambda state: torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8)),
    ),
    "CUDA's random state": (_cuda, _put_cuda),
    "NumPy's random state": (_numpy, _put_numpy),
    "Python's random state": (random.getstate, random.setstate),
    "the default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "the default device": (lambda: str(torch.get_default_device()), _put_device),
    "the number of threads": (torch.get_num_threads, torch.set_num_threads),
    "grad mode": (torch.is_grad_enabled, torch.set_grad_enabled),
    "inference mode": (torch.is_inference_mode_enabled, _nothing),
    "deterministic algorithms": (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
    "anomaly detection": (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    "autocast": (lambda: torch.is_autocast_enabled("cpu"), lambda on: torch.set_autocast_enabled("cpu", on)),
    "the precision of float32 products": (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    "TF32 in products": _flag(torch.backends.cuda.matmul, "allow_tf32"),
    "TF32 in convolutions": _flag(torch.backends.cudnn, "allow_tf32"),
    "the search for the fastest convolution": _flag(torch.backends.cudnn, "benchmark"),
    "the choice of deterministic convolutions": _flag(torch.backends.cudnn, "deterministic"),
    "the flushing of denormal numbers": (_flushed, torch.set_flush_denormal),
    "the working directory": (os.getcwd, os.chdir),
    "environment variables": (_environment, _put_environment),
}


def read() -> dict[str, Any]:
    """What the process around is like now."""
    return {name: value() for name, (value, _) in ITEMS.items()}


def put_back(before: dict[str, Any]) -> list[str]:
    """What has changed since, one clause each; what can be is put back."""
    found = []
    for name, (value, put) in ITEMS.items():
        now = value()
        if before[name] not in (now, []):  # []: CUDA was not running before
            short = all(isinstance(value, (str, int, bool, torch.dtype)) for value in (now, before[name]))
            found.append(f"changed {name}" + (f" from {before[name]} to {now}" if short else ""))
            put(before[name])
    return found


def changes(use: Callable[[], Any]) -> list[str]:
    """What `use` changed or printed, one clause each; what can be is put back. Warnings are not counted as output."""
    before, printed = read(), list[str]()
    try:
        with warnings.catch_warnings(), _captured(printed):
            warnings.simplefilter("ignore")
            filters = list(warnings.filters)
            use()
            if list(warnings.filters) != filters:
                printed.append("changed the filters of warnings")
    finally:
        found = put_back(before)
    return found + printed


@contextlib.contextmanager
def _captured(printed: list[str]) -> Iterator[None]:
    """Python's streams, and below them the descriptors 1 and 2, where a compiled library writes."""
    streams = {"stdout": io.StringIO(), "stderr": io.StringIO()}
    with contextlib.ExitStack() as stack:
        files = {name: stack.enter_context(_descriptor(fd)) for name, fd in (("stdout", 1), ("stderr", 2))}
        with contextlib.redirect_stdout(streams["stdout"]), contextlib.redirect_stderr(streams["stderr"]):
            yield
        for name, stream in streams.items():
            files[name].seek(0)
            if text := stream.getvalue() + files[name].read().decode(errors="replace"):
                printed.append(f"wrote to {name}: {text[:200]!r}")


@contextlib.contextmanager
def _descriptor(fd: int) -> Iterator[Any]:
    """A file that receives what is written to the descriptor."""
    streams: list[Any] = [sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__]
    for stream in streams:
        with contextlib.suppress(Exception):
            stream.flush()  # what was printed before is not theirs
    with tempfile.TemporaryFile() as file:
        try:
            kept = os.dup(fd)
        except OSError:  # a process without that descriptor
            yield file
            return
        os.dup2(file.fileno(), fd)
        try:
            yield file
        finally:
            os.dup2(kept, fd)
            os.close(kept)
