"""What there is in the place of a word that a formula may not use."""

from __future__ import annotations

import difflib

from . import vocabulary

PAGE = "docs/vocabulary.md has all words"
RANDOM = "ask for it: def update(param, grad, state, step, rng, *, ...), and draw by rng.uniform(x) or rng.normal(x)"
RANDOM_WORDS = frozenset({
    "random", "rand", "randn", "rand_like", "randn_like", "bernoulli", "normal", "uniform", "randint", "manual_seed",
    "default_rng", "seed", "multinomial",
})  # fmt: skip
ASK = "shape(x), ndim(x) and size(x) ask an array what it is"
NO_COPY = "nothing: a formula changes no input"
# A word that people write -> what there is instead. Words of the vocabulary stand for themselves.
INSTEAD = {
    "absolute": "abs(x)", "add": "a + b", "amax": "max(x)", "amin": "min(x)", "addcdiv": "x + value * a / b",
    "addcmul": "x + value * a * b", "bmm": "a @ b", "cbrt": "x ** (1 / 3)", "clamp": "clip(x, low, high)",
    "clone": NO_COPY, "copy": NO_COPY, "div": "a / b", "dot": "vdot(a, b)",
    "dtype": "finfo(x) for its eps, and astype(x, like) for another format",
    "empty": "zeros_like(x)", "empty_like": "zeros_like(x)",
    "flatten": "reshape(x, (-1,))", "getattr": ASK, "hasattr": ASK, "isinstance": "ndim(x): a single number has 0 axes",
    "item": "the array itself: every word takes one of one element", "lerp": "a + weight * (b - a)", "mm": "a @ b",
    "mul": "a * b", "neg": "-x", "numel": "size(x)", "ones": "ones_like(x)", "permute": "transpose(x, axes)",
    "pow": "x ** p", "power": "x ** p", "print": "nothing: a formula only computes", "ravel": "reshape(x, (-1,))",
    "rsqrt": "1 / x ** 0.5", "square": "x * x", "squeeze": "reshape(x, shape)", "sub": "a - b",
    "t": "x.T or transpose(x)", "unsqueeze": "reshape(x, shape)", "view": "reshape(x, shape)", "zeros": "zeros_like(x)",
    "matrix_norm": "norm(x)", "vector_norm": "norm(x)", "inverse": "inv_root(x, 1)", "inv": "inv_root(x, 1)",
}  # fmt: skip


def no_module(module: str) -> str:
    """Why a module of somebody else's cannot be imported, and what to import instead."""
    if module.partition(".")[0] == "random":
        return f"{module}: {RANDOM}"
    return (
        f"import {module}: a formula runs on every kind of number: take its words from twinstep.scratch_impls; {PAGE}"
    )


def instead(word: str, module: str = "") -> str:
    """What to write in the place of a word; module is where it was taken from."""
    if module.endswith("random") or (word in RANDOM_WORDS and word not in vocabulary.__all__):
        return RANDOM
    if word.endswith("_") and not word.startswith("_"):
        return f"it changes what it is called on; a formula makes new values: x = {INSTEAD.get(word[:-1], 'x + y')}"
    if word in vocabulary.__all__:
        return f"write {word if word == 'pi' else f'{word}(x)'}, from twinstep.scratch_impls import {word}"
    if word in INSTEAD:
        return f"write {INSTEAD[word]}; {PAGE}"
    if word in ("np", "numpy", "torch", "math"):
        return no_module(word).partition(": ")[2]
    near = difflib.get_close_matches(word, vocabulary.__all__, n=1, cutoff=0.75)
    told = f"did you mean {near[0]}?" if near else "it is no word of a formula, which runs on every kind of number;"
    return f"{told} {PAGE}"
