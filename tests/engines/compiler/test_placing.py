"""Object code that is put into memory here does what LLVM's linker makes of it; what is not known is left to that."""

from __future__ import annotations

import ctypes
import gc
import math
import platform
import struct
import sys

import numpy as np
import pytest

import tidu
from tidu.engines.compiler import calls, host, placing, processor
from tidu.engines.compiler.placing import placed

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="ELF for x86-64 is what is known"
)
MODULE = """
@table = internal global [2 x double] [double 2.0, double 7.0]
declare double @its_own_exp(double)
declare double @hypot(double, double)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
define double @twice(double %a) noinline {{ %r = fmul double %a, 0x40091EB851EB851F
  ret double %r }}
define void @{name}(ptr %given, ptr %found) {{
  %a = load double, ptr %given
  %b = call double @twice(double %a)
  %c = call double @its_own_exp(double %b)
  %p = getelementptr double, ptr @table, i64 1
  %d = load volatile double, ptr %p
  %e = call double @hypot(double %c, double %d)
  %room = alloca [4096 x i8]
  call void @llvm.memset.p0.i64(ptr %room, i8 0, i64 4096, i1 false)
  %z = load volatile double, ptr %room
  %f = fadd double %e, %z
  store double %f, ptr %found
  ret void
}}
"""


def result_of(address, value):
    code = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p)(address)
    room = ctypes.c_double()
    code(struct.pack("d", value), ctypes.addressof(room))
    return room.value


def test_constants_data_and_functions_of_other_libraries():
    code = processor.object_code(MODULE.format(name="of_many_parts"))
    address, owner = placed("of_many_parts", code, {"its_own_exp": "exp"})
    gc.collect()
    for value in (0.0, 0.25, -1.5):
        assert result_of(address, value) == math.hypot(math.exp(value * 3.14), 7.0)
    assert owner is not None


def test_the_memory_is_no_longer_written_to():
    code = processor.object_code(MODULE.format(name="closed"))
    address, _owner = placed("closed", code, {"its_own_exp": "exp"})
    with open("/proc/self/maps") as maps:
        lines = [line.split() for line in maps]
    spans = [(*(int(end, 16) for end in line[0].split("-")), line[1]) for line in lines]
    (rights,) = [rights for first, last, rights in spans if first <= address < last]
    assert rights.startswith("r-xp")


@pytest.mark.parametrize("damage", ["cut", "head", "another machine", "reference", "missing function"])
def test_what_is_not_known_is_left_to_the_linker(damage):
    code = processor.object_code(MODULE.format(name="left"))
    symbols = {"its_own_exp": "exp"}
    if damage == "cut":
        code = code[: len(code) // 2]
    elif damage == "head":
        code = b"\0" * 100
    elif damage == "another machine":
        code = code[:18] + struct.pack("<H", 183) + code[20:]  # 64-bit Arm
    elif damage == "missing function":
        symbols = {"its_own_exp": "no_such_function_anywhere"}
    else:
        (relocations, *_rest) = [s for s in placing._sections(code) if s.type == placing._RELOCATIONS]
        at = code.index(relocations.content)
        code = code[: at + 8] + struct.pack("<I", 10) + code[at + 12 :]  # an address of 32 bits
    assert placed("left", code, symbols) is None


def test_a_fit_has_the_same_bits_by_both(monkeypatch):
    x = np.linspace(-1.0, 1.0, 200)
    data = {"x": x, "y": np.exp(0.3 * x) + np.tanh(x)}
    given = {"lr": 0.05, "epochs": 50, "engine": "compiled"}
    formula = "y = a*exp(b*x) + tanh(c*x) + d**2"
    by_us = tidu.fit(formula, data, **given, batch_size=64)
    monkeypatch.setattr(calls, "_made", {})
    monkeypatch.setattr(calls, "placed", lambda *_given: None)
    processor._linker.cache_clear()
    by_llvm = tidu.fit(formula, data, **given, batch_size=64)
    assert by_us.params == by_llvm.params
    assert np.array_equal(by_us.history.values, by_llvm.history.values)


def test_the_processor_is_known_by_files_or_by_llvm(monkeypatch):
    assert host._by_files() is not None
    assert processor.described().startswith("LLVM")
    monkeypatch.setattr(host.sys, "platform", "another")
    host.processor.cache_clear()
    assert host.processor() == processor.described()
    monkeypatch.undo()
    host.processor.cache_clear()
