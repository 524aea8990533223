"""The libraries in whose words a loop on arrays is written: NumPy, and PyTorch for its devices.

The tables of operations say `xp.tanh({0})`. What a library lacks, or means otherwise than NumPy, is in a module of
ours with the same name for both, which the text imports beside it: so the text is what its users would write, and on
neither does a step pay for a layer in between. (The array API's own layer, array-api-compat, refuses what formulas are
full of: `maximum(x, 0.0)`, `where(x > 0.0, 1.0, 0.01)`.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module

from tidu.language.operation import Op


@dataclass(frozen=True)
class Namespace:
    """A library: the line that imports it, its prefix, and the module of what it lacks."""

    imports: str
    prefix: str
    lacking: str

    @cached_property
    def own(self) -> frozenset[str]:
        """The functions of the module `lacking`."""
        functions = vars(import_module(self.lacking)).items()
        return frozenset(n for n, f in functions if callable(f) and n.islower() and not n.startswith("_"))

    def of(self, op: Op) -> str:
        """The template of an operation on arrays, with `xp.` for the library."""
        return op.torch if self.prefix == "torch" and op.torch else op.array

    def code(self, template: str) -> str:
        """A template of the tables in this library's words."""
        return re.sub(r"\bxp\.([\w.]+)", self._named, template)

    def _named(self, found: re.Match[str]) -> str:
        name = found[1]
        return name if name in self.own else f"{self.prefix}.{name}"


NUMPY = Namespace("import numpy as np", "np", "tidu.runtime.arrays")
TORCH = Namespace("import torch", "torch", "tidu.runtime.torch_arrays")
JAX = Namespace("import jax.numpy as jnp", "jnp", "tidu.runtime.jax_arrays")  # for exported programs
NAMESPACES = {"numpy": NUMPY, "torch": TORCH, "jax": JAX}
