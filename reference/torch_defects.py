"""What the battery finds in classes of torch.optim themselves, as data, each with a script that shows it.

Each entry is strict: once torch is mended its script fails, and the entry goes. docs/torch-defects.md is made of it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class BatteryDefect:
    """What the battery finds in classes of torch.optim themselves.

    checks          the checks that fail by it
    classes         the classes that have it, and formulas of ours (by their small names) that share it, or are held
                    against a class that has it
    paths           "default", "foreach", "fused": the argument that the class was made with
    reproduction    at most ten lines; {cls} is the class, and the last line asserts that the defect is there
    dtypes          the formats of the parameters that show it; all, unless given
    seen            the versions of torch that were seen to have it, and where; a CUDA device takes foreach by default
    """

    name: str
    checks: tuple[str, ...]
    classes: tuple[str, ...]
    paths: tuple[str, ...]
    reason: str
    reproduction: str
    seen: str = "torch 2.13.0, CPU"
    dtypes: tuple[str, ...] = ()


ALL = (
    "SGD",
    "Adagrad",
    "RMSprop",
    "Adam",
    "AdamW",
    "Adadelta",
    "Adamax",
    "NAdam",
    "RAdam",
    "ASGD",
    "Rprop",
    "Adafactor",
    "Muon",
    "SparseAdam",
)
EVERY_PATH = ("default", "foreach", "fused")

_FLOAT32_NUMBERS = """\
import torch
p = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
optimizer = torch.optim.{cls}([p])
p.grad = torch.ones_like(p)
optimizer.step()
name = "eta" if "{cls}" == "ASGD" else "mu_product"
assert optimizer.state[p][name].dtype == torch.float32
"""

_MUON_BFLOAT16 = """\
import torch
p = torch.nn.Parameter(torch.zeros(1, 1, dtype=torch.float64))
optimizer = torch.optim.Muon([p], ns_steps=1, lr=1.0, weight_decay=0, ns_coefficients=(1.001, 0, 0))
p.grad = torch.ones_like(p)
optimizer.step()
assert p.item() == -1.0  # and not -1.001
"""

BATTERY_DEFECTS: tuple[BatteryDefect, ...] = (
    BatteryDefect(
        name="load-aliases",
        checks=("load-no-aliasing",),
        classes=ALL,
        paths=EVERY_PATH,
        reason="load_state_dict keeps the tensors of the dict it is given, so that steps change the dict",
        reproduction="""\
import torch
options = {"momentum": 0.9} if "{cls}" == "SGD" else {}
one, other = (torch.optim.{cls}([torch.nn.Parameter(torch.zeros(1, 1))], **options) for _ in range(2))
one.param_groups[0]["params"][0].grad = torch.ones(1, 1).to_sparse() if "{cls}" == "SparseAdam" else torch.ones(1, 1)
one.step()
saved = one.state_dict()
other.load_state_dict(saved)
name = next(iter(saved["state"][0]))
assert list(other.state.values())[0][name] is saved["state"][0][name]
""",
    ),
    BatteryDefect(
        name="lbfgs-load-aliases",
        checks=("load-no-aliasing",),
        classes=("LBFGS",),
        paths=("default",),
        reason="load_state_dict keeps the tensors of the dict it is given, so that steps change the dict",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.ones(1))
closure = lambda: (setattr(p, "grad", 4 * p.detach() ** 3), (p.detach() ** 4).sum())[1]
one, other = (torch.optim.{cls}([p], lr=0.1, max_iter=1) for _ in range(2))
one.step(closure)
saved = one.state_dict()
other.load_state_dict(saved)
other.step(closure)
assert saved["state"][0]["prev_flat_grad"].item() != 4.0  # the gradient of the first step, when it was saved
""",
    ),
    BatteryDefect(
        name="lbfgs-copies",
        checks=("copy-and-pickle",),
        classes=("LBFGS",),
        paths=("default",),
        reason="a copy lacks the attribute _params, which the constructor sets and Optimizer.__getstate__ leaves out",
        reproduction="""\
import copy, torch
optimizer = copy.deepcopy(torch.optim.{cls}([torch.nn.Parameter(torch.ones(1))]))
try:
    optimizer.step(lambda: torch.zeros(()))
except AttributeError as error:
    assert "_params" in str(error)
else:
    raise AssertionError("a copy steps")
""",
    ),
    BatteryDefect(
        name="lbfgs-strides",
        checks=("strides",),
        classes=("LBFGS",),
        paths=("default",),
        reason="gradients are flattened by view(-1), which those of a transposed or channels_last parameter refuse",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.ones(2, 3).T)
p.grad = torch.ones_like(p)
try:
    torch.optim.{cls}([p]).step(lambda: torch.zeros(()))
except RuntimeError as error:
    assert "view size is not compatible" in str(error)
else:
    raise AssertionError("it steps")
""",
    ),
    BatteryDefect(
        name="lbfgs-tensor-lr",
        checks=("tensor-lr",),
        classes=("LBFGS",),
        paths=("default",),
        reason="the tensor lr itself is kept as the length of the last step, so that changing lr in place changes the "
        "last step of which the next learns",
        reproduction="""\
import torch
p, lr = torch.nn.Parameter(torch.ones(1)), torch.tensor(0.5)
optimizer = torch.optim.{cls}([p], lr=lr, max_iter=1)
for _ in range(2):
    optimizer.step(lambda: (setattr(p, "grad", 4 * p.detach() ** 3), (p.detach() ** 4).sum())[1])
assert optimizer.state[p]["t"] is lr
""",
    ),
    BatteryDefect(
        name="lbfgs-no-history",
        checks=(),
        classes=("LBFGS",),
        paths=("default",),
        reason="history_size=0 is accepted, and the first pair that is to be kept raises IndexError",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.ones(1))
optimizer = torch.optim.{cls}([p], lr=0.1, history_size=0)
try:
    optimizer.step(lambda: (setattr(p, "grad", 4 * p.detach() ** 3), (p.detach() ** 4).sum())[1])
except IndexError as error:
    assert "empty list" in str(error)
else:
    raise AssertionError("it steps")
""",
    ),
    BatteryDefect(
        name="lbfgs-longer-history",
        checks=(),
        classes=("LBFGS",),
        paths=("default",),
        reason="a history_size that grows between two steps, in its group, raises IndexError: room for the alphas is "
        "made once, in the second iteration",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.ones(1))
optimizer = torch.optim.{cls}([p], lr=0.1, max_iter=4, history_size=1)
try:
    for optimizer.param_groups[0]["history_size"] in (1, 2):
        optimizer.step(lambda: (setattr(p, "grad", 4 * p.detach() ** 3), (p.detach() ** 4).sum())[1])
except IndexError as error:
    assert "assignment index" in str(error)
else:
    raise AssertionError("it steps")
""",
    ),
    BatteryDefect(
        name="lbfgs-search-at-rate-zero",
        checks=(),
        classes=("LBFGS",),
        paths=("default",),
        reason="a line search whose lr is 0, as a schedule may begin or end, divides by the length of its first trial: "
        "ZeroDivisionError from the second step on; without a line search such a step moves nothing",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.ones(1))
optimizer = torch.optim.{cls}([p], lr=0.0, line_search_fn="strong_wolfe")
try:
    for _ in range(2):
        optimizer.step(lambda: (setattr(p, "grad", p.detach().clone()), 0.5 * (p.detach() ** 2).sum())[1])
except ZeroDivisionError:
    assert p.item() == 1.0
else:
    raise AssertionError("it steps")
""",
    ),
    BatteryDefect(
        name="lbfgs-one-evaluation-more",
        checks=(),
        classes=("LBFGS", "lbfgs"),
        paths=("default",),
        reason="a line search may try as often as evaluations are left after its first trial, so that a step evaluates "
        "the loss once more often than max_eval (pytorch#91581 had it without any limit); our formula counts so, too",
        reproduction="""\
import torch
p, losses = torch.nn.Parameter(torch.ones(1)), []
optimizer = torch.optim.{cls}([p], lr=1e-4, max_eval=3, line_search_fn="strong_wolfe")
optimizer.step(lambda: (setattr(p, "grad", p.detach().clone()), losses.append(0.5 * p.item() ** 2), losses[-1])[2])
assert len(losses) == 4
""",
    ),
    BatteryDefect(
        name="lbfgs-move-that-was-not-made",
        checks=(),
        classes=("LBFGS", "lbfgs"),
        paths=("default",),
        reason="a step that ends before its move, since the slope is small, keeps direction and length all the same: "
        "the next one, where the loss is another, remembers a move that was not made; our formula does so, too",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.zeros(1))
optimizer = torch.optim.{cls}([p], max_iter=1)
for gradient in (1e-5, -1.0):
    optimizer.step(lambda: (setattr(p, "grad", torch.full_like(p, gradient)), gradient * p.detach().sum())[1])
assert 0 < p.item() < 1e-4  # and not 1, as in a step that remembers none
""",
    ),
    BatteryDefect(
        name="lbfgs-half-curvature",
        checks=(),
        classes=("LBFGS", "lbfgs"),
        paths=("default",),
        reason="a pair is kept if y's is above 1e-10, but in float16 1 / y's is infinite below 1.5e-5, and the "
        "parameters become NaN; a line search raises RuntimeError or ZeroDivisionError there",
        reproduction="""\
import torch
p, h = torch.nn.Parameter(torch.tensor([1.0, 2.0], dtype=torch.float16)), torch.tensor([1.0, 3.0], dtype=torch.float16)
optimizer = torch.optim.{cls}([p])
closure = lambda: (setattr(p, "grad", h * p.detach()), 0.5 * (h * p.detach() ** 2).sum())[1]
for _ in range(2):
    optimizer.step(closure)
assert bool(p.isnan().any()) and any(bool(rho.isinf()) for rho in optimizer.state[p]["ro"])
""",
    ),
    BatteryDefect(
        name="half-zero-gradients",
        checks=("float16-zero-gradients",),
        classes=("Adagrad", "RMSprop", "Adam", "AdamW", "Adamax", "NAdam", "SparseAdam"),
        paths=("default", "foreach"),
        reason="the default eps is 0 in float16, and gradients of zero give 0/0 (fused computes in float32)",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.zeros(1, 1, dtype=torch.float16))
optimizer = torch.optim.{cls}([p])
p.grad = torch.sparse_coo_tensor([[0]], p.detach().clone(), p.shape) if "{cls}" == "SparseAdam" else p.detach().clone()
optimizer.step()
assert bool(p.isnan())
""",
    ),
    BatteryDefect(
        name="radam-foreach-zero-gradients",
        checks=("float16-zero-gradients",),
        classes=("RAdam",),
        paths=("foreach",),
        reason="foreach RAdam divides by sqrt(v) + eps before it knows whether the step is rectified: with an eps of "
        "0, which the default is in float16, gradients of zero give 0 * inf; the for-loop divides where it uses it",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.zeros(1))
for foreach in (False, True):
    optimizer = torch.optim.RAdam([p], eps=0, foreach=foreach)
    p.grad = torch.zeros_like(p)
    optimizer.step()
    assert bool(p.isnan()) is foreach
""",
    ),
    BatteryDefect(
        name="float32-numbers",
        checks=("one-step", "many-steps", "tiny-gradients", "late-parameters", "large-tensor", "unusual-values"),
        classes=("NAdam", "ASGD"),
        paths=("default", "foreach"),
        reason="the numbers of the state (mu_product; eta and mu) are float32 tensors even where the parameters are "
        "float64, so that float64 steps are right to 7 digits only",
        reproduction=_FLOAT32_NUMBERS,
        dtypes=("float64",),
    ),
    BatteryDefect(
        name="float32-rates",
        checks=("zero-gradients",),
        classes=("ASGD",),
        paths=("default", "foreach"),
        reason="eta is a float32 number, by which x shrinks without any gradient: float64 differs in the eighth digit",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
optimizer = torch.optim.{cls}([p], lr=0.1, lambd=0.1)
p.grad = torch.zeros_like(p)
optimizer.step()
assert abs(p.item() - 0.99) > 1e-11  # lr * lambd is 0.01
""",
        dtypes=("float64",),
    ),
    BatteryDefect(
        name="adafactor-empty",
        checks=("shapes",),
        classes=("Adafactor",),
        paths=("default", "foreach"),
        reason="a parameter without elements divides by its size: ZeroDivisionError, and no parameter is stepped",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.zeros(0))
optimizer = torch.optim.Adafactor([p])
p.grad = torch.zeros_like(p)
try:
    raised = optimizer.step()
except ZeroDivisionError as error:
    raised = error
assert isinstance(raised, ZeroDivisionError)
""",
    ),
    BatteryDefect(
        name="adafactor-eps-of-another",
        checks=(),
        classes=("Adafactor",),
        paths=("default", "foreach"),
        reason="the eps that depends on the format is made for the first parameter of a group and kept for all others",
        reproduction="""\
import torch
p, q = (torch.nn.Parameter(torch.ones(1, dtype=dtype)) for dtype in (torch.float32, torch.float64))
for params in ([q], [p, q]):
    before = q.item()
    p.grad, q.grad = torch.full_like(p, 1e-9), torch.full_like(q, 1e-9)
    torch.optim.Adafactor(params).step()
    moved = before - q.item()
assert moved < 0.001  # alone it moves by 0.01
""",
    ),
    BatteryDefect(
        name="muon-bfloat16",
        checks=("large-tensor",),
        classes=("Muon",),
        paths=("default",),
        reason="the momentum is orthogonalized in bfloat16 whatever the format of the parameters: two digits of a step",
        reproduction=_MUON_BFLOAT16,
        dtypes=("float64",),
    ),
    BatteryDefect(
        name="muon-bfloat16-beyond-float32",
        checks=(
            "one-step",
            "many-steps",
            "tiny-gradients",
            "late-parameters",
            "unusual-values",
            "zero-gradients",
            "long-run",
        ),
        classes=("Muon",),
        paths=("default",),
        reason="orthogonalized in bfloat16, steps are wrong by more than float32 rounds as well",
        reproduction=_MUON_BFLOAT16.replace("float64", "float32"),
    ),
    BatteryDefect(
        name="muon-overwrites-its-momentum",
        checks=("bfloat16",),
        classes=("Muon",),
        paths=("default",),
        reason="with bfloat16 parameters and nesterov=False the momentum buffer itself is divided by its norm: "
        ".bfloat16() of a bfloat16 tensor is no copy",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.zeros(2, 2, dtype=torch.bfloat16))
optimizer = torch.optim.Muon([p], momentum=0.5, nesterov=False)
p.grad = torch.full_like(p, 8.0)
optimizer.step()
assert optimizer.state[p]["momentum_buffer"][0, 0].item() == 0.5  # the average is 4
""",
    ),
    BatteryDefect(
        name="muon-empty",
        checks=("shapes",),
        classes=("Muon",),
        paths=("default",),
        reason="a matrix without columns divides by their number: ZeroDivisionError, and no parameter is stepped",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.zeros(3, 0))
optimizer = torch.optim.Muon([p])
p.grad = torch.zeros_like(p)
try:
    raised = optimizer.step()
except ZeroDivisionError as error:
    raised = error
assert isinstance(raised, ZeroDivisionError)
""",
    ),
    BatteryDefect(
        name="sparse-adam-difference",
        checks=("unusual-values",),
        classes=("SparseAdam", "sparse_adam"),
        paths=("default",),
        reason="an average is moved by (1 - beta) times a difference, m + (g - m) with a first beta of 0: a small "
        "gradient after a large one is lost in the rounding of m",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.zeros(1, 1))
optimizer = torch.optim.SparseAdam([p], betas=(0.0, 0.9))
for size in (1.0, 1e-9):
    p.grad = torch.full_like(p, size).to_sparse()
    optimizer.step()
assert optimizer.state[p]["exp_avg"].item() == 0.0  # the average is 1e-9
""",
    ),
    BatteryDefect(
        name="load-casts-numbers",
        checks=("save-load",),
        classes=("NAdam", "ASGD"),
        paths=("default", "foreach"),
        reason="load_state_dict casts every number of the state but the step count to the parameter's format",
        reproduction="""\
import torch
one, other = (torch.optim.{cls}([torch.zeros(1, dtype=torch.float64)]) for _ in range(2))
one.param_groups[0]["params"][0].grad = torch.ones(1, dtype=torch.float64)
one.step()
other.load_state_dict(one.state_dict())
name = "eta" if "{cls}" == "ASGD" else "mu_product"
kept = [list(optimizer.state.values())[0][name].dtype for optimizer in (one, other)]
assert kept == [torch.float32, torch.float64]
""",
        dtypes=("float64",),
    ),
    BatteryDefect(
        name="load-casts-wide-numbers",
        checks=("bfloat16-save-load",),
        classes=("NAdam", "ASGD"),
        paths=("default", "foreach"),
        reason="load_state_dict casts state that is kept in float32 to the parameter's bfloat16: two digits are left",
        reproduction="""\
import torch
one, other = (torch.optim.{cls}([torch.zeros(1, dtype=torch.bfloat16)]) for _ in range(2))
one.param_groups[0]["params"][0].grad = torch.ones(1, dtype=torch.bfloat16)
one.step()
other.load_state_dict(one.state_dict())
name = "eta" if "{cls}" == "ASGD" else "mu_product"
kept = [list(optimizer.state.values())[0][name].dtype for optimizer in (one, other)]
assert kept == [torch.float32, torch.bfloat16]
""",
    ),
    BatteryDefect(
        name="centered-constant-gradients",
        checks=("constant-gradients",),
        classes=("RMSprop", "rmsprop"),
        paths=("default", "foreach"),
        reason="centered: under constant gradients v - m^2 rounds below 0, and its root is NaN; so does our formula, "
        "which keeps torch's convention",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.zeros(64))
optimizer = torch.optim.RMSprop([p], alpha=0.9, eps=1e-3, centered=True)
p.grad = torch.logspace(-6, 4, 64)
for _ in range(200):
    optimizer.step()
assert bool(p.isnan().any())
""",
    ),
    BatteryDefect(
        name="adagrad-group-accumulator",
        checks=("groups",),
        classes=("Adagrad",),
        paths=EVERY_PATH,
        reason="a group's own initial_accumulator_value is not used: state is made with the constructor's",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.zeros(1))
optimizer = torch.optim.Adagrad([{"params": [p], "initial_accumulator_value": 1.0}])
assert optimizer.state[p]["sum"].item() == 0.0
""",
    ),
    BatteryDefect(
        name="foreach-nesterov-writes-gradients",
        checks=("inputs-untouched", "no-aliasing"),
        classes=("SGD",),
        paths=("foreach",),
        reason="foreach SGD with nesterov and without weight decay adds the momentum to p.grad in place, twice to a "
        "gradient that two parameters share",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.zeros(1))
optimizer = torch.optim.SGD([p], lr=0.1, momentum=0.9, nesterov=True, foreach=True)
p.grad = torch.ones(1)
optimizer.step()
assert p.grad.item() != 1.0  # 1.9
""",
    ),
    BatteryDefect(
        name="fused-strides",
        checks=("strides",),
        classes=("SGD", "Adagrad", "Adam", "AdamW"),
        paths=("fused",),
        reason="the fused kernel of the CPU pairs parameter and gradient in the order of memory: with other strides "
        "than the parameter's, elements take each other's gradients",
        reproduction="""\
import torch
ends = []
for fused in (False, True):
    p = torch.nn.Parameter(torch.zeros(2, 3).t())  # 3 x 2, column by column
    optimizer = torch.optim.{cls}([p], lr=0.1, fused=fused)
    for k in (1.0, -0.5):
        p.grad = torch.arange(6.0).view(3, 2) ** k if k > 0 else torch.full((3, 2), k)
        optimizer.step()
    ends.append(p.detach())
assert not torch.allclose(*ends)
""",
    ),
    BatteryDefect(
        name="fused-sgd-late-start",
        checks=("late-parameters", "late-start", "frozen"),
        classes=("SGD",),
        paths=("fused",),
        reason="a parameter whose first gradient arrives after the others' has no momentum buffer yet, and fused SGD "
        "hands a list that mixes tensors and None to its kernel",
        reproduction="""\
import torch
p, q = (torch.nn.Parameter(torch.zeros(1)) for _ in range(2))
optimizer = torch.optim.SGD([p, q], lr=0.1, momentum=0.9, fused=True)
p.grad = torch.ones(1)
optimizer.step()
q.grad = torch.ones(1)
try:
    raised = optimizer.step()
except TypeError as error:
    raised = error
assert "NoneType" in str(raised)
""",
    ),
    BatteryDefect(
        name="fused-sgd-found-inf",
        checks=("grad-scaler",),
        classes=("SGD",),
        paths=("fused",),
        reason="fused SGD whose first step is skipped by found_inf goes on from a momentum buffer that nobody wrote to",
        reproduction="""\
import torch
torch.use_deterministic_algorithms(True)  # fills memory that nobody wrote to with NaN
p = torch.nn.Parameter(torch.zeros(1))
optimizer = torch.optim.SGD([p], lr=0.1, momentum=0.9, fused=True)
optimizer.grad_scale, optimizer.found_inf = torch.ones(()), torch.ones(())
p.grad = torch.ones(1)
optimizer.step()
assert bool(optimizer.state[p]["momentum_buffer"].isnan())  # torch.empty_like
""",
    ),
    BatteryDefect(
        name="fused-sgd-half",
        checks=("float16", "bfloat16"),
        classes=("SGD",),
        paths=("fused",),
        reason="fused SGD of the CPU leaves full vector blocks (n >= 16) as they are in float16 and bfloat16 "
        "(pytorch#191763, corrected in #192545)",
        reproduction="""\
import torch
p = torch.nn.Parameter(torch.zeros(32, dtype=torch.bfloat16))
optimizer = torch.optim.SGD([p], lr=1.0, fused=True)
p.grad = torch.ones_like(p)
optimizer.step()
assert bool((p == 0).any())
""",
    ),
    BatteryDefect(
        name="differentiable-first-momentum",
        checks=("differentiable",),
        classes=("SGD",),
        paths=("default",),
        reason="differentiable=True: the first momentum is grad.detach(), so that nothing has a derivative through the "
        "first step",
        reproduction="""\
import torch
p = torch.zeros(1, requires_grad=True).clone()
g = torch.ones(1, requires_grad=True)
p.grad = g.clone()
torch.optim.SGD([p], lr=0.1, momentum=0.9, differentiable=True).step()
assert torch.autograd.grad(p.sum(), g, allow_unused=True)[0] is None  # it is -0.1
""",
    ),
    BatteryDefect(
        name="differentiable-in-place",
        checks=("differentiable",),
        classes=("RMSprop", "Adam", "AdamW", "Adamax", "Rprop"),
        paths=("default",),
        reason="differentiable=True: a second step changes in place what the derivative of the first needs (the mean "
        "of a centered RMSprop, the maximum of amsgrad, both averages of Adamax, the step sizes of Rprop), and "
        "backward raises",
        reproduction="""\
import torch
p, g = torch.zeros(1, requires_grad=True).clone(), torch.ones(1, requires_grad=True)
options = {"RMSprop": {"centered": True}, "Adam": {"amsgrad": True}, "AdamW": {"amsgrad": True}}.get("{cls}", {})
optimizer = torch.optim.{cls}([p], differentiable=True, **options)
for _ in range(2):
    p.grad = g.clone()
    optimizer.step()
try: raised = p.sum().backward()
except RuntimeError as error: raised = error
assert "modified by an inplace operation" in str(raised)
""",
    ),
    BatteryDefect(
        name="differentiable-float32-corrections",
        checks=("differentiable",),
        classes=("Adam", "AdamW", "NAdam"),
        paths=("default",),
        reason="differentiable=True: the bias corrections are made from a float32 step count, so that float64 steps "
        "are right to 7 digits only",
        reproduction="""\
import torch
ends = []
for differentiable in (False, True):
    p = torch.zeros(1, dtype=torch.float64)
    optimizer = torch.optim.{cls}([p], lr=1.0, betas=(0.9, 0.999), eps=0.1, differentiable=differentiable)
    for _ in range(3):
        p.grad = torch.full_like(p, 0.01)
        optimizer.step()
    ends.append(p.item())
assert 1e-10 < abs(ends[0] - ends[1]) < 1e-6
""",
    ),
    BatteryDefect(
        name="learned-decay-writes-gradients",
        checks=("learned-options",),
        classes=("SGD", "Adam"),
        paths=("default",),
        reason="a weight_decay that is a tensor with a gradient is added to p.grad in place",
        reproduction="""\
import torch
p, decay = torch.ones(1), torch.tensor(0.5, requires_grad=True)
p.grad = torch.ones(1)
torch.optim.{cls}([p], lr=0.1, weight_decay=decay, differentiable=True).step()
assert p.grad.item() == 1.5
""",
    ),
    BatteryDefect(
        name="learned-lr-in-place",
        checks=("learned-options",),
        classes=("AdamW", "NAdam"),
        paths=("default",),
        reason="a second step changes in place what the derivative of the first by a tensor lr needs (NAdam's average, "
        "the maximum of amsgrad), and backward raises",
        reproduction="""\
import torch
p, lr = torch.zeros(1), torch.tensor(0.1, requires_grad=True)
optimizer = torch.optim.{cls}([p], lr=lr, differentiable=True, **({"amsgrad": True} if "{cls}" == "AdamW" else {}))
for _ in range(2):
    p.grad = torch.ones(1, requires_grad=True).clone()
    optimizer.step()
try: raised = p.sum().backward()
except RuntimeError as error: raised = error
assert "modified by an inplace operation" in str(raised)
""",
    ),
    BatteryDefect(
        name="learned-lr-detached",
        checks=("learned-options",),
        classes=("ASGD",),
        paths=("default",),
        reason="the rate eta is made from lr.detach(), so that the first step has no derivative by lr",
        reproduction="""\
import torch
p, lr = torch.zeros(1), torch.tensor(0.1, requires_grad=True)
p.grad = torch.ones(1)
torch.optim.ASGD([p], lr=lr, differentiable=True).step()
assert not p.requires_grad  # its derivative is -1
""",
    ),
)
