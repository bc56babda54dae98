"""The arrays of numbers in a pickle, of which nothing is executed.

A pickle is a program for a stack machine, which may call any function. This machine knows the instructions that NumPy
writes for arrays of arrays, and refuses all others by name.
"""

from __future__ import annotations

import re
from pickletools import genops
from typing import Any, BinaryIO, NoReturn, cast, final

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError

_DEEP = 100_000  # values on the stack; NumPy lists a thousand at a time
_NUMERIC = re.compile(r"i[1248]|u[1248]|f[248]")
_NO_CODE = "only arrays of numbers are read: save it again with numpy.savez"
_VALUES = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE",
           "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
           "BYTEARRAY8"}  # fmt: skip
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_PUTS, _GETS = {"PUT", "BINPUT", "LONG_BINPUT"}, {"GET", "BINGET", "LONG_BINGET"}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_GLOBALS = {
    **{f"numpy.{core}.multiarray._reconstruct": "reconstruct" for core in ("core", "_core")},
    **{f"numpy.{core}.numeric._frombuffer": "frombuffer" for core in ("core", "_core")},
    "numpy.ndarray": "ndarray",
    "numpy.dtype": "dtype",
    "_codecs.encode": "encode",  # by which Python 3 writes bytes in the protocols of Python 2
}


@final
class _Name:
    """What a pickle asks for by name."""

    def __init__(self, name: str) -> None:
        self.name = name


@final
class _Kind:
    """A dtype: that of objects, or of numbers."""

    def __init__(self, code: str) -> None:
        self.code, self.order = code, "="


@final
class _Array:
    """An array: of numbers, or with the list of its objects; of neither before its content is given."""

    def __init__(self) -> None:
        self.numbers: NDArray[Any] | None = None
        self.items: list[Any] | None = None


_MARK = _Name("mark")


def arrays_of(file: BinaryIO, where: str) -> list[NDArray[Any]]:
    """The arrays in the pickle of a one-dimensional object array, from where the file is.

    Args:
        file: the pickle, in memory: its parts are bounded by its size.
        where: what it is called in messages.

    Raises:
        UserError: if it is damaged, asks for code, or is anything but arrays of integers and floats.

    Example:
        >>> import io, pickle
        >>> import numpy as np
        >>> two = np.array([np.arange(2), np.arange(3)], dtype=object)
        >>> [array.tolist() for array in arrays_of(io.BytesIO(pickle.dumps(two)), "two")]
        [[0, 1], [0, 1, 2]]
    """
    try:
        whole = _Machine(where).run(file)
    except UserError:
        raise
    except Exception as error:  # genops and the machine raise anything on damaged data
        reason = " ".join(str(error).split())[:80] or type(error).__name__
        raise UserError(f"{where}: damaged ({reason}); expected arrays of numbers: replace the file") from None
    if not isinstance(whole, _Array) or whole.items is None:
        raise UserError(f"{where}: no array of arrays; expected an object array of (T, 3) arrays: save it again")
    found: list[NDArray[Any]] = []
    for i, item in enumerate(whole.items):
        if not isinstance(item, _Array) or item.numbers is None:
            what = "an object array" if isinstance(item, _Array) else f"a {type(item).__name__}"
            raise UserError(f"{where}[{i}]: {what}; expected an array of numbers: save it again")
        found.append(item.numbers)
    return found


@final
class _Machine:
    """The stack and the memo."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, file: BinaryIO) -> Any:
        """What is on the stack at the end."""
        for opcode, given, _ in genops(file):
            name, argument = opcode.name, cast("Any", given)
            if name == "STOP":
                break
            if len(self.stack) > _DEEP:
                self._damaged("too many values at a time")
            if name in _VALUES:
                self.stack.append(bytes(argument) if name == "BYTEARRAY8" else argument)
            elif name in _CONSTANTS:
                self.stack.append(_CONSTANTS[name])
            elif name in _PUTS:
                self.memo[argument] = self.stack[-1]
            elif name == "MEMOIZE":
                self.memo[len(self.memo)] = self.stack[-1]
            elif name in _GETS:
                self.stack.append(self.memo[argument])
            elif name not in ("PROTO", "FRAME"):
                self._step(name, argument)
        (whole,) = self.stack
        return whole

    def _step(self, name: str, argument: Any) -> None:
        stack = self.stack
        if name == "MARK":
            stack.append(_MARK)
        elif name == "EMPTY_LIST":
            stack.append([])
        elif name in _TUPLES:
            stack.append(tuple([stack.pop() for _ in range(_TUPLES[name])][::-1]))
        elif name in ("TUPLE", "LIST"):
            items = self._marked()
            stack.append(tuple(items) if name == "TUPLE" else items)
        elif name in ("APPEND", "APPENDS"):
            items = [stack.pop()] if name == "APPEND" else self._marked()
            if not isinstance(stack[-1], list):
                self._damaged("no list to append to")
            stack[-1].extend(items)
        elif name == "GLOBAL":
            self._global(*argument.split(" ", 1))
        elif name == "STACK_GLOBAL":
            attribute, module = stack.pop(), stack.pop()
            self._global(module, attribute)
        elif name == "REDUCE":
            arguments, function = stack.pop(), stack.pop()
            stack.append(self._called(function, arguments))
        elif name == "BUILD":
            self._build(stack.pop())
        else:
            told = f" {argument!r:.60}" if isinstance(argument, str) else ""
            raise UserError(f"{self.where}: a pickle with the instruction {name}{told}; {_NO_CODE}")

    def _damaged(self, reason: str) -> NoReturn:
        raise UserError(f"{self.where}: damaged ({reason}); expected arrays of numbers: replace the file")

    def _marked(self) -> list[Any]:
        """What is above the last mark, which is taken off with it."""
        items: list[Any] = []
        while (item := self.stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def _global(self, module: Any, attribute: Any) -> None:
        if not isinstance(module, str) or not isinstance(attribute, str):
            self._damaged("a name that is no text")
        if (known := _GLOBALS.get(f"{module}.{attribute}")) is None:
            raise UserError(f"{self.where}: a pickle that asks for {f'{module}.{attribute}':.80}; {_NO_CODE}")
        self.stack.append(_Name(known))

    def _called(self, function: Any, arguments: Any) -> Any:
        called = function.name if isinstance(function, _Name) and isinstance(arguments, tuple) else ""
        match called, arguments:
            case "reconstruct", (_Name(name="ndarray"), _, _):
                return _Array()
            case "encode", (str() as text, str()):
                return text.encode("latin-1")
            case "dtype", (str() | bytes() as code, *_):
                text = code.decode("latin-1") if isinstance(code, bytes) else code
                if text[:1] != "O" and not _NUMERIC.fullmatch(text):
                    raise UserError(f"{self.where}: an array of type {text!r:.40}; {_NO_CODE}")
                return _Kind(text)
            case "frombuffer", (bytes() as data, _Kind() as kind, tuple() as shape, str() as order):
                array = _Array()
                array.numbers = self._numbers(shape, kind, order == "F", data)
                return array
            case _:
                pass
        return self._damaged("a call that NumPy does not write")

    def _build(self, state: Any) -> None:
        match self.stack[-1], state:
            case _Kind() as kind, (int(), str() | bytes() as order, None, None, None, int(), int(), int()):
                kind.order = order.decode("latin-1") if isinstance(order, bytes) else order
            case _Array() as array, (int(), tuple() as shape, _Kind() as kind, int() as fortran, content):
                if kind.code[:1] == "O":
                    if not isinstance(content, list) or len(shape) != 1 or type(shape[0]) is not int:
                        self._damaged("objects that are no list")
                    if shape[0] != len(content):
                        self._damaged(f"{len(content)} objects in a list of {shape[0]}")
                    array.items = content
                else:
                    data = content.encode("latin-1") if isinstance(content, str) else content  # text: of Python 2
                    array.numbers = self._numbers(shape, kind, bool(fortran), data)
            case _:
                self._damaged("a content that NumPy does not write")

    def _numbers(self, shape: tuple[Any, ...], kind: _Kind, fortran: bool, data: Any) -> NDArray[Any]:
        """The bytes of an array as numbers, not copied."""
        if kind.code[:1] == "O" or kind.order not in ("<", ">", "=", "|") or not isinstance(data, bytes):
            self._damaged("an array that is not of numbers")
        if len(shape) > 8 or not all(type(side) is int and side >= 0 for side in shape):
            self._damaged(f"{len(data)} bytes for a shape that is none")
        dtype, count = np.dtype(kind.code).newbyteorder(kind.order), 1
        for side in shape:
            count *= side
        if count * dtype.itemsize != len(data):
            self._damaged(f"{len(data)} bytes for the shape {shape!s:.60}")
        return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
