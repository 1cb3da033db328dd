"""With bfloat16 parameters the same, for state that is kept wider as well: torch's own loading casts that.

Bug: pytorch#75224. Optimizer.load_state_dict casts all state but `step` to the parameter's dtype, so that averages in
float32 come back rounded to bfloat16, and the run goes on another way than the unbroken one.
Control: an RMSprop with float32 averages that leaves loading to torch.
"""

from __future__ import annotations

from ...context import Context, check, declared
from ..cases import cases_of
from ._save_and_resume import judge_resumed_run


@check("T9", place=2, since="0.2")
def bfloat16_save_load(context: Context) -> None:
    declared(context, "bfloat16")
    for case in cases_of(context):
        judge_resumed_run(context, case, "bfloat16")
