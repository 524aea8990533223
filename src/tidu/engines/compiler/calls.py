"""`compiled`: a function of a generated module as machine code, called as the Python function is.

A call writes numbers and pointers side by side, hands the machine code two pointers, and reads what it gives; the
interpreter's lock is free meanwhile. An argument that is the same object as in the call before is not looked at again.
"""

from __future__ import annotations

import ctypes
import math
import struct
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.engines.compiler.host import processor
from tidu.engines.compiler.objects import keep_object, kept_object, key_of
from tidu.engines.compiler.placing import placed
from tidu.errors import CannotCompile
from tidu.runtime.summation import CHUNK, Sums, added
from tidu.text import _

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from tidu.engines.compiler.machine_kinds import Kind

_NOTHING = object()
_ELEMENTS = {np.dtype(np.float64): "double", np.dtype(np.float32): "float", np.dtype(np.int64): "i64"}
_FLOAT: Kind = ("number", "double", False)
_WHOLE: Kind = ("number", "i64", False)
_SINGLE: Kind = ("number", "float", False)
_CODE = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p)  # a call of it lets go of the interpreter's lock


def compiled(source: str, name: str = "train", fast: bool = False) -> Callable[..., Any]:
    """The function `name` of a generated module as machine code, for the arguments that it will be called with.

    Raises
    ------
    CannotCompile : at a call, if the text has a line that is not in the language of loops.
    """
    return Compiled(source, name, fast)


class Compiled:
    """A function as machine code: made, or found on disk, when it is called with arguments of new kinds."""

    def __init__(self, source: str, name: str, fast: bool) -> None:
        self.source, self.name, self.fast = source, name, fast
        self._entries: dict[tuple[Kind, ...], _Entry] = {}
        self._before: list[tuple[Any, Kind, list[Any]]] = []

    def __call__(self, *arguments: Any) -> Any:
        before = self._before
        if len(before) != len(arguments):
            before = [(_NOTHING, (), [])] * len(arguments)
        self._before = now = [b if a is b[0] else (a, *_taken_apart(a)) for a, b in zip(arguments, before, strict=True)]
        kinds = tuple([kind for _a, kind, _words in now])
        entry = self._entries.get(kinds)
        if entry is None:
            entry = self._entries[kinds] = _entry(self.source, self.name, kinds, self.fast)
        room = entry.room()
        entry.code(entry.pack(*[word for _a, _kind, words in now for word in words]), room)
        return entry.results(entry.unpack(room), arguments)


def _taken_apart(value: Any) -> tuple[Kind, list[Any]]:
    """The kind of an argument, and its numbers, pointers and sizes, in the order of `machine_kinds.put_together`."""
    if type(value) is np.ndarray and value.flags.c_contiguous and value.dtype in _ELEMENTS and value.flags.aligned:
        shape, start = value.shape, value.__array_interface__["data"][0]
        kind: Kind = ("array", _ELEMENTS[value.dtype], len(shape), True, True)
        if len(shape) == 2:
            return kind, [start, *shape, shape[1]]
        return kind, [start, *shape, *[math.prod(shape[k + 1 :]) for k in range(len(shape) - 1)]]
    if isinstance(value, (float, np.float64)):
        return _FLOAT, [value]
    if isinstance(value, tuple):
        parts = list(map(_taken_apart, value))
        return ("tuple", *[kind for kind, _words in parts]), [word for _kind, words in parts for word in words]
    if isinstance(value, np.ndarray) and value.dtype in _ELEMENTS and _is_in_steps(value):
        whole = value.flags.c_contiguous
        kind = ("array", _ELEMENTS[value.dtype], value.ndim, whole, whole)
        steps = [step // value.itemsize for step in (value.strides[:-1] if whole else value.strides)]
        return kind, [value.ctypes.data, *value.shape, *steps]
    if isinstance(value, (int, np.integer)):
        return _WHOLE, [value]
    if isinstance(value, np.float32):
        return _SINGLE, [value]
    told = _("machine code takes numbers and arrays of numbers, not a {kind}; engine='python' takes it")
    raise CannotCompile(told.format(kind=type(value).__name__))


def _is_in_steps(array: np.ndarray[Any, Any]) -> bool:
    """Whether its numbers lie at whole multiples of their size."""
    return array.flags.aligned and not any(step % array.itemsize for step in array.strides)


class _Entry:
    """The machine code for arguments of certain kinds, with what puts these into memory and takes out the results."""

    def __init__(self, address: int, owner: object, kinds: Sequence[Kind], results: Any) -> None:
        letters: list[str] = []
        text = _text_of(results, letters)
        self.code = _CODE(address)
        self.owner = owner  # of the memory that the code lies in
        self.pack = struct.Struct("=" + "".join(map(_letters, kinds))).pack
        self.room = ctypes.c_char * max(8, 8 * len(letters))
        self.unpack = struct.Struct("=" + "".join(letters)).unpack_from
        self.results: Callable[[Sequence[Any], Sequence[Any]], Any] = eval(f"lambda numbers, given: {text}")


def _letters(kind: Kind) -> str:
    """How `struct` writes an argument: words of eight bytes."""
    if kind[0] == "tuple":
        return "".join(map(_letters, kind[1:]))
    if kind[0] == "number":
        return "q" if kind[1] == "i64" else "d"
    _array, _element, axes, in_line, _whole = kind
    return "q" * int(1 + 2 * axes - in_line)


def _text_of(results: Any, letters: list[str]) -> str:
    """Python's text for what the function gives, tuples of numbers and of arrays that it was given."""
    if isinstance(results, list):
        return f"({''.join(_text_of(each, letters) + ', ' for each in results)})"
    if isinstance(results, dict):
        return "given" + "".join(f"[{int(place)}]" for place in results["argument"])
    if results is None:
        return "None"
    letters.append("d" if results == "d" else "q")
    return f"{'bool' * (results == '?')}(numbers[{len(letters) - 1}])"


_made: dict[tuple[str, str, tuple[Kind, ...], bool], _Entry] = {}  # what this process has called, in order
_making = threading.RLock()


def _entry(source: str, name: str, kinds: tuple[Kind, ...], fast: bool) -> _Entry:
    """The machine code of a function: of this process, from the disk, or made now."""
    asked = (source, name, kinds, fast)
    if asked in _made:
        return _made[asked]
    key = key_of(source, name, repr(kinds), str(fast), processor())
    with _making:
        if asked not in _made:
            found = kept_object(key)
            if found is None:
                # What is on disk needs none of these.
                from tidu.engines.compiler.flow import machine_text
                from tidu.engines.compiler.processor import object_code

                text = machine_text(source, name, kinds, fast, f"tidu_{key}")
                found = {"results": text.results, "symbols": text.symbols}, object_code(text.text)
                keep_object(key, *found)
            description, code = found
            address, owner = _in_memory(f"tidu_{key}", code, description["symbols"])
            _made[asked] = _Entry(address, owner, kinds, description["results"])
    return _made[asked]


def _in_memory(name: str, code: bytes, symbols: dict[str, str]) -> tuple[int, object]:
    """Where a function of object code is, and the owner of the memory that it lies in."""
    found = placed(name, code, symbols)
    if found is not None:
        return found
    from tidu.engines.compiler.processor import linked  # it imports LLVM

    return linked(name, code, symbols)


def listing_of(source: str, form: str) -> str | None:
    """The machine code that this process has run of a source, for people; None if it has run none.

    `form` is `llvm` for LLVM's language, or `asm` for the processor's.
    """
    from tidu.engines.compiler.flow import machine_text
    from tidu.engines.compiler.processor import listing

    found = [asked for asked in _made if asked[0].startswith(source)]  # with threads, something is added to it
    return "\n".join(listing(machine_text(*each, each[1]).text, form) for each in found) or None


# -- threads ------------------------------------------------------------------------------------------
# How threads call what a loop sums: a part of the samples each.
_BY_CHUNK = """

def sums_over_range(first, last, *arguments):
    return summed(sample, range(first, last), *arguments)


def sums_in_order(order, *arguments):
    return summed(sample, order, *arguments)
"""


def sums_over_range(source: str, fast: bool = False) -> Callable[..., Sums]:
    """The function of a loop source that gives the sums over the samples `first` to `last` of columns, as `summed`."""
    return compiled(source + _BY_CHUNK, "sums_over_range", fast)


def summed_by_threads(source: str, pool: Executor, threads: int, fast: bool = False) -> Callable[..., Sums]:
    """What `summed` is for a loop source where several threads share the chunks: the same sums, bit for bit."""
    over_range = sums_over_range(source, fast)
    in_order = compiled(source + _BY_CHUNK, "sums_in_order", fast)

    def summed(_sample: object, samples: Any, *arguments: Any) -> Sums:
        chunks = -(-len(samples) // CHUNK)
        parts: list[Sums] = [()] * chunks
        left = iter(range(chunks))  # whoever is done takes the next

        def work() -> None:
            for k in left:
                part = samples[k * CHUNK : (k + 1) * CHUNK]
                if isinstance(part, range):
                    parts[k] = over_range(part.start, part.stop, *arguments)
                else:
                    parts[k] = in_order(part, *arguments)

        others = [pool.submit(work) for _ in range(min(threads, chunks) - 1)]
        work()
        for other in others:
            other.result()
        return added(parts)

    return summed
