"""Questions that a run is asked and that layers above training answer: the package puts the answers here.

So `run.diagnose()` works, and no module imports one that stands above it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

ANSWERS: dict[str, Callable[..., Any]] = {}  # filled by `tidu/__init__.py`


def answered(question: str, *arguments: Any) -> Any:
    """What is answered to a question."""
    return ANSWERS[question](*arguments)
