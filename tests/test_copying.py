"""Copies of frozen dataclasses are those of `dataclasses.replace`."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from dataclasses import dataclass, field
from functools import cached_property

import pytest

from tidu.copying import FrozenDict, replaced


@dataclass(frozen=True)
class Point:
    x: float
    y: float = 0.0
    names: tuple[str, ...] = field(default_factory=tuple)

    @cached_property
    def length(self) -> float:
        return abs(self.x) + abs(self.y)


@dataclass(frozen=True)
class Checked:
    x: float

    def __post_init__(self) -> None:
        assert self.x > 0.0


def test_a_copy_has_what_is_new_and_keeps_the_rest_but_nothing_derived():
    point = Point(3.0, 4.0, ("a",))
    assert point.length == 7.0
    copy = replaced(point, x=-1.0)
    assert copy == dataclasses.replace(point, x=-1.0)
    assert copy.length == 5.0
    assert (point.x, point.length) == (3.0, 7.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        copy.x = 2.0


def test_a_field_that_is_not_there_is_refused():
    with pytest.raises(TypeError, match="Point has no z"):
        replaced(Point(1.0), z=1.0)


def test_a_class_that_checks_itself_is_refused():
    with pytest.raises(AssertionError, match="checked"):
        replaced(Checked(1.0), x=-1.0)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.__setitem__("a", 2),
        lambda d: d.__delitem__("a"),
        lambda d: d.__ior__({"a": 2}),
        lambda d: d.clear(),
        lambda d: d.pop("a"),
        lambda d: d.popitem(),
        lambda d: d.setdefault("b", 2),
        lambda d: d.update(a=2),
    ],
)
def test_a_frozen_dict_cannot_be_changed(change):
    frozen = FrozenDict({"a": 1})
    with pytest.raises(TypeError, match="read-only"):
        change(frozen)
    assert frozen == {"a": 1}


def test_a_frozen_dict_is_copied_and_written_as_it_is():
    frozen = FrozenDict({"a": [1], "b": 2})
    for again in (pickle.loads(pickle.dumps(frozen)), copy.deepcopy(frozen), copy.copy(frozen)):
        assert type(again) is FrozenDict
        assert again == frozen
    assert json.loads(json.dumps(frozen)) == frozen
    assert type(frozen | {"c": 3}) is dict
