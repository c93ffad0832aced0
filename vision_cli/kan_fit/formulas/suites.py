"""Suites of functions to fit: `s7`, toy functions of the KAN papers, and twenty formulas of physics.

`s7` replaces the seven functions of the S-KAN paper, whose list is not public: four toy functions of the KAN paper
(arXiv:2404.19756, section 3.1), a step, a kink with a chirp, and Runge's function. The formulas of physics and their
ranges are from the Feynman Symbolic Regression Database (Udrescu and Tegmark, arXiv:1905.11481, table 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.commands import did_you_mean
from vision_cli.core.errors import InputError, UsageError
from vision_cli.kan_fit.formulas.parser import Expression, parse_expression


@dataclass(frozen=True)
class Target:
    """A function and the ranges that it is sampled from.

    Attributes
    ----------
    name
        Its name in ``--function``.
    expression
        The function.
    ranges
        Lowest and highest value of each variable; [-1, 1] for those that are not named.
    """

    name: str
    expression: Expression
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables, in the order of the columns."""
        return self.expression.variables

    def sample(self, rows: int, generator: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return inputs drawn uniformly from the ranges, ``(rows, variables)``, and their values ``(rows,)``.

        Raises
        ------
        InputError
            If a value is not finite.
        """
        bounds = np.array([self.ranges.get(name, (-1.0, 1.0)) for name in self.variables])
        inputs = generator.uniform(bounds[:, 0], bounds[:, 1], (rows, len(self.variables)))
        values = np.broadcast_to(self.expression(dict(zip(self.variables, inputs.T, strict=True))), rows)
        bad = ~np.isfinite(values)
        if bad.any():
            where = ", ".join(
                f"{name} = {value:.4g}" for name, value in zip(self.variables, inputs[bad][0], strict=True)
            )
            raise InputError(
                f"{self.expression.text}: not finite at {int(bad.sum())} of {rows} points, first at {where}; "
                "finite values expected.",
                hint="Choose --range where the formula is defined.",
            )
        return inputs, np.array(values, dtype=np.float64)


def _target(name: str, text: str, **ranges: tuple[float, float]) -> Target:
    return Target(name, parse_expression(text), ranges)


S7 = (
    _target("bessel", "j0(20*x)"),
    _target("expsin", "exp(sin(pi*x) + y**2)"),
    _target("xy", "x*y"),
    _target("four", "exp((sin(pi*(x1**2 + x2**2)) + sin(pi*(x3**2 + x4**2)))/2)"),
    _target("step", "step(x + 0.3*y)"),
    _target("kinkchirp", "abs(x) + 0.5*sin(8*pi*y**2)"),
    _target("runge", "1/(1 + 25*(x**2 + y**2))"),
)
TOY5 = (
    _target("square", "x**2"),
    _target("sine", "sin(pi*x)"),
    S7[2],
    S7[1],
    _target("radius", "sqrt(x**2 + y**2)"),
)
_ONE_TO_FIVE, _ONE_TO_THREE, _ONE_TO_TWO = (1.0, 5.0), (1.0, 3.0), (1.0, 2.0)
FEYNMAN20 = (
    _target("I.6.2a", "exp(-theta**2/2)/sqrt(2*pi)", theta=_ONE_TO_THREE),
    _target("I.6.2", "exp(-(theta/sigma)**2/2)/(sqrt(2*pi)*sigma)", theta=_ONE_TO_THREE, sigma=_ONE_TO_THREE),
    _target(
        "I.8.14",
        "sqrt((x2 - x1)**2 + (y2 - y1)**2)",
        x1=_ONE_TO_FIVE,
        x2=_ONE_TO_FIVE,
        y1=_ONE_TO_FIVE,
        y2=_ONE_TO_FIVE,
    ),
    _target("I.10.7", "m0/sqrt(1 - v**2/c**2)", m0=_ONE_TO_FIVE, v=_ONE_TO_TWO, c=(3.0, 10.0)),
    _target("I.12.1", "mu*Nn", mu=_ONE_TO_FIVE, Nn=_ONE_TO_FIVE),
    _target(
        "I.12.2", "q1*q2/(4*pi*epsilon*r**2)", q1=_ONE_TO_FIVE, q2=_ONE_TO_FIVE, epsilon=_ONE_TO_FIVE, r=_ONE_TO_FIVE
    ),
    _target("I.13.4", "m*(v**2 + u**2 + w**2)/2", m=_ONE_TO_FIVE, v=_ONE_TO_FIVE, u=_ONE_TO_FIVE, w=_ONE_TO_FIVE),
    _target("I.14.4", "k*x**2/2", k=_ONE_TO_FIVE, x=_ONE_TO_FIVE),
    _target(
        "I.15.3t", "(t - u*x/c**2)/sqrt(1 - u**2/c**2)", x=_ONE_TO_FIVE, c=(3.0, 10.0), u=_ONE_TO_TWO, t=_ONE_TO_FIVE
    ),
    _target("I.16.6", "(u + v)/(1 + u*v/c**2)", c=_ONE_TO_FIVE, v=_ONE_TO_FIVE, u=_ONE_TO_FIVE),
    _target("I.18.4", "(m1*r1 + m2*r2)/(m1 + m2)", m1=_ONE_TO_FIVE, m2=_ONE_TO_FIVE, r1=_ONE_TO_FIVE, r2=_ONE_TO_FIVE),
    _target(
        "I.24.6",
        "m*(omega**2 + omega0**2)*x**2/4",
        m=_ONE_TO_THREE,
        omega=_ONE_TO_THREE,
        omega0=_ONE_TO_THREE,
        x=_ONE_TO_THREE,
    ),
    _target("I.26.2", "asin(n*sin(theta2))", n=(0.0, 1.0), theta2=_ONE_TO_FIVE),
    _target("I.27.6", "1/(1/d1 + n/d2)", d1=_ONE_TO_FIVE, d2=_ONE_TO_FIVE, n=_ONE_TO_FIVE),
    _target(
        "I.29.16",
        "sqrt(x1**2 + x2**2 - 2*x1*x2*cos(theta1 - theta2))",
        x1=_ONE_TO_FIVE,
        x2=_ONE_TO_FIVE,
        theta1=_ONE_TO_FIVE,
        theta2=_ONE_TO_FIVE,
    ),
    _target("I.30.5", "asin(lambd/(n*d))", lambd=_ONE_TO_TWO, d=(2.0, 5.0), n=_ONE_TO_FIVE),
    _target("I.39.22", "n*kb*T/V", n=_ONE_TO_FIVE, kb=_ONE_TO_FIVE, T=_ONE_TO_FIVE, V=_ONE_TO_FIVE),
    _target(
        "I.50.26",
        "x1*(cos(omega*t) + alpha*cos(omega*t)**2)",
        x1=_ONE_TO_THREE,
        omega=_ONE_TO_THREE,
        t=_ONE_TO_THREE,
        alpha=_ONE_TO_THREE,
    ),
    _target(
        "II.6.15a",
        "p*3*z*sqrt(x**2 + y**2)/(4*pi*epsilon*r**5)",
        epsilon=_ONE_TO_THREE,
        p=_ONE_TO_THREE,
        r=_ONE_TO_THREE,
        x=_ONE_TO_THREE,
        y=_ONE_TO_THREE,
        z=_ONE_TO_THREE,
    ),
    _target(
        "II.35.18",
        "n0/(exp(m*B/(kb*T)) + exp(-m*B/(kb*T)))",
        n0=_ONE_TO_THREE,
        m=_ONE_TO_THREE,
        B=_ONE_TO_THREE,
        kb=_ONE_TO_THREE,
        T=_ONE_TO_THREE,
    ),
)
SUITES = {"s7": S7, "toy5": TOY5, "feynman20": FEYNMAN20}
FUNCTIONS = {target.name: target for suite in SUITES.values() for target in suite}


def find_function(name: str) -> Target:
    """Return a function by name.

    Raises
    ------
    UsageError
        If there is no function of this name.
    """
    if name not in FUNCTIONS:
        raise UsageError(
            f"--function: {name} found; one of {', '.join(FUNCTIONS)} expected.", hint=did_you_mean(name, FUNCTIONS)
        )
    return FUNCTIONS[name]
