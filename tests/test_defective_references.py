"""A reference with a defect of its own: torch's known ones are taken away where the subject lacks them, others told."""

from __future__ import annotations

import pytest
import torch
from checks.one_check import verdict

from twinstep.bench.battery.context import context_for


@pytest.mark.parametrize("name", ["nadam", "asgd", "muon"])
def test_the_reference_is_with_or_without_its_defect_as_the_subject_is(name):
    """torch has float32 numbers in NAdam and ASGD, and bfloat16 in Muon: who follows the paper is right without."""
    twin = getattr(torch.optim, {"nadam": "NAdam", "asgd": "ASGD", "muon": "Muon"}[name])
    assert context_for(name, twin).against.label.endswith(", mended")
    assert not context_for(type("Theirs", (twin,), {}), twin).against.label.endswith(", mended")
    for subject in (name, type("Theirs", (twin,), {})):
        found = verdict(subject, "one-step", twin, quick=True, dtypes=["float64"])
        assert found.status == "passed", f"{subject}: {found}"


def test_a_reference_that_was_patched_proves_nothing(monkeypatch):
    @torch.no_grad()
    def without_corrections(self, closure=None):
        for group in self.param_groups:
            for p in (p for p in group["params"] if p.grad is not None):
                state = self.state[p]
                m, v = (state.setdefault(name, torch.zeros_like(p)) for name in ("exp_avg", "exp_avg_sq"))
                m.lerp_(p.grad, 1 - group["betas"][0])
                v.lerp_(p.grad**2, 1 - group["betas"][1])
                p.addcdiv_(m, v.sqrt() + group["eps"], value=-group["lr"])

    monkeypatch.setattr(torch.optim.Adam, "step", without_corrections)
    found = verdict(type("Theirs", (torch.optim.Adam,), {}), "many-steps", torch.optim.Adam, quick=True)
    assert found.cause == "the reference is not what its formula says", str(found)
