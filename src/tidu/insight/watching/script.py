"""A learner's script, run as Python runs it: arguments, `__main__`, folder, exit status and traceback are its own.

`Script.run` gives how it ended; `Script.place` says in which of its lines the program is just now.
"""

from __future__ import annotations

import ast
import os
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tidu.errors import DataError
from tidu.text import _

OWN_FOLDER = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep


@dataclass(frozen=True)
class Place:
    """A line of the script, or of a module beside it, counted from 1."""

    file: str
    line: int
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"file": self.file, "line": self.line, "text": self.text}


@dataclass(frozen=True)
class Ended:
    """How a script ended: its exit status, and what it raised, if that is not the end that it asked for."""

    status: int
    error: BaseException | None = None
    place: Place | None = None


@dataclass
class Script:
    """A script with its arguments."""

    path: str
    arguments: tuple[str, ...] = ()
    source: bytes = b""
    _learners: dict[str, bool] = field(default_factory=dict)

    @classmethod
    def read(cls, path: str, arguments: tuple[str, ...] = ()) -> Script:
        """Read from a file.

        Raises
        ------
        DataError
            There is no such file.
        """
        try:
            with open(path, "rb") as file:
                source = file.read()
        except OSError as error:
            raise DataError(
                _("the script '{path}' cannot be read: {reason}").format(path=path, reason=error.strerror or error)
            ) from None
        return cls(os.path.abspath(path), arguments, source)

    @property
    def folder(self) -> str:
        """Where it stands."""
        return os.path.dirname(self.path)

    @cached_property
    def tree(self) -> ast.Module | None:
        """Its syntax tree; None where it is not Python."""
        try:
            return ast.parse(self.source, self.path)
        except (SyntaxError, ValueError):
            return None

    @cached_property
    def code(self) -> types.CodeType:
        """Its code.

        Raises
        ------
        SyntaxError, ValueError
            It is not Python.
        """
        return compile(self.source, self.path, "exec", dont_inherit=True)

    @cached_property
    def main(self) -> types.ModuleType:
        """The module that it runs as."""
        module = types.ModuleType("__main__")
        vars(module).update(__file__=self.path, __builtins__=__builtins__, __spec__=None, __cached__=None)
        return module

    def run(self) -> Ended:
        """Run it as `python SCRIPT ARGUMENTS` does. Its traceback goes to standard error, without our own frames."""
        kept = sys.argv, list(sys.path), sys.modules.get("__main__")
        sys.argv = [self.path, *self.arguments]
        sys.path.insert(0, self.folder)
        sys.modules["__main__"] = self.main
        try:
            exec(self.code, vars(self.main))
            return Ended(0)
        except SystemExit as asked:
            return Ended(_status(asked.code))
        except KeyboardInterrupt as stopped:
            return Ended(130, stopped)
        except BaseException as error:
            trace = self._without_ours(error.__traceback__)
            sys.excepthook(type(error), error.with_traceback(trace), trace)
            return Ended(1, error, self._last_place(trace))
        finally:
            sys.argv, sys.path[:] = kept[0], kept[1]
            if kept[2] is not None:
                sys.modules["__main__"] = kept[2]
            sys.stdout.flush()

    def _without_ours(self, trace: types.TracebackType | None) -> types.TracebackType | None:
        """The traceback from the script on, without the frames of whoever watches."""
        frames = []
        while trace is not None:
            frames.append(trace)
            trace = trace.tb_next
        first = next((k for k, t in enumerate(frames) if self.is_learners(t.tb_frame.f_code.co_filename)), len(frames))
        watching = (os.path.join("eager", "observation.py"), os.path.join("watching", "script.py"))
        kept = [t for t in frames[first:] if not t.tb_frame.f_code.co_filename.endswith(watching)]
        following = None
        for t in reversed(kept):
            following = types.TracebackType(following, t.tb_frame, t.tb_lasti, t.tb_lineno)
        return following

    def _last_place(self, trace: types.TracebackType | None) -> Place | None:
        found = None
        while trace is not None:
            if self.is_learners(trace.tb_frame.f_code.co_filename):
                found = self.at(trace.tb_frame.f_code.co_filename, trace.tb_lineno)
            trace = trace.tb_next
        return found

    def is_learners(self, filename: str) -> bool:
        """Whether a file is the script, or a module of the learner's beside it."""
        known = self._learners.get(filename)
        if known is None:
            path = os.path.abspath(filename)
            beside = path.startswith(self.folder + os.sep) and "site-packages" not in path
            known = path == self.path or (beside and not path.startswith(OWN_FOLDER))
            self._learners[filename] = known = known and not filename.startswith("<")
        return known

    def frames(self) -> Iterator[types.FrameType]:
        """The learner's frames that are running, the innermost first."""
        frame: types.FrameType | None = sys._getframe(1)
        while frame is not None:
            if self.is_learners(frame.f_code.co_filename):
                yield frame
            frame = frame.f_back

    def place(self) -> Place | None:
        """The line of the learner's that is running."""
        frame = next(self.frames(), None)
        return None if frame is None else self.at(frame.f_code.co_filename, frame.f_lineno)

    def at(self, filename: str, line: int) -> Place:
        """A line of a file."""
        import linecache

        return Place(filename, line, linecache.getline(filename, line).strip())


def _status(code: object) -> int:
    """The exit status that `sys.exit(code)` asks for; a text is printed."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)  # noqa: T201
    return 1
