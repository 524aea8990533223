"""`run.export` and `tidu export`: a training, or its model, as a program that runs without tidu.

The loop is the text that the training loop is written as; what it calls is copied from `tidu.runtime`. The program
reads a CSV file, trains with the run's settings and prints each parameter.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pprint import pformat
from typing import Any

import numpy as np

from tidu.data.labels import label_text
from tidu.engines.array_loop import array_predict_source, array_train_source, inputs_of
from tidu.engines.cost_loop import row_predict_source
from tidu.engines.dialects import in_tuple
from tidu.engines.program import Program
from tidu.engines.scalar_loop import LoopShape, Stopped, arguments_of, state_at_start, train_source
from tidu.errors import SettingError, closest
from tidu.insight.definitions import standing_alone
from tidu.language.derived_columns import Elapsed, Indicator, LevelNumber
from tidu.language.expr import Expr
from tidu.language.level_parameters import level_text
from tidu.text import _
from tidu.training.orders import BLOCKS
from tidu.training.run import Run
from tidu.training.training import loop_shape

WIDTH = 100
ONNX = "onnx"  # of which there is the model only


@dataclass(frozen=True)
class Library:
    """In whose words a program is written: `array` is a list of numbers, or the NumPy array `{0}`, as its array."""

    on_arrays: bool
    namespace: str
    array: str
    imports: tuple[str, ...] = ()


LIBRARIES = {
    "python": Library(False, "numpy", "{0}"),
    "numpy": Library(True, "numpy", "np.array({0}, dtype={dtype!r})", ("import numpy as np",)),
    "jax": Library(
        True,
        "jax",
        "jnp.array({0}, dtype=jnp.{dtype})",
        ("import numpy as np", "import jax", "import jax.numpy as jnp"),
    ),
    "torch": Library(True, "torch", "torch.tensor({0}, dtype=torch.{dtype})", ("import numpy as np", "import torch")),
}


def exported(run: Run, to: str, model: bool = False) -> str | bytes:
    """The text of a program that trains as this run did, and prints its parameters; to ONNX the bytes of its model.

    Parameters
    ----------
    to : `"python"` needs the standard library alone and gives the bits of the run; it is for models of numbers.
        `"numpy"`, `"torch"` and `"jax"` compute whole batches; their sums have another order, so other last digits.
        `"onnx"` is the model for prediction, in float32.
    model : the model alone, with its parameters: a module with one function, `predict(row)`.

    Raises
    ------
    SettingError
        There is no such library; the run cannot be written like this.
    """
    if to == ONNX:
        from tidu.insight.onnx_model import onnx_bytes

        return onnx_bytes(run)
    if to not in LIBRARIES:
        near = closest(to, [*LIBRARIES, ONNX])
        raise SettingError(
            _("there is no export to '{name}'{hint}; there are {names}").format(
                name=to,
                hint=_(" (did you mean '{near}'?)").format(near=near) if near else "",
                names=", ".join([*LIBRARIES, ONNX]),
            )
        )
    if to == "python" and run.program.of_arrays:
        raise SettingError(
            _("an export to python is for models whose parameters are numbers; export this one with --to numpy")
        )
    return _model(run, to) if model else _training(run, to)


# -- the training -----------------------------------------------------------------------------------
def _training(run: Run, to: str) -> str:
    library, s, program = LIBRARIES[to], run.settings, run.problem.descended
    if s.uses_solver:
        raise SettingError(
            _("{optimizer} is a solver, not a loop of steps; export its model with --model, or fit with an optimizer")
            .format(optimizer=s.optimizer)
        )  # fmt: skip
    if s.plateau:
        raise SettingError(
            _("a rate that falls at plateaus follows the loss of each epoch, which an exported program does not "
              "compute; export the model with --model, or fit without --plateau")
        )  # fmt: skip
    if s.shuffle == BLOCKS and s.batch_size is not None and s.batch_size < run.rows:
        raise SettingError(
            _("a program that is exported does not shuffle by blocks; fit with --no-shuffle or --shuffle, in memory")
        )
    if to == "python" and s.dtype != "float64":
        raise SettingError(_("an export to python computes in float64; export a run in {dtype} with --to numpy").format(
            dtype=s.dtype
        ))  # fmt: skip
    if to in ("torch", "jax") and find_spec(to) is None:
        raise SettingError(_("an export to {name} needs it here too; pip install {name}").format(name=to))
    shape = loop_shape(s, run.rows, library.on_arrays, library.namespace)
    source = (array_train_source if library.on_arrays else train_source)(program, shape)
    docstring, _same, loop = source.partition("\n")
    return standing_alone(
        "\n".join([_title(run, docstring, to), *_imports(library, shape), loop, *_main(run, to, shape)])
    )


def _title(run: Run, docstring: str, to: str) -> str:
    """What the program says of itself."""
    same = "to the same bits" if to == "python" else "but for the last digits"
    rows = f"The run had {run.rows} rows and came to the parameters below, which this program prints {same}:"
    values = [f"    {name} = {_number(value)}" for name, value in run.params.items() if np.ndim(value) == 0]
    usage = "Run it with the data, as `python script.py DATA.csv`; it needs no tidu."
    if not values:
        rows, values = f"The run had {run.rows} rows.", []
    return "\n".join([docstring.removesuffix('"""'), "", usage, rows, *values, '"""'])


def _imports(library: Library, shape: LoopShape) -> list[str]:
    lines = [
        "import math",
        "import sys",
        "from tidu.runtime.cells import coded, coded_together, indicator, numbers, read_table",
    ]
    lines += ["from tidu.runtime.permutation import Orders, permutation"] if shape.shuffled else []
    return [*lines, *library.imports]


def _main(run: Run, to: str, shape: LoopShape) -> list[str]:
    """What reads the data, calls the loop and prints."""
    library, s, problem, program = LIBRARIES[to], run.settings, run.problem, run.problem.descended
    begin = tuple(p if np.ndim(p) else float(p) for p in problem.descent_start)
    rate = program.rate
    until = _until(s.until_loss, library)
    given = {
        "columns": "columns",
        "first_row": "0",
        "rows": "rows",
        "orders": "orders",
        "batch_size": "BATCH_SIZE",
        "settings": "(LEARNING_RATE,)",
        "seed": "SEED",
        "parameters": "START",
        "state": "CARRIED",
        "position": f"(0, 0, 0, {_value(0.0, library, s.dtype) if to == 'torch' else '0.0'})",
        "last_step": "STEPS",
        "until_loss": "UNTIL_LOSS",
        "tol": "TOLERANCE",
        "history": "history",
        "checked": "checked",
    }
    wanted = arguments_of(program, shape)
    constants = {
        "columns": ("NAMES", f"{_laid_out(list(problem.names))}  # of a file without a header"),
        "batch_size": ("BATCH_SIZE", repr(s.batch_size)),
        "settings": ("LEARNING_RATE", repr(rate.value) if rate.is_constant else ""),
        "seed": ("SEED", repr(s.seed)),
        "parameters": ("START", _values(begin, library, s.dtype)),
        "state": ("CARRIED", _values(state_at_start(program, shape, begin), library, s.dtype)),
        "last_step": ("STEPS", f"{run.state.step}  # that the run made for these parameters"),
        "until_loss": ("UNTIL_LOSS", until),
        "tol": ("TOLERANCE", repr(s.tol)),
    }
    used = {*wanted, *(["seed"] if shape.shuffled else [])}
    exact = ['jax.config.update("jax_enable_x64", True)  # JAX computes in float32 otherwise'] if to == "jax" else []
    lines = ["", "", *exact, *(f"{name} = {text}" for key, (name, text) in constants.items() if key in used), "", ""]
    lines += ["def main(path):", '    """Read the data, train, and print the parameters."""']
    lines += ["    table = read_table(path, NAMES)", f"    columns = {_columns(run, library, program)}"]
    lines += ["    rows = len(columns[0])", f"    if rows != {run.rows}:"]
    lines += [f'        print(f"the run had {run.rows} rows, this file has {{rows}}", file=sys.stderr)']
    lines += ["    history = {}", *(["    checked = []"] if "checked" in wanted else [])]
    lines += [f"    orders = Orders({_order(library)})"] if shape.shuffled else []
    call = f"train({', '.join(given[name] for name in wanted)})"
    lines += (
        ["    with np.errstate(all='ignore'):", f"        ended = {call}"] if to == "numpy" else [f"    ended = {call}"]
    )
    lines += ["    parameters, stopped = ended[0], ended[5]", *_rescaled(run)]
    names = program.parameter_names if problem.rescaling is None else problem.program.parameter_names
    shown = "value" if to == "python" else "value.tolist() if hasattr(value, 'tolist') else value"
    lines += [f"    for name, value in zip({list(names)!r}, parameters):", f'        print(name, "=", repr({shown}))']
    bad = (
        "not all(math.isfinite(number) for number in checked)"
        if "checked" in wanted
        else f"stopped == {int(Stopped.DIVERGED)}"
    )
    lines += [f"    if {bad}:", '        sys.exit("diverged: a step was not finite")']
    return [*lines, "", "", 'if __name__ == "__main__":', "    main(sys.argv[1])"]


def _until(bound: float | None, library: Library) -> str:
    if bound is not None:
        return repr(bound)
    return "None" if library.namespace == "torch" else "-math.inf"


def _order(library: Library) -> str:
    """The function that gives the order of an epoch."""
    if not library.on_arrays:
        return "lambda epoch: permutation([SEED, epoch], rows)"
    drawn = "np.random.default_rng([SEED, epoch]).permutation(rows)"
    return f"lambda epoch: torch.from_numpy({drawn})" if library.namespace == "torch" else f"lambda epoch: {drawn}"


def _rescaled(run: Run) -> list[str]:
    """From the parameters of the descent to the user's."""
    basis = run.problem.rescaling
    if basis is None:
        return []
    rows = ", ".join(f"({_number(at)}, {in_tuple(list(map(_number, row)))})"
                     for at, row in zip(basis.start.tolist(), basis.matrix.tolist(), strict=True))  # fmt: skip
    return [
        "    # The loop ran in rescaled parameters u; the model's are start + matrix·u.",
        f"    basis = [{rows}]",
        "    parameters = [start + sum(m * u for m, u in zip(row, parameters)) for start, row in basis]",
    ]


# -- its data -----------------------------------------------------------------------------------------
def _columns(run: Run, library: Library, program: Program) -> str:
    """The columns as the loop reads them, as code."""
    if not library.on_arrays:
        return in_tuple([_cells(run, program, c) for c in program.columns])
    dtype = run.settings.dtype
    found = []
    for node in inputs_of(program):
        if node.op.name == "stack":
            cells = f"np.column_stack([{', '.join(_cells(run, program, c) for c in node.args)}])"
        elif node.shape:
            cells = f"np.eye({node.shape[0]})[np.array({_cells(run, program, node)}, dtype=int)]"
        else:
            cells = _cells(run, program, node)
        found.append(library.array.format(cells, dtype=dtype))
    return in_tuple(found)


def _cells(run: Run, program: Program, column: Expr) -> str:
    """A column of the program, as code that reads it of the table."""
    if column.name in program.derived:
        entry = program.derived[column.name]
        if isinstance(entry, Elapsed):
            raise SettingError(_("a program that is exported cannot read dates; '{name}' is made of them").format(
                name=column.name
            ))  # fmt: skip
        if isinstance(entry, LevelNumber):
            numbered = {level_text(level): float(k) for k, level in enumerate(run.settings.levels[entry.column])}
            read = f"coded(table, {entry.column!r}, {numbered!r})"
            return read if len(entry.columns) == 1 else f"coded_together(table, {entry.columns!r}, {numbered!r})"
        return f"indicator(table, {entry.column!r}, {level_text(entry.level)!r})"
    if column.role == "target" and run.classes:
        codes = run.settings.loss_object.targets.codes
        labels = {label_text(label): float(code) for label, code in zip(run.classes, codes, strict=False)}
        return f"coded(table, {column.name!r}, {labels!r})"
    return f"numbers(table, {column.name!r})"


# -- numbers as text ------------------------------------------------------------------------------------
def _number(value: Any) -> str:
    text = repr(float(value))
    return f"math.{text}" if text in ("inf", "nan") else "-math.inf" if text == "-inf" else text


def _laid_out(value: Any) -> str:
    return pformat(value, width=WIDTH, compact=True)


def _value(value: Any, library: Library, dtype: str) -> str:
    if np.ndim(value):
        return library.array.format(_laid_out(np.asarray(value).tolist()), dtype=dtype)
    if library.namespace == "torch" or (library.on_arrays and dtype != "float64"):
        return library.array.format(_number(value), dtype=dtype) + ("[()]" if library.namespace == "numpy" else "")
    return _number(value)


def _values(values: tuple[Any, ...], library: Library, dtype: str) -> str:
    return in_tuple([_value(value, library, dtype) for value in values])


# -- the model alone ------------------------------------------------------------------------------------
def _model(run: Run, to: str) -> str:
    program = run.program.without_dropout
    if to not in ("python", "numpy"):
        raise SettingError(_("a model alone is exported to python or numpy, not to {name}").format(name=to))
    cells = {c.name: _cell(run, program, c) for c in program.columns if c.role == "feature"}
    if not program.of_arrays:
        return standing_alone(row_predict_source(program, cells, tuple(run.params.values())))
    library = LIBRARIES["numpy"]
    read = {name: text.format(row="row") for name, text in cells.items()}
    rows = []
    for node in inputs_of(program):
        if node.op.name == "stack":
            rows.append(f"np.array([[{', '.join(read[c.name] for c in node.args)}]])")
        elif node.name in read:
            rows.append(f"np.array([{read[node.name]}])")
    return standing_alone(
        "\n".join(
            [
                array_predict_source(program),
                f"PARAMETERS = {_values(tuple(run.params.values()), library, 'float64')}",
                "predict_rows = predict",
                "",
                "",
                "def predict(row):",
                '    """The prediction for one row, a mapping of the names of columns to their values."""',
                f"    return predict_rows({in_tuple(rows)}, PARAMETERS)[0].tolist()",
            ]
        )
    )


def _cell(run: Run, program: Program, column: Expr) -> str:
    """A feature of one row, as code; `{row}` stands for the row."""
    entry = program.derived.get(column.name)
    if isinstance(entry, Elapsed):
        raise SettingError(_("a program that is exported cannot read dates; '{name}' is made of them").format(
            name=column.name
        ))  # fmt: skip
    if isinstance(entry, LevelNumber):
        levels = run.settings.levels[entry.column]
        cells = ", ".join(f"{{row}}[{_plain(column)}]" for column in entry.columns)
        return f"{_plain({level: float(k) for k, level in enumerate(levels)})}[{cells}]"
    if isinstance(entry, Indicator):
        return f"float({{row}}[{_plain(entry.column)}] == {_plain(entry.level)})"
    return f"float({{row}}[{_plain(column.name)}])"


def _plain(value: Any) -> str:
    return repr(value).replace("{", "{{").replace("}", "}}")
