"""Parser of formulas such as ``exp(sin(pi*x) + y**2)``, which are never evaluated as Python.

A formula is untrusted text. It is split into tokens and parsed by precedence climbing into a tree of known operators,
functions, constants and variables.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.commands import did_you_mean
from vision_cli.core.errors import UsageError

if TYPE_CHECKING:
    import sympy

Values = NDArray[np.float64]

_LONGEST, _DEEPEST = 2000, 50
_DEFAULT_RANGE = (-1.0, 1.0)
_TOKEN = re.compile(
    r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(\*\*|<=|>=|[-+*/^(),<>]))", re.A
)
CONSTANTS = {"pi": math.pi, "e": math.e}
_ALIASES = {"ln": "log", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "Abs": "abs", "ceiling": "ceil"}


def _erf(x: Values) -> Values:
    from scipy.special import erf

    return np.asarray(erf(x))


def _j0(x: Values) -> Values:
    from scipy.special import j0

    return np.asarray(j0(x))


_UNARY: Mapping[str, Callable[[Values], Any]] = {
    "exp": np.exp,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "step": lambda x: (x > 0).astype(np.float64),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "gauss": lambda x: np.exp(-(x**2)),
    "erf": _erf,
    "j0": _j0,
}
_BINARY: Mapping[str, Callable[[Values, Values], Any]] = {
    "atan2": np.arctan2,
    "min": np.minimum,
    "max": np.maximum,
    "pow": np.power,
}
_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": np.power,
    "<": lambda a, b: np.asarray(a < b, dtype=np.float64),
    ">": lambda a, b: np.asarray(a > b, dtype=np.float64),
    "<=": lambda a, b: np.asarray(a <= b, dtype=np.float64),
    ">=": lambda a, b: np.asarray(a >= b, dtype=np.float64),
}
_PRECEDENCE = {"<": 1, ">": 1, "<=": 1, ">=": 1, "+": 2, "-": 2, "*": 3, "/": 3, "**": 5}
_NEGATION = 4


@dataclass(frozen=True)
class _Node:
    """A number, a variable, or an operator or function with its operands."""

    kind: str
    name: str = ""
    value: float = 0.0
    parts: tuple[_Node, ...] = ()


@dataclass(frozen=True)
class Expression:
    """A parsed formula.

    Attributes
    ----------
    text
        The formula as given.
    variables
        Names of its variables, in the order of their first appearance.
    """

    text: str
    variables: tuple[str, ...]
    _tree: _Node

    def __call__(self, values: Mapping[str, Values]) -> Values:
        """Return the value at values of the variables, which broadcast; NaN or infinite where it is undefined."""
        with np.errstate(all="ignore"):
            return np.asarray(_compute(self._tree, values), dtype=np.float64)

    def to_sympy(self) -> sympy.Expr:
        """Return the formula as a SymPy expression of real symbols."""
        return _symbolic(self._tree)


def parse_expression(text: str) -> Expression:
    """Return a parsed formula.

    Raises
    ------
    UsageError
        If the text is not a formula; the message names the character, the hint shows the position.
    """
    parser = _Parser(text)
    tree = parser.parse()
    variables = tuple(dict.fromkeys(parser.variables))
    if not variables:
        raise UsageError(f"--expr: {text[:60]!r} has no variable; one or more expected.", hint="As in 'sin(pi*x)'.")
    return Expression(text, variables, tree)


def parse_ranges(text: str | None, variables: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return the range of each variable: ``x=-1:1,y=0:2*pi``, or ``0:1`` for all; [-1, 1] for those not named.

    Raises
    ------
    UsageError
        If the text is not a list of ranges, names an unknown variable, or a range is empty.
    """
    found = dict.fromkeys(variables, _DEFAULT_RANGE)
    for part in (text or "").split(","):
        if not part.strip():
            continue
        name, _, bounds = part.rpartition("=")
        ends = [_bound(word, text) for word in bounds.split(":")]
        if len(ends) != 2 or not ends[0] < ends[1]:
            raise UsageError(f"--range: {part.strip()!r} found; LOWEST:HIGHEST expected.", hint="As in x=-1:1,y=0:2.")
        name = name.strip()
        if name and name not in found:
            raise UsageError(
                f"--range: {name!r} is not a variable; one of {', '.join(variables)} expected.",
                hint=did_you_mean(name, variables),
            )
        found.update(dict.fromkeys([name] if name else variables, (ends[0], ends[1])))
    return found


def _bound(word: str, text: str | None) -> float:
    parser = _Parser(word)
    try:
        tree = parser.parse()
    except UsageError:
        tree = _Node("variable")
    if parser.variables or tree.kind == "variable":
        raise UsageError(
            f"--range: {word.strip()!r} found in {text!r}; a number expected.", hint="As in x=-1:1,y=0:2*pi."
        )
    with np.errstate(all="ignore"):
        return float(_compute(tree, {}))


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.variables: list[str] = []
        self.depth = 0
        if len(text) > _LONGEST:
            raise UsageError(f"--expr: {len(text)} characters found; {_LONGEST} at most expected.")
        self.tokens = list(self._tokenise())
        self.place = 0

    def parse(self) -> _Node:
        tree = self._climb(1)
        if self._peek()[0]:
            self._fail("an operator or the end", self._peek())
        return tree

    def _tokenise(self) -> Any:
        position = 0
        while self.text[position:].strip():
            match = _TOKEN.match(self.text, position)
            if match is None:
                start = position + len(self.text[position:]) - len(self.text[position:].lstrip())
                raise self._error(f"{self.text[start]!r}", start, "a number, a name or an operator")
            kind = ("number", "name", "operator")[(match.lastindex or 1) - 1]
            yield kind, match.group(match.lastindex or 1), match.start(match.lastindex or 1)
            position = match.end()
        yield "", "", len(self.text)

    def _peek(self) -> tuple[str, str, int]:
        found: tuple[str, str, int] = self.tokens[self.place]
        return found

    def _take(self) -> tuple[str, str, int]:
        found = self._peek()
        self.place += 1
        return found

    def _climb(self, min_precedence: int) -> _Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise UsageError(f"--expr: nested more than {_DEEPEST} deep; a simpler formula expected.")
        left = self._operand()
        while True:
            kind, word, _ = self._peek()
            word = "**" if word == "^" else word
            precedence = _PRECEDENCE.get(word, 0) if kind == "operator" else 0
            if precedence < min_precedence or not precedence:
                break
            self._take()
            # Powers are right-associative, the others left-associative.
            left = _Node("operator", word, parts=(left, self._climb(precedence if word == "**" else precedence + 1)))
        self.depth -= 1
        return left

    def _operand(self) -> _Node:
        token = self._take()
        kind, word, _ = token
        if kind == "number":
            return _Node("number", value=float(word))
        if kind == "name":
            return self._name(token)
        if word in ("-", "+"):
            inner = self._climb(_NEGATION)
            return inner if word == "+" else _Node("operator", "-", parts=(_Node("number"), inner))
        if word == "(":
            inner = self._climb(1)
            self._expect(")")
            return inner
        return self._fail("a number, a name or an opening parenthesis", token)

    def _name(self, token: tuple[str, str, int]) -> _Node:
        word = _ALIASES.get(token[1], token[1])
        is_call = self._peek()[1] == "("
        if word in _UNARY or word in _BINARY:
            if not is_call:
                return self._fail(f"an opening parenthesis after the function {token[1]}", self._peek())
            self._take()
            parts = [self._climb(1)]
            for _ in range(word in _BINARY):
                self._expect(",")
                parts.append(self._climb(1))
            self._expect(")")
            return _Node("function", word, parts=tuple(parts))
        if is_call:
            known = sorted((*_UNARY, *_BINARY))
            raise UsageError(
                f"--expr: unknown function {token[1]!r} at character {token[2] + 1}; "
                f"one of {', '.join(known)} expected.",
                hint=did_you_mean(token[1], known),
            )
        if word in CONSTANTS:
            return _Node("number", value=CONSTANTS[word], name=word)
        self.variables.append(word)
        return _Node("variable", word)

    def _expect(self, word: str) -> None:
        token = self._take()
        if token[1] != word:
            self._fail(repr(word), token)

    def _fail(self, expected: str, token: tuple[str, str, int]) -> _Node:
        raise self._error(repr(token[1]) if token[0] else "the end", token[2], expected)

    def _error(self, found: str, position: int, expected: str) -> UsageError:
        return UsageError(
            f"--expr: {found} at character {position + 1}; {expected} expected.",
            hint=f"Here: {self.text[:position]} >>> {self.text[position:]}",
        )


def _compute(node: _Node, values: Mapping[str, Values]) -> Any:
    if node.kind == "number":
        return np.float64(node.value)
    if node.kind == "variable":
        return np.asarray(values[node.name], dtype=np.float64)
    parts = [_compute(part, values) for part in node.parts]
    if node.kind == "operator":
        return _OPERATORS[node.name](*parts)
    return _UNARY[node.name](*parts) if node.name in _UNARY else _BINARY[node.name](*parts)


def _symbolic(node: _Node) -> Any:
    import sympy

    if node.kind == "number":
        if node.name:
            return sympy.pi if node.name == "pi" else sympy.E
        return sympy.Integer(int(node.value)) if node.value.is_integer() else sympy.Float(node.value)
    if node.kind == "variable":
        return sympy.Symbol(node.name, real=True)
    parts = [_symbolic(part) for part in node.parts]
    if node.kind == "operator":
        if node.name in ("<", ">", "<=", ">="):
            holds = {"<": sympy.Lt, ">": sympy.Gt, "<=": sympy.Le, ">=": sympy.Ge}[node.name](*parts)
            return sympy.Piecewise((1, holds), (0, True))
        return {**_OPERATORS, "**": sympy.Pow}[node.name](*parts)
    special: Mapping[str, Callable[..., Any]] = {
        "abs": sympy.Abs,
        "log2": lambda x: sympy.log(x, 2),
        "log10": lambda x: sympy.log(x, 10),
        "ceil": sympy.ceiling,
        "step": lambda x: sympy.Piecewise((1, x > 0), (0, True)),
        "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
        "gauss": lambda x: sympy.exp(-(x**2)),
        "j0": lambda x: sympy.besselj(0, x),
        "min": sympy.Min,
        "max": sympy.Max,
        "pow": sympy.Pow,
    }
    return special.get(node.name, getattr(sympy, node.name, None))(*parts)  # type: ignore[misc]
