"""The battery: named checks that take any optimizer class. A file of this folder registers its checks on import.

The order is that of the report: what explains most comes first.
"""

from __future__ import annotations

from ..context import CHECKS, SUPPORTS, Against, Check, Context, Subject, check, subject_of
from ..result import CheckReport, CheckResult, Failed, NotApplicable, NotDeclared

__all__ = [
    "CHECKS", "SUPPORTS", "Against", "Check", "CheckReport", "CheckResult", "Context", "Failed", "NotApplicable",
    "NotDeclared", "Subject", "check", "subject_of",
]  # fmt: skip

# ruff: isort: off
from . import target
from . import ownership
from . import protocol
from . import agreement
from . import options
from . import structure
from . import persistence
from . import tensors
from . import derivatives
from . import cost

_ = (target, ownership, protocol, agreement, options, structure, persistence, tensors, derivatives, cost)
