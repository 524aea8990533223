"""Object code put into memory without LLVM, which takes longer to import than a kept loop takes to run.

`placed` reads an ELF object for x86-64, as LLVM makes it: sections side by side, each reference between them filled in,
and the memory closed to writing before anything in it runs. What it does not know it leaves to LLVM's own linker.

Source: System V Application Binary Interface, AMD64 Architecture Processor Supplement, chapter 4.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QQq")
_X86_64, _RELOCATABLE = 62, 1
_SYMBOLS, _RELOCATIONS, _NO_BITS = 2, 4, 8  # types of sections
_IN_MEMORY = 2  # of a section's flags
_UNDEFINED = 0  # the section of what another library has
_ABSOLUTE, _RELATIVE, _CALL, _OF_TABLE = 1, 2, 4, (9, 41, 42)  # kinds of references
_JUMP = b"\xff\x25\x02\x00\x00\x00\x66\x90"  # to the address that stands behind these eight bytes
_ENTRY = len(_JUMP) + 8  # bytes of an entry for a function of another library: the jump, and where it goes


class _UnknownError(Exception):
    """Something that the linker is for."""


@dataclass(frozen=True)
class _Section:
    name: str
    type: int
    flags: int
    content: bytes
    size: int
    link: int
    info: int
    alignment: int


def placed(name: str, code: bytes, symbols: Mapping[str, str]) -> tuple[int, object] | None:
    """Where the function of this name is, and the memory that whoever calls it has to hold; None if LLVM has to do it.

    `symbols` are the names by which the code calls functions of the C library.
    """
    try:
        return _placed(name, code, symbols)
    except (_UnknownError, AttributeError, struct.error, OSError, IndexError, ValueError):
        return None


def _placed(name: str, code: bytes, symbols: Mapping[str, str]) -> tuple[int, object]:
    if sys.platform != "linux":
        raise _UnknownError
    sections = _sections(code)
    places, end = _places(sections)
    table = next(s for s in sections if s.type == _SYMBOLS)
    found = [_SYMBOL.unpack_from(table.content, at) for at in range(0, table.size, _SYMBOL.size)]
    names = [_text(sections[table.link].content, entry[0]) for entry in found]
    foreign = [n for n, entry in zip(names, found, strict=True) if n and entry[3] == _UNDEFINED]
    entries = {n: end + _ENTRY * k for k, n in enumerate(foreign)}
    memory = mmap.mmap(
        -1, end + _ENTRY * len(entries) + 1, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_WRITE
    )
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for number, place in places.items():
        memory[place : place + len(sections[number].content)] = sections[number].content
    for n, place in entries.items():
        memory[place : place + _ENTRY] = _JUMP + struct.pack("<Q", address_of(symbols.get(n, n)))

    def place_of(number: int) -> int:
        """Where a symbol is, from the beginning of the memory."""
        _name, _info, _other, section, value, _size = found[number]
        if section == _UNDEFINED:
            return entries[names[number]]
        if section not in places:
            raise _UnknownError
        return places[section] + int(value)

    for section in sections:
        if section.type == _RELOCATIONS and section.info in places:
            for at in range(0, section.size, _RELOCATION.size):
                offset, info, added = _RELOCATION.unpack_from(section.content, at)
                place = places[section.info] + offset
                symbol = info >> 32
                is_foreign = found[symbol][3] == _UNDEFINED
                _fill_in(memory, base, place, info & 0xFFFFFFFF, place_of(symbol), added, is_foreign)
    (entry,) = (k for k, n in enumerate(names) if n == name)
    _close(base, len(memory))
    return base + place_of(entry), memory


def _sections(code: bytes) -> list[_Section]:
    ident, kind, machine, *_rest = header = _HEADER.unpack_from(code)
    if ident[:6] != b"\x7fELF\x02\x01" or kind != _RELOCATABLE or machine != _X86_64:
        raise _UnknownError
    start, size, count, of_names = header[6], header[11], header[12], header[13]
    raw = [_SECTION.unpack_from(code, start + size * k) for k in range(count)]
    texts = code[raw[of_names][4] : raw[of_names][4] + raw[of_names][5]]
    return [
        _Section(
            _text(texts, name), type_, flags, b"" if type_ == _NO_BITS else code[at : at + length], length, link, info,
            max(alignment, 1),
        )
        for name, type_, flags, _address, at, length, link, info, alignment, _each in raw
    ]  # fmt: skip


def _places(sections: list[_Section]) -> tuple[dict[int, int], int]:
    """Where each section that is needed begins, and where the last one ends."""
    places: dict[int, int] = {}
    end = 0
    for number, section in enumerate(sections):
        if section.flags & _IN_MEMORY and section.name != ".eh_frame":  # which is for exceptions
            if mmap.PAGESIZE % section.alignment:
                raise _UnknownError
            places[number] = end = -(-end // section.alignment) * section.alignment
            end += section.size
    return places, -(-end // _ENTRY) * _ENTRY


def _fill_in(memory: mmap.mmap, base: int, place: int, kind: int, target: int, added: int, is_foreign: bool) -> None:
    """Write a reference to `target` at `place`, both from the beginning of the memory."""
    if kind == _ABSOLUTE and not is_foreign:
        struct.pack_into("<q", memory, place, base + target + added)
    elif kind == _ABSOLUTE:
        (address,) = struct.unpack_from("<q", memory, target + len(_JUMP))
        struct.pack_into("<q", memory, place, address + added)
    elif kind == _CALL or (kind == _RELATIVE and not is_foreign):
        struct.pack_into("<i", memory, place, target + added - place)
    elif kind in _OF_TABLE and is_foreign:
        struct.pack_into("<i", memory, place, target + len(_JUMP) + added - place)
    else:
        raise _UnknownError


def _text(texts: bytes, at: int) -> str:
    return texts[at : texts.index(b"\0", at)].decode("ascii")


def address_of(symbol: str) -> int:
    """Where a function of the C library is.

    Raises
    ------
    AttributeError : it has none of this name.
    """
    address = ctypes.cast(getattr(_c_library(), symbol), ctypes.c_void_p).value
    assert address is not None
    return address


def _close(base: int, size: int) -> None:
    """Let the memory be run, and no longer be written to."""
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    if protect(base, size, mmap.PROT_READ | mmap.PROT_EXEC):
        raise OSError(ctypes.get_errno(), "mprotect")


@cache
def _c_library() -> ctypes.CDLL:
    """The library whose functions Python's `math` calls; searched through `math`, which is linked to it."""
    if sys.platform == "win32":
        return ctypes.CDLL("ucrtbase")
    return ctypes.CDLL(getattr(math, "__file__", None))
