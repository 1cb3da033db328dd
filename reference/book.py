"""The book's rules in plain Python, and every number that it printed.

Zhang, Lipton, Li, Smola, Dive into Deep Learning (first Chinese edition), chapter 7; the same experiments stand in
d2l-zh 1.0, d2l-en and in ShusenTang's PyTorch edition, whose sections are cited. The rules are written from the book
and share no code with the formulas that are held against them; they run on floats and on NumPy arrays.

    gd          x <- x - eta g
    momentum    v <- gamma v + eta g                        x <- x - v
    adagrad     s <- s + g^2                                x <- x - eta / sqrt(s + eps) g            eps = 1e-6
    rmsprop     s <- gamma s + (1 - gamma) g^2              x <- x - eta / sqrt(s + eps) g            eps = 1e-6
    adadelta    s <- rho s + (1 - rho) g^2                  d <- sqrt((q + eps) / (s + eps)) g        eps = 1e-5
                x <- x - d                                  q <- rho q + (1 - rho) d^2
    adam        v <- 0.9 v + 0.1 g                          s <- 0.999 s + 0.001 g^2                  eps = 1e-6
                x <- x - eta v / (1 - 0.9^t) / (sqrt(s / (1 - 0.999^t)) + eps)

Every state is 0 before the first step. lr stands inside the velocity and eps inside the root; torch.optim does neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Point = tuple[float, ...]


def _gd(x: Any, g: Any, state: Any, *, eta: float) -> Any:
    return x - eta * g, state


def _momentum(x: Any, g: Any, v: Any, *, eta: float, gamma: float) -> Any:
    v = gamma * v + eta * g
    return x - v, v


def _adagrad(x: Any, g: Any, s: Any, *, eta: float) -> Any:
    s = s + g**2
    return x - eta / (s + 1e-6) ** 0.5 * g, s


def _rmsprop(x: Any, g: Any, s: Any, *, eta: float, gamma: float) -> Any:
    s = gamma * s + (1 - gamma) * g**2
    return x - eta / (s + 1e-6) ** 0.5 * g, s


def _adadelta(x: Any, g: Any, state: Any, *, rho: float) -> Any:
    s, q = state
    s = rho * s + (1 - rho) * g**2
    d = ((q + 1e-5) / (s + 1e-5)) ** 0.5 * g
    return x - d, (s, rho * q + (1 - rho) * d**2)


def _adam(x: Any, g: Any, state: Any, *, eta: float) -> Any:
    v, s, t = state
    # 1 - 0.9 and not 0.1, as the book's code has it: the two differ in the last digits, which %r would show.
    v, s, t = 0.9 * v + (1 - 0.9) * g, 0.999 * s + (1 - 0.999) * g**2, t + 1
    return x - eta * (v / (1 - 0.9**t)) / ((s / (1 - 0.999**t)) ** 0.5 + 1e-6), (v, s, t)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """step(x, g, state, **symbols) -> (x, state), and how a formula becomes this rule.

    twin        the class of torch.optim that takes the same steps, up to the places of eps and lr
    state       before the first step
    names       the book's symbol -> the keyword that torch and the formulas use
    options     what a formula takes beside these to be the book's rule: its eps, and its places of eps and lr
    """

    step: Callable[..., tuple[Any, Any]]
    twin: str = ""
    state: Any = 0.0
    names: Mapping[str, str]
    options: Mapping[str, Any]


RULES: Mapping[str, Rule] = {
    "gd": Rule(step=_gd, twin="SGD", names={"eta": "lr"}, options={}),
    "momentum": Rule(step=_momentum, twin="SGD", names={"eta": "lr", "gamma": "momentum"}, options={"lr_inside": True}),
    "adagrad": Rule(step=_adagrad, twin="Adagrad", names={"eta": "lr"}, options={"eps": 1e-6, "eps_inside": True}),
    "rmsprop": Rule(step=_rmsprop, twin="RMSprop", names={"eta": "lr", "gamma": "alpha"},
                    options={"eps": 1e-6, "eps_inside": True}),
    # The book's Adadelta has no lr: torch's multiplies the step by one.
    "adadelta": Rule(step=_adadelta, twin="Adadelta", state=(0.0, 0.0), names={"rho": "rho"},
                     options={"lr": 1.0, "eps": 1e-5}),
    "adam": Rule(step=_adam, twin="Adam", state=(0.0, 0.0, 0), names={"eta": "lr"}, options={"eps": 1e-6}),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Surface:
    """A function that the book walks down: its gradient, the start and the number of steps."""

    gradient: Callable[[Point], Point]
    start: Point
    steps: int


SURFACES: Mapping[str, Surface] = {
    "x^2": Surface(gradient=lambda x: (2 * x[0],), start=(10,), steps=10),
    "x1^2 + 2 x2^2": Surface(gradient=lambda x: (2 * x[0], 4 * x[1]), start=(-5, -2), steps=20),
    "0.1 x1^2 + 2 x2^2": Surface(gradient=lambda x: (0.2 * x[0], 4 * x[1]), start=(-5, -2), steps=20),
}
_BOWL = "0.1 x1^2 + 2 x2^2"


@dataclass(frozen=True, kw_only=True)
class Published:
    """One walk of the book.

    printed     the last point as the book prints it, with `style` ("%f", or "%r" for all digits of a float)
    exact       the last point in float64
    first       the points after steps 1 and 2 with six decimals, where a last line alone would not tell rules apart
    where       the section; the first points are no line of the book but belong to the same walk
    """

    rule: str
    symbols: Mapping[str, float]
    where: str
    printed: tuple[str, ...]
    exact: Point
    first: tuple[tuple[str, ...], ...] = ()
    surface: str = _BOWL
    style: str = "%f"

    @property
    def name(self) -> str:
        return f"{self.rule} {'/'.join(f'{v:g}' for v in self.symbols.values())} on {self.surface}"

    @property
    def hyper(self) -> dict[str, Any]:
        """The hyperparameters that make a formula the book's rule, by torch's keyword names."""
        rule = RULES[self.rule]
        return {**{rule.names[s]: value for s, value in self.symbols.items()}, **rule.options}


def trace(published: Published) -> list[Point]:
    """The book's walk in plain Python: steps + 1 points, the start first."""
    return follow(RULES[published.rule], SURFACES[published.surface], published.symbols)


def follow(rule: Rule, surface: Surface, symbols: Mapping[str, float]) -> list[Point]:
    """The walk of any rule on any surface: steps + 1 points, the start first."""
    x, states, points = surface.start, [rule.state] * len(surface.start), [surface.start]
    for _ in range(surface.steps):
        coordinates = zip(x, surface.gradient(x), states, strict=True)
        moved = [rule.step(a, g, s, **symbols) for a, g, s in coordinates]
        x, states = tuple(a for a, _ in moved), [s for _, s in moved]
        points.append(x)
    return points


def _gd_1d(eta: float, printed: str) -> Published:
    return Published(rule="gd", symbols={"eta": eta}, surface="x^2", where="7.2.1-7.2.2", style="%r",
                     printed=(printed,), exact=(float(printed),))  # fmt: skip


PUBLISHED: tuple[Published, ...] = (
    _gd_1d(0.2, "0.06046617599999997"),
    _gd_1d(0.05, "3.4867844009999995"),
    _gd_1d(1.1, "61.917364224000096"),
    Published(rule="gd", symbols={"eta": 0.1}, surface="x1^2 + 2 x2^2", where="7.2.3",
              printed=("-0.057646", "-0.000073"), exact=(-0.057646075230342354, -7.312316880125945e-05)),
    Published(rule="gd", symbols={"eta": 0.4}, where="7.4.1", printed=("-0.943467", "-0.000073"),
              exact=(-0.9434666458139824, -7.312316880125978e-05)),
    Published(rule="gd", symbols={"eta": 0.6}, where="7.4.1", printed=("-0.387814", "-1673.365109"),
              exact=(-0.38781396819094793, -1673.365108505695)),
    Published(rule="momentum", symbols={"eta": 0.4, "gamma": 0.5}, where="7.4.2", printed=("-0.062843", "0.001202"),
              exact=(-0.06284345503037861, 0.0012023355717834623),
              first=(("-4.600000", "1.200000"), ("-4.032000", "0.880000"))),
    Published(rule="momentum", symbols={"eta": 0.6, "gamma": 0.5}, where="7.4.2", printed=("0.007188", "0.002553"),
              exact=(0.007187866737294237, 0.0025532747547120727)),
    Published(rule="momentum", symbols={"eta": 0.6, "gamma": 0.25}, where="d2l-en, momentum",
              printed=("-0.126340", "-0.186632"), exact=(-0.1263396302056502, -0.18663223011516716)),
    Published(rule="adagrad", symbols={"eta": 0.4}, where="7.5.2", printed=("-2.382563", "-0.158591"),
              exact=(-2.382562771979649, -0.15859055003666966),
              first=(("-4.600000", "-1.600000"), ("-4.329178", "-1.350122"))),
    # The book prints -0.000000, which is -1.4e-162 at six decimals.
    Published(rule="adagrad", symbols={"eta": 2.0}, where="7.5.2", printed=("-0.002295", "-0.000000"),
              exact=(-0.002295340252192116, -1.4349e-162)),
    Published(rule="rmsprop", symbols={"eta": 0.4, "gamma": 0.9}, where="7.6.1", printed=("-0.010599", "0.000000"),
              exact=(-0.01059867213411372, 1.0362e-14),
              first=(("-3.735095", "-0.735089"), ("-2.952557", "-0.278126"))),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class AirfoilRun:
    """Linear regression on airfoil self-noise without any randomness: the losses after epochs 1 and 2.

    w = b = 0, rows in file order, no shuffle, float64. The experiments and their values are the book's (section
    `where`); the losses were computed for this table, since the book's own runs are shuffled and so cannot be repeated.

    book_losses     both losses with nine decimals, as the book's rule makes them
    torch_losses    the same with torch.optim's rule and torch's default eps
    """

    rule: str
    symbols: Mapping[str, float]
    where: str
    book_losses: str
    torch_losses: str
    batch: int = 10

    @property
    def name(self) -> str:
        batch = "" if self.batch == 10 else f", batch {self.batch}"
        return f"{self.rule} {'/'.join(f'{v:g}' for v in self.symbols.values())} on airfoil{batch}"

    @property
    def torch_hyper(self) -> dict[str, Any]:
        return {RULES[self.rule].names[s]: value for s, value in self.symbols.items()}

    @property
    def book_hyper(self) -> dict[str, Any]:
        return {**self.torch_hyper, **RULES[self.rule].options}


def _run(rule: str, where: str, book: str, torch: str = "", *, batch: int = 10, **symbols: float) -> AirfoilRun:
    losses = {"book_losses": book, "torch_losses": torch or book}
    return AirfoilRun(rule=rule, symbols=symbols, where=where, batch=batch, **losses)


AIRFOIL: tuple[AirfoilRun, ...] = (
    _run("gd", "7.3.2", "0.261942991, 0.281723618", eta=0.05),
    _run("gd", "7.3.2", "0.259202545, 0.276519773", eta=0.005, batch=1),
    _run("momentum", "7.4.3", "0.263744303, 0.282706224", eta=0.02, gamma=0.5),
    _run("momentum", "7.4.3", "0.562998219, 1.830130247", eta=0.02, gamma=0.9),
    _run("momentum", "7.4.3", "0.261180781, 0.293891207", eta=0.004, gamma=0.9),
    _run("adagrad", "7.5.3", "0.252560364, 0.246748690", "0.252560813, 0.246747335", eta=0.1),
    _run("rmsprop", "7.6.2", "0.246791114, 0.254141927", "0.246801292, 0.254137514", eta=0.01, gamma=0.9),
    _run("adadelta", "7.7.2", "0.268002713, 0.245627866", "0.370964624, 0.297091347", rho=0.9),
    _run("adam", "7.8.2", "0.273347682, 0.255303667", "0.273347622, 0.255303726", eta=0.01),
)
