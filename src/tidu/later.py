"""`Later`: a value that is computed when somebody asks for it, and fields of dataclasses that take such values.

A fit takes less time than all that can be said about it, and few people read all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Later(Generic[T_co]):
    """A value that `compute` gives when it is first asked for. Copied or pickled, it is the value."""

    def __init__(self, compute: Callable[[], T_co]) -> None:
        self._compute: Callable[[], T_co] | None = compute
        self._value: T_co

    def __call__(self) -> T_co:
        """The value."""
        compute = self._compute
        if compute is not None:
            self._value = compute()
            self._compute = None  # with all that it held on to
        return self._value

    def __reduce__(self) -> tuple[Any, ...]:
        return _known, (self(),)


def _known(value: T) -> Later[T]:
    return Later(lambda: value)


class MayBeLater(Generic[T]):
    """A field of a dataclass that takes a value or a `Later`, and gives the value. What it is given is its default."""

    def __init__(self, *default: T) -> None:
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> T: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> T:
        if instance is None:
            if not self.default:
                raise AttributeError(self.name)  # by which a dataclass knows that there is no default
            return self.default[0]
        value = vars(instance)[self.name]
        if type(value) is Later:
            value = vars(instance)[self.name] = value()
        found: T = value
        return found

    def __set__(self, instance: object, value: T | Later[T]) -> None:
        vars(instance)[self.name] = value


def as_given(instance: object, name: str) -> Any:
    """A field as it was given: where that is a `Later`, it is not computed."""
    return vars(instance)[name]
