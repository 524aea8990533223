"""LLVM itself: text of its language → object code for this processor → the address of a function.

Everything else of the compiler writes or keeps text and bytes. Importing this imports LLVM, which kept code needs only
where `placing` does not know how to put it into memory.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

import llvmlite.binding as llvm

from tidu.engines.compiler.placing import address_of

_loading = threading.Lock()
LONG = 100_000  # letters of a module: of longer ones, the passes take half a second, and the second level finds little


@cache
def described() -> str:
    """LLVM's version, the processor and what it can do."""
    version = ".".join(map(str, llvm.llvm_version_info))
    return f"LLVM {version}, {llvm.get_default_triple()}, {llvm.get_host_cpu_name()}, {_features()}"


@cache
def _features() -> str:
    features: str = llvm.get_host_cpu_features().flatten()
    return features


def _new_machine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(opt=1, cpu=llvm.get_host_cpu_name(), features=_features(), jit=True)


@cache
def _machine() -> Any:
    return _new_machine()


def _optimised(text: str) -> Any:
    machine = _machine()
    module = llvm.parse_assembly(text)
    options = llvm.create_pipeline_tuning_options(speed_level=1 if len(text) > LONG else 2)
    options.loop_vectorization = options.slp_vectorization = False  # what lies side by side is written so
    # The loops that matter are long, and their turns are too; more code takes longer to make, and is not faster.
    options.loop_unrolling = options.loop_interleaving = False
    options.inlining_threshold = 50
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    return module


def object_code(text: str) -> bytes:
    """The object code of a module in LLVM's language."""
    code: bytes = _machine().emit_object(_optimised(text))
    return code


def listing(text: str, form: str) -> str:
    """A module after optimisation, for people: in LLVM's language, or with `form="asm"` the processor's."""
    module = _optimised(text)
    shown: str = _machine().emit_assembly(module) if form == "asm" else str(module)
    return shown


@cache
def _linker() -> Any:
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), _new_machine())  # which it owns from then on


def linked(name: str, code: bytes, symbols: Mapping[str, str]) -> tuple[int, object]:
    """Where the function of this name is, once the object code is in memory, and whose that memory is.

    Whoever calls the function holds the owner: the memory goes when nobody does. `symbols` are the names that the
    code calls the C library's functions by.
    """
    with _loading:
        for known_as, symbol in symbols.items():
            llvm.add_symbol(known_as, address_of(symbol))
        linker = _linker()
        linker.add_object_file(llvm.ObjectFileRef.from_data(code))
        linker.finalize_object()
        address: int = linker.get_function_address(name)
    if not address:
        raise LookupError(name)
    return address, linker
