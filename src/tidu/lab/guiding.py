"""`Guide`: the walks as one tab goes along them: what a stop says, and whether an answer is right.

Answers come from the stop's own experiment, which stands beside the one on the page and goes whichever way that goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tidu.errors import SettingError
from tidu.lab.examples import Example
from tidu.lab.experiment import Experiment
from tidu.lab.walks.stage import Stage
from tidu.lab.walks.walk import WALKS, Stop, Task, walk_named
from tidu.lab.walks.wording import Section, page_of, pieces_of
from tidu.text import _


@dataclass(frozen=True)
class Present:
    """What stands on the page: the scene that it began as, the formula now, the experiment and its step."""

    scene: Example
    formula: str
    experiment: Experiment
    step: int


class Guide:
    """The walks, with the experiment of the stop that was asked about last."""

    def __init__(self) -> None:
        self.stage: tuple[Example, Stage] | None = None

    def close(self) -> None:
        """Let go of the experiment."""
        if self.stage is not None:
            self.stage[1].close()
        self.stage = None

    @staticmethod
    def walks() -> list[dict[str, Any]]:
        """The walks by name, in the order of the lessons."""
        return [{"name": name, "number": k, "title": page_of(name).title} for k, name in enumerate(WALKS, 1)]

    @staticmethod
    def stop_at(name: str, number: int) -> Stop:
        """A stop of a walk, counted from 0."""
        stops = walk_named(name).stops
        if not 0 <= number < len(stops):
            raise SettingError(_("the walk has {count} stops; there is none numbered {number}").format(
                count=len(stops), number=number + 1
            ))  # fmt: skip
        return stops[number]

    def stop(self, name: str, number: int) -> dict[str, Any]:
        """What the page says at a stop."""
        stop, section = self.stop_at(name, number), self._section(name, number)
        question = stop.question
        values = self._values(stop)
        return {
            "walk": name, "stop": number, "stops": len(walk_named(name).stops), "title": walk_named(name).page().title,
            "heading": section.heading, "paragraphs": [pieces_of(p, values) for p in section.paragraphs],
            "question": pieces_of(section.question, values), "kind": question.kind, "precision": question.precision,
            "choices": [{"name": k, "pieces": pieces_of(v, values)} for k, v in section.choices.items()],
        }  # fmt: skip

    def judged(self, name: str, number: int, given: str, present: Present | None) -> dict[str, Any]:
        """The verdict on an answer; `present` is the experiment on the page and its step, which tasks look at."""
        stop, section = self.stop_at(name, number), self._section(name, number)
        if isinstance(stop.question, Task):
            own = present is not None and present.scene == stop.scene
            if present is None or not own or not (stop.question.any_formula or present.formula == stop.scene.formula):
                raise SettingError(_("the lab shows other data or another formula now; press 'Show me' and try again"))
            verdict = stop.question.judged(Stage(present.experiment), present.step, section)
        else:
            verdict = stop.question.judged(self._stage(stop.scene), given, section)
        values = self._values(stop)
        meaning = pieces_of(section.meaning, values) if verdict.right and section.meaning else []
        return {"right": verdict.right, "words": pieces_of(verdict.words, values), "meaning": meaning}

    @staticmethod
    def _section(name: str, number: int) -> Section:
        return walk_named(name).page().sections[number]

    def _values(self, stop: Stop) -> dict[str, str]:
        return {name: value(self._stage(stop.scene)) for name, value in stop.values.items()}

    def _stage(self, scene: Example) -> Stage:
        if self.stage is None or self.stage[0] != scene:
            self.close()
            self.stage = (scene, Stage.of(scene))
        return self.stage[1]
