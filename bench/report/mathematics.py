"""A formula as its file's docstring has it, in the signs of mathematics."""

from __future__ import annotations

import re

GREEK = {
    "alpha": "α", "beta": "β", "eta": "η", "eps": "ε", "lambd": "λ", "mu": "μ", "rho": "ρ", "gamma": "γ",  # noqa: RUF001
}  # fmt: skip
UPPER = str.maketrans("0123456789t-+/()", "⁰¹²³⁴⁵⁶⁷⁸⁹ᵗ⁻⁺ᐟ⁽⁾")
LOWER = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def as_mathematics(text: str) -> str:
    """The lines of the formula: `beta1^t` and `v <- sqrt(v)` as β₁ᵗ and v ← √(v). The words around them stay."""
    return "\n".join(_line(line) if line.startswith("    ") else line for line in text.split("\n"))


def _line(line: str) -> str:
    """What stands to the right, such as `v_0 = 0`, stays in its column."""
    left, gap, right = re.fullmatch(r"(\s*.*?)(\s{2,}|$)(\S.*)?", line).groups()  # type: ignore[union-attr]
    return f"{_signs(left):{len(left + gap)}}{_signs(right or '')}".rstrip()


def _signs(text: str) -> str:
    text = re.sub(r"\b(" + "|".join(GREEK) + r")(\d?)\b", lambda m: GREEK[m[1]] + m[2].translate(LOWER), text)
    text = re.sub(r"(?<=\w)_(\d)\b", lambda m: m[1].translate(LOWER), text)
    text = re.sub(r"\^\(([-+\dt/]+)\)", lambda m: m[1].translate(UPPER), text)
    text = re.sub(r"\^([\dt])\b", lambda m: m[1].translate(UPPER), text)
    return text.replace("sqrt(", "√(").replace("<-", "←")
