"""What a citizen hears of their alarm: the ladder, the talk, the open question; each piece once. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

UNREAD: Final = 4096
"""News that wait to be read; beyond this the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """What is true so far. `rungs` in order, each `{"step", "at", …}`; `media`: id -> state."""

    status: str
    rungs: tuple[Mapping[str, Any], ...]
    media: Mapping[str, str]
    cancel: str | None = None
    officer: str | None = None

    @property
    def steps(self) -> tuple[str, ...]:
        """The rungs' names."""
        return tuple(str(rung["step"]) for rung in self.rungs)


@dataclass(frozen=True, slots=True)
class Said:
    """One entry of the talk; `who` is `citizen` or `officer`, `answers` the question that it answers."""

    n: int
    who: str
    text: str
    at: str
    question: str | None = None
    answers: str | None = None
    choices: tuple[str, ...] = ()
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """The question that is open now."""

    question: str
    text: str
    choices: tuple[str, ...]


News = Ladder | Said | Asked


class Story:
    """All that was heard of one alarm. `ladder` is the last one; `after` the version of the last talk."""

    def __init__(self) -> None:
        self.ladder: Ladder | None = None
        self.after = 0
        self.unread: deque[News] = deque(maxlen=UNREAD)
        self._asked: str | None = None

    def view(self, view: Mapping[str, Any]) -> None:
        """Take the whole alarm as the server shows it."""
        for said in view["talk"]:
            self.message({**said, "type": "said"})
        self.message({**view, "type": "ladder"})
        if "question" in view:
            self.message({**view["question"], "type": "asked"})

    def message(self, message: Mapping[str, Any]) -> None:
        """Take a message that the server pushed; what was heard before is not news."""
        get = message.get
        match message["type"]:
            case "ladder":
                rungs = tuple(message["ladder"])
                ladder = Ladder(message["status"], rungs, get("media", {}), get("cancel"), get("officer"))
                if ladder != self.ladder:
                    self.ladder = ladder
                    self.unread.append(ladder)
            case "said" if message["n"] > self.after:
                self.after = message["n"]
                said = Said(
                    self.after, message["who"], get("text", ""), message["at"], question=get("question"),
                    answers=get("answers"), choices=tuple(get("choices", ())), by=get("by"),
                )  # fmt: skip
                self.unread.append(said)
            case "asked" if message["question"] != self._asked:
                self._asked = message["question"]
                self.unread.append(Asked(message["question"], message["text"], tuple(message["choices"])))
