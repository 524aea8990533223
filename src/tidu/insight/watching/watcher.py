"""`Watcher`: the observer that writes down walks back, updates and clearings in a script, with their lines.

It keeps a few numbers of each step, the graphs of the first walks, and nothing that could change a result. What the
numbers mean is said elsewhere: `reductions`, `curvature`, `faults`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tidu.eager.foreign import ForeignTensor
from tidu.eager.graph import backward_order
from tidu.eager.tensor import Tensor
from tidu.eager.torch_tensor import TorchTensor
from tidu.insight.watching.names import names_of
from tidu.insight.watching.script import Place, Script
from tidu.language.operation import Op

ELEMENTS = 8  # of a parameter, whose path is kept
RATES = 24  # updates of a parameter whose rate is found
GRAPHS = 8  # walks of a training whose graph is kept
LARGEST_GRAPH = 2_000_000  # numbers in graphs that are kept besides the first
PAIRS = ("subtract", "multiply", "equal")  # of predictions and labels


@dataclass(eq=False)
class Leaf:
    """A tensor in which walks leave a gradient, and what happened to it.

    `rates` are pairs: by how many gradients an update moved it, and the cosine between the two.
    """

    tensor: Tensor
    name: str
    start: Any
    steps: list[int] = field(default_factory=list)  # the number of walks before each value of the path
    path: list[Any] = field(default_factory=list)
    walks: int = 0
    updates: int = 0
    rates: list[tuple[float, float]] = field(default_factory=list)
    update_place: Place | None = None
    update_values: dict[str, float] = field(default_factory=dict)  # plain numbers that the update's code could see
    fresh: bool = False  # a walk has come since the last update
    served: bool = False  # the gradient was used in an update, and has not been cleared
    cleared: Place | None = None  # since the last walk, before an update
    read: bool = False  # the gradient was, since the last walk
    stale: list[Place | None] = field(default_factory=list)  # walks that added to a gradient that had been used
    emptied: list[Place | None] = field(default_factory=list)  # clearings of a gradient that an update then missed
    lent: Place | None = None
    rebound: tuple[Place | None, Tensor] | None = None  # what an update made beside it, instead of changing it
    rebound_in_use: Place | None = None  # ... where the next walk began at what was made
    visits: int = 0  # walks to this very tensor
    in_record: Place | None = None
    last: Any = None  # the value as far as it is known

    @property
    def changed(self) -> bool:
        """Whether it has another value than at first."""
        return self.updates > 0


@dataclass(eq=False)
class Walk:
    """A call of `backward()` whose graph is kept, with the values that its leaves had."""

    output: Tensor
    values: dict[Tensor, Any]


@dataclass(eq=False)
class Training:
    """Walks to the same parameters."""

    leaves: list[Leaf] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    place: Place | None = None
    name: str = "loss"
    walks: list[Walk] = field(default_factory=list)
    kept_numbers: int = 0


@dataclass(frozen=True)
class Broadcast:
    """Two shapes that gave a table of all pairs, where pairs of a sample were meant."""

    place: Place | None
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    made: tuple[int, ...]


class Watcher:
    """What it has seen stands in `trainings` and `broadcasts`."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.trainings: list[Training] = []
        self.broadcasts: dict[int, Broadcast] = {}
        self.walking: Tensor | None = None
        self._leaves: dict[int, Leaf] = {}
        self._gradients: dict[int, Leaf] = {}
        self._visited: list[Leaf] = []

    # -- operations -------------------------------------------------------------------------------
    def operation(self, op: Op, args: tuple[Any, ...], new: Tensor) -> None:
        """`op` has made `new` of `args`."""
        if len(args) != 2 or self.walking is not None:
            return
        a, b = args
        if type(new.value) is not float and new.value.ndim == 2 and op.name in PAIRS:
            self._look_at_pairs(a, b, new)
        if op.name in ("subtract", "add"):
            for one in args:
                leaf = self._leaves.get(id(one))
                if leaf is not None and leaf.fresh and leaf.read and _downhill(leaf, new):
                    leaf.rebound = (self.script.place(), new)

    def _look_at_pairs(self, a: Any, b: Any, new: Tensor) -> None:
        shapes = tuple(np.shape(x.value if isinstance(x, Tensor) else x) for x in (a, b))
        if sorted(map(len, shapes)) != [1, 2]:
            return
        row, table = sorted(shapes, key=len)
        if not (table[1] == 1 and row[0] == table[0] > 1):
            return
        computed = any(isinstance(x, Tensor) and x.wants and x.made is not None for x in (a, b))
        data = any(not (isinstance(x, Tensor) and x.wants) for x in (a, b))
        place = self.script.place() if computed and data else None
        if place is not None:
            self.broadcasts.setdefault(place.line, Broadcast(place, (shapes[0], shapes[1]), new.shape))

    # -- walks --------------------------------------------------------------------------------------
    def walk_begins(self, output: Tensor) -> None:
        """`output.backward()` is called."""
        for leaf in self._leaves.values():
            if leaf.rebound is not None and leaf.rebound[1].wants and leaf.rebound[1] in set(backward_order(output)):
                leaf.rebound_in_use, leaf.rebound = leaf.rebound[0], None
        self.walking, self._visited = output, []

    def gradient_comes(self, tensor: Tensor, gradient: Any) -> None:
        """A walk is about to leave `gradient` in a tensor."""
        if self.walking is None or (tensor.made is not None and not tensor.keeps):
            return
        leaf = self._leaves.get(id(tensor))
        if leaf is None:
            leaf = self._leaves[id(tensor)] = Leaf(tensor, "", _copied(tensor.value))
            leaf.last = leaf.start
        else:
            self._notice_silent_change(leaf)
        before = tensor._grad
        adds = tensor._adds if isinstance(tensor, ForeignTensor) else not tensor._anew
        if adds and before is not None and leaf.served and _any(before):
            leaf.stale.append(self.script.place())
        self._visited.append(leaf)

    def walk_ends(self, output: Tensor) -> None:
        """`output.backward()` returns."""
        self.walking = None
        visited, self._visited = self._visited, []
        if not visited:
            return
        new = [leaf for leaf in visited if not leaf.name]
        if new:
            self._name(new, output)
        training = self._training_of(visited, output)
        with np.errstate(all="ignore"):
            training.losses.append(float(np.mean(output.value)))
        for leaf in visited:
            leaf.walks += 1
            leaf.visits += 1
            leaf.fresh, leaf.cleared, leaf.read, leaf.served = True, None, False, False
            if isinstance(leaf.tensor._grad, Tensor):
                self._gradients[id(leaf.tensor._grad)] = leaf
            if not leaf.path:
                leaf.steps.append(len(training.losses) - 1)
                leaf.path.append(_first_elements(leaf.start))
        self._keep_graph(training, output, visited)

    def _name(self, new: list[Leaf], output: Tensor) -> None:
        found = names_of([leaf.tensor for leaf in new], self.script)
        for leaf in new:
            leaf.name = found[id(leaf.tensor)]

    def _training_of(self, visited: list[Leaf], output: Tensor) -> Training:
        for training in reversed(self.trainings):
            if any(leaf in training.leaves for leaf in visited):
                training.leaves += [leaf for leaf in visited if leaf not in training.leaves]
                return training
        previous = self.trainings[-1] if self.trainings else None
        if previous is not None and _goes_on(previous, visited):
            for leaf in visited:
                old = next(x for x in previous.leaves if x.name == leaf.name)
                leaf.steps, leaf.path, leaf.updates = old.steps, old.path, old.updates + 1
                leaf.start, leaf.walks = old.start, old.walks
                leaf.steps.append(len(previous.losses))
                leaf.path.append(_first_elements(leaf.tensor.value))
                previous.leaves[previous.leaves.index(old)] = leaf
            return previous
        place = self.script.place()
        name = names_of([output], self.script, "")[id(output)]
        self.trainings.append(Training(self._in_order(visited), place=place, name=name or "loss"))
        return self.trainings[-1]

    def _in_order(self, leaves: list[Leaf]) -> list[Leaf]:
        """The leaves as the script's variables stand, those of no variable last."""
        names = list(names_of([leaf.tensor for leaf in leaves], self.script).values())
        return sorted(leaves, key=lambda leaf: names.index(leaf.name) if leaf.name in names else len(names))

    def _keep_graph(self, training: Training, output: Tensor, visited: list[Leaf]) -> None:
        if len(training.walks) >= GRAPHS or (training.walks and training.kept_numbers > LARGEST_GRAPH):
            return
        order = backward_order(output)
        training.kept_numbers += sum(np.size(t.value) for t in order)
        values = {
            parent: value
            for t in order
            if t.made is not None
            for parent, value in zip(t.made[1], t.made[2], strict=True)
            if parent is not None and parent.made is None
        }
        training.walks.append(Walk(output, values))

    # -- updates ------------------------------------------------------------------------------------
    def assignment_begins(self, tensor: Tensor) -> Any:
        """The value of a tensor is about to change."""
        leaf = self._leaf_of(tensor)
        return _copied(leaf.tensor.value) if leaf is not None and self.walking is None else None

    def assignment_ends(self, tensor: Tensor, before: Any) -> None:
        """It has changed."""
        if self.walking is not None:
            return
        of_gradient = self._gradients.get(id(tensor))
        if of_gradient is not None and of_gradient.tensor._grad is tensor:
            if not _any(tensor.value):
                self._clear(of_gradient)
            return
        leaf = self._leaf_of(tensor)
        if leaf is None or before is None:
            return
        if isinstance(tensor, ForeignTensor) and tensor is leaf.tensor and tensor.recording.get() and leaf.fresh:
            leaf.in_record = leaf.in_record or self.script.place()
        known = leaf.last if leaf.lent is not None else before  # `w.data -= step` has changed it already
        self._updated(leaf, known, tensor.value, self.script.place())

    def _leaf_of(self, tensor: Tensor) -> Leaf | None:
        owner = tensor._owner if isinstance(tensor, TorchTensor) else None
        return self._leaves.get(id(tensor if owner is None else owner))

    def _notice_silent_change(self, leaf: Leaf) -> None:
        """An array that was given out may have changed; `w.data[0] -= step` tells nobody."""
        if leaf.lent is not None and not np.array_equal(leaf.last, leaf.tensor.value):
            self._updated(leaf, leaf.last, leaf.tensor.value, leaf.lent)

    def _updated(self, leaf: Leaf, before: Any, after: Any, place: Place | None) -> None:
        if np.array_equal(before, after, equal_nan=True):
            if leaf.cleared is not None and not _any(leaf.tensor._grad):
                leaf.emptied.append(leaf.cleared)
            return
        if leaf.fresh and len(leaf.rates) < RATES:
            leaf.rates.append(_rate(before, after, leaf.tensor._grad))
        if not leaf.updates:
            leaf.update_values = _plain_numbers(next(iter(self.script.frames()), None))
        leaf.updates += 1
        leaf.update_place = leaf.update_place or place
        leaf.fresh, leaf.served, leaf.rebound = False, leaf.cleared is None, None
        training = next((t for t in self.trainings if leaf in t.leaves), None)
        leaf.steps.append(len(training.losses) if training is not None else 0)
        leaf.path.append(_first_elements(after))
        leaf.last, leaf.lent = _copied(after), None

    # -- gradients -----------------------------------------------------------------------------------
    def gradient_read(self, tensor: Tensor) -> None:
        """`tensor.grad` is read."""
        leaf = self._leaves.get(id(tensor))
        if leaf is None or self.walking is not None:
            return
        if tensor._grad is None and leaf.cleared is not None and leaf.fresh:
            leaf.emptied.append(leaf.cleared)
            leaf.fresh = False
        leaf.read = True

    def gradient_set(self, tensor: Tensor, new: Any) -> None:
        """`tensor.grad = new` was executed."""
        leaf = self._leaves.get(id(tensor))
        if leaf is not None and self.walking is None and (new is None or not _any(new)):
            self._clear(leaf)

    def _clear(self, leaf: Leaf) -> None:
        leaf.served = False
        if leaf.fresh and leaf.walks:
            leaf.cleared = self.script.place()

    def lent(self, tensor: Tensor) -> None:
        """The array of a tensor is given out by `.data`."""
        leaf = self._leaves.get(id(tensor))
        if leaf is not None and self.walking is None and type(tensor.value) is not float:
            if leaf.lent is None:
                leaf.last = _copied(tensor.value)
            leaf.lent = self.script.place()


def _goes_on(training: Training, visited: list[Leaf]) -> bool:
    """Whether new tensors take the place of those of a training, as where each step makes its parameters anew."""
    known = {leaf.name: leaf for leaf in training.leaves}
    return {leaf.name for leaf in visited} == set(known) and all(
        known[leaf.name].visits == 1 and np.shape(known[leaf.name].start) == np.shape(leaf.start) for leaf in visited
    )


def _copied(value: Any) -> Any:
    return value if type(value) is float else np.array(value)


def _first_elements(value: Any) -> Any:
    return np.array(np.ravel(value)[:ELEMENTS], dtype=np.float64)


def _any(gradient: Any) -> bool:
    """Whether a gradient, bare or as a tensor, has an element that is not 0."""
    return bool(np.any(gradient.value if isinstance(gradient, Tensor) else gradient))


def _bare(gradient: Any) -> Any:
    return np.asarray(gradient.value if isinstance(gradient, Tensor) else gradient, dtype=np.float64)


def _downhill(leaf: Leaf, new: Tensor) -> bool:
    """Whether `new` is the parameter moved straight against its gradient."""
    if leaf.tensor._grad is None or np.shape(new.value) != np.shape(leaf.tensor.value):
        return False
    rate, cosine = _rate(leaf.tensor.value, new.value, leaf.tensor._grad)
    return rate > 0 and cosine > 0.999


def _rate(before: Any, after: Any, gradient: Any) -> tuple[float, float]:
    """By how many gradients a parameter was moved downhill, and the cosine between the step and the gradient."""
    if gradient is None:
        return 0.0, 0.0
    with np.errstate(all="ignore"):
        g = np.ravel(_bare(gradient))
        step = np.ravel(np.asarray(before, dtype=np.float64) - np.asarray(after, dtype=np.float64))
        along, square = float(step @ g), float(g @ g)
        size = float(step @ step)
        return (along / square, along / np.sqrt(square * size)) if square > 0 and size > 0 else (0.0, 0.0)


def _plain_numbers(frame: Any) -> dict[str, float]:
    """The Python numbers that a frame can see, by name."""
    if frame is None:
        return {}
    seen = {**frame.f_globals, **frame.f_locals}
    return {k: float(v) for k, v in seen.items() if type(v) in (int, float) and not k.startswith("__")}
