"""`Parameters`: the values of the parameters of a fit by name; where one has values for many levels, by level too."""

from __future__ import annotations

from typing import Any

from tidu.engines.program import Program, names_of_numbers


class Parameters(dict[str, Any]):
    """Floats and arrays by the names of the program's parameters; `a[sh]` is the number of one level."""

    def __init__(self, program: Program, values: Any) -> None:
        super().__init__(zip(program.parameter_names, values, strict=True))
        self._program = program

    def __missing__(self, name: str) -> float:
        for p in self._program.parameters:
            if p.shape and name.startswith(f"{p.name}["):
                names = names_of_numbers(self._program, p)
                if name in names:
                    return float(self[p.name].ravel()[names.index(name)])
        raise KeyError(name)
