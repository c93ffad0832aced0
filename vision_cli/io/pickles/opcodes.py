"""The language of pickles, run on plain data alone: a stack machine that calls nothing and imports nothing.

Numbers, texts, bytes, lists, tuples and dictionaries come out as they are. What a pickle would import is a `Name`, and
what it would call or build a `Call`: inert records of words, for a reader that knows some of them to make sense of.
Arguments of opcodes are parsed by Python's `pickletools`, which bounds each by the bytes that are there.
"""

from __future__ import annotations

import codecs
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

_BYTES_AN_OPCODE = 160
"""Memory that an opcode takes at most beside its argument: an object, its place on the stack, an entry of the memo."""


class PickleError(ValueError):
    """The bytes are no pickle of plain data."""


class OutOfRoom(Exception):
    """A pickle has more opcodes than there is memory for."""


class OldText(bytes):
    """A string of Python 2: bytes of which the file does not say whether they are text."""


@dataclass(frozen=True)
class Name:
    """What a pickle would import."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False)
class Call:
    """What a pickle would call, or make an object of.

    Attributes
    ----------
    what
        The function or class.
    arguments
        What it would get.
    state
        What would be put into the object afterwards, or None.
    items
        Keys and values that would be stored in it afterwards.
    """

    what: Name
    arguments: tuple[Any, ...]
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """A reference to what lies outside of the pickle."""

    key: Any


_OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_MAKES: dict[str, Callable[[], Any]] = {"EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_DICT": dict}
_VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8"),
    "BYTEARRAY8",
}
_OLD_TEXTS = {"STRING", "BINSTRING", "SHORT_BINSTRING"}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def run_pickle(stream: IO[bytes], room: float, accept: Callable[[Name], None]) -> Any:
    """Run one pickle to its end.

    Parameters
    ----------
    stream
        Stands behind the pickle afterwards. It must be in memory, so that what is cut short shows at once.
    room
        Bytes of memory that may be taken.
    accept
        Called with each name; raises for one that the file must not hold.

    Raises
    ------
    PickleError
        If the bytes are no pickle, or make other objects than data and calls of names.
    OutOfRoom
        If it would take more than ``room``.
    """
    machine = _Machine(accept)
    most = room / _BYTES_AN_OPCODE
    count = 0
    while code := stream.read(1):
        opcode = _OPCODES.get(code)
        if opcode is None:
            raise PickleError(f"unknown opcode {code!r}")
        count += 1
        if count > most:
            raise OutOfRoom
        if opcode.name == "STOP":
            return machine.pop()
        machine.step(opcode.name, _argument(opcode, stream))
    raise PickleError("its end is missing")


def _argument(opcode: pickletools.OpcodeInfo, stream: IO[bytes]) -> Any:
    if opcode.name == "STRING":
        # `pickletools` takes ASCII alone, and Python 2 wrote arrays like this.
        line = stream.readline()
        text = line[:-1].strip()
        if not line.endswith(b"\n") or len(text) < 2 or text[:1] not in b"\"'" or text[:1] != text[-1:]:
            raise PickleError("a string without quotes")
        return codecs.escape_decode(text[1:-1])[0]
    argument: Any = None if opcode.arg is None else opcode.arg.reader(stream)
    return argument.encode("latin-1") if opcode.name in _OLD_TEXTS else argument


class _Machine:
    def __init__(self, accept: Callable[[Name], None]) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._marks: list[int] = []
        self._accept = accept

    def pop(self) -> Any:
        if not self._stack or (self._marks and self._marks[-1] == len(self._stack)):
            raise PickleError("an empty stack")
        return self._stack.pop()

    def step(self, name: str, argument: Any) -> None:
        push = self._stack.append
        if name in _VALUES:
            push(argument)
        elif name in _OLD_TEXTS:
            push(OldText(argument))
        elif name in _CONSTANTS:
            push(_CONSTANTS[name])
        elif name in _MAKES:
            push(_MAKES[name]())
        elif name in _TUPLES:
            push(tuple([self.pop() for _ in range(_TUPLES[name])][::-1]))
        elif name in {"PROTO", "FRAME"}:
            pass
        elif name == "MARK":
            self._marks.append(len(self._stack))
        else:
            step = getattr(self, f"_{name.lower()}", None)
            if step is None:
                raise PickleError(f"opcode {name}")
            step(argument)

    def _since_mark(self) -> list[Any]:
        if not self._marks:
            raise PickleError("no mark")
        start = self._marks.pop()
        taken = self._stack[start:]
        del self._stack[start:]
        return taken

    def _top(self) -> Any:
        top = self.pop()
        self._stack.append(top)
        return top

    def _pop(self, _: None) -> None:
        # Python pops a mark that is on top as if it were a value.
        if self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
        else:
            self.pop()

    def _pop_mark(self, _: None) -> None:
        self._since_mark()

    def _dup(self, _: None) -> None:
        self._stack.append(self._top())

    def _tuple(self, _: None) -> None:
        self._stack.append(tuple(self._since_mark()))

    def _list(self, _: None) -> None:
        self._stack.append(self._since_mark())

    def _dict(self, _: None) -> None:
        made: dict[Any, Any] = {}
        _store(made, self._since_mark())
        self._stack.append(made)

    def _append(self, _: None) -> None:
        value = self.pop()
        _extend(self._top(), [value])

    def _appends(self, _: None) -> None:
        values = self._since_mark()
        _extend(self._top(), values)

    def _setitem(self, _: None) -> None:
        value, key = self.pop(), self.pop()
        _store(self._top(), [key, value])

    def _setitems(self, _: None) -> None:
        pairs = self._since_mark()
        _store(self._top(), pairs)

    def _put(self, argument: int) -> None:
        self._memo[argument] = self._top()

    _binput = _long_binput = _put

    def _memoize(self, _: None) -> None:
        self._memo[len(self._memo)] = self._top()

    def _get(self, argument: int) -> None:
        if argument not in self._memo:
            raise PickleError(f"nothing stored in memo {argument}")
        self._stack.append(self._memo[argument])

    _binget = _long_binget = _get

    def _named(self, module: Any, name: Any) -> Name:
        if not isinstance(module, str) or not isinstance(name, str):
            raise PickleError("a name that is not text")
        found = Name(module, name)
        self._accept(found)
        return found

    def _global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._stack.append(self._named(module, name))

    def _stack_global(self, _: None) -> None:
        name, module = self.pop(), self.pop()
        self._stack.append(self._named(module, name))

    def _reduce(self, _: None) -> None:
        arguments, what = self.pop(), self.pop()
        if not isinstance(what, Name) or not isinstance(arguments, tuple):
            raise PickleError("a call of something that is not a name")
        self._stack.append(Call(what, arguments))

    _newobj = _reduce

    def _inst(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._stack.append(Call(self._named(module, name), tuple(self._since_mark())))

    def _build(self, _: None) -> None:
        state, made = self.pop(), self._top()
        if not isinstance(made, Call) or made.state is not None:
            raise PickleError("a state of something that has none")
        made.state = state

    def _binpersid(self, _: None) -> None:
        self._stack.append(Elsewhere(self.pop()))


def _extend(target: Any, values: list[Any]) -> None:
    if not isinstance(target, list):
        raise PickleError("entries of something that is not a list")
    target += values


def _store(target: Any, pairs: list[Any]) -> None:
    items = target.items if isinstance(target, Call) else target
    if not isinstance(items, dict) or len(pairs) % 2:
        raise PickleError("keys of something that is not a dictionary")
    keys = pairs[::2]
    # Python hashes tuples in tuples without a limit on their depth, and crashes.
    flat = [part for key in keys for part in (key if isinstance(key, tuple) else (key,))]
    if not all(part is None or isinstance(part, str | bytes | int | float | Call) for part in flat):
        raise PickleError("a key that is neither a text nor a number")
    items.update(zip(keys, pairs[1::2], strict=True))
