"""The training loop with what runs it for many settings at once: eight runs go through one call of `train`.

`runs_source` gives the text of a module; its `train` is a loop as in `scalar_loop`, its `train_runs` takes groups of
eight runs from where they are to a step. Called by `training.sweeping.abreast`, which keeps the
runs' numbers in arrays.
"""

from __future__ import annotations

from tidu.engines.program import Program, kept_with_program
from tidu.engines.scalar_loop import LoopShape, Stopped, arguments_of, train_source

_TRAIN_RUNS = '''
from math import isfinite
from tidu.runtime.summation import eight_at, put


def settled(why, k, places, ends, parameters, before, checked, losses, until_loss, tol, where):
    """Whether any of the eight runs at `places[k:k + 8]` goes on after `train` left because of `why`.

    Those that do not have their reason and `where` written to `ends`, and their place is taken by one that goes on:
    it is then computed more than once, to the same bits. The questions are those of the loop, in its order.
    """
    live = -1
    for lane in range(8):
        run = places[k + lane]
        if ends[run, 0] != 0:
            continue
        known = False  # a run in more than one place is asked once, for `before` changes
        for other in range(lane):
            known = known or places[k + other] == run
        if known:
            continue
        outcome = 0
        if why == {diverged}:
            if not isfinite(checked[run]):
                outcome = {diverged}
        elif losses[lane] < until_loss:
            outcome = {loss}
        elif len(before) > 0:
            largest = 0.0
            for p in range(len(parameters)):
                largest = max(largest, abs(parameters[p, run] - before[p, run]))
                before[p, run] = parameters[p, run]
            if largest <= tol:
                outcome = {converged}
        ends[run, 0] = outcome
        if outcome != 0:
            ends[run, 1], ends[run, 2], ends[run, 3], ends[run, 4] = where
        else:
            live = run
    if live >= 0:
        for lane in range(8):
            if ends[places[k + lane], 0] != 0:
                places[k + lane] = live
    return live >= 0


def train_runs(
    columns, first_row, rows, orders, batch_size, lr, parameters, state, position, epoch_loss, checked, last_step,
    until_loss, tol, histories, places, ends, first, last,
):
    """Groups of eight runs to `last_step`, each run or until it stops; `places` says which are in a group.

    A run that stops has its reason, epoch, step, start and rows of the history in `ends`.
    """
    for group in range(first, last):
        epoch, step, start = position
        row = 0
        going = True
        while going:
            at = eight_at(places, 8 * group)
            history = histories[group, row:]
            results = train({arguments})
            (new_parameters, new_state, new_position, _gradient, recorded, why, new_checked) = results
            epoch, step, start, new_epoch_loss = new_position
            {puts}
            put(epoch_loss, places, 8 * group, new_epoch_loss)
            put(checked, places, 8 * group, new_checked)
            row += recorded
            going = why != {going} and settled(
                why, 8 * group, places, ends, parameters, state[{states}:], checked,
                histories[group, row - 1], until_loss, tol, (epoch, step, start, row),
            )
'''


@kept_with_program
def runs_source(program: Program, shape: LoopShape) -> str:
    """The text of a module with `train` for runs side by side, and with `train_runs`."""
    count = len(program.parameters)
    states = len(program.new_state)
    carried = states + (count if shape.stops_on_change else 0)
    given = {
        "orders": "orders[epoch - position[0]:]",  # the first is that of the epoch in which `train` begins
        "settings": "(lr[at],)",
        "parameters": _tuple("parameters", count),
        "state": _tuple("state", carried),
        "position": "(epoch, step, start, epoch_loss[at])",
    }
    lines = [f"put(parameters[{k}], places, 8 * group, new_parameters[{k}])" for k in range(count)]
    lines += [f"put(state[{k}], places, 8 * group, new_state[{k}])" for k in range(carried)]
    return train_source(program, shape) + _TRAIN_RUNS.format(
        arguments=", ".join(given.get(name, name) for name in arguments_of(program, shape)),
        puts=("\n" + " " * 12).join(lines),
        states=states,
        **{reason.name.lower(): reason.value for reason in Stopped},
    )


def _tuple(name: str, count: int) -> str:
    return "(" + "".join(f"{name}[{k}][at], " for k in range(count)).rstrip() + ")"
