"""One page in an engine that is not Chromium, as a person has it before them: the same few verbs for each engine.

Whatever is asked for is waited for, as long as `PATIENCE_S`; what never comes fails the test with what is there.
"""

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

SEEN = """(what, words) => [...document.querySelectorAll(what)]
    .some((one) => one.checkVisibility() && one.textContent.includes(words))"""
# What can be pressed is seen, is not grey, lies over everything else, and stands still.
FREE = """(what) => {
  const one = [...document.querySelectorAll(what)].find((one) => one.checkVisibility());
  if (!one) return null;
  const { x, y, width, height } = one.getBoundingClientRect();
  const [there, before] = [`${x} ${y}`, window.stood?.get(one)];
  (window.stood ??= new WeakMap()).set(one, there);
  const top = document.elementFromPoint(x + width / 2, y + height / 2);
  const free = one === top || one.contains(top);
  if (!free) one.scrollIntoView({ block: "center", behavior: "instant" });
  return free && before === there && !one.disabled ? one : null;
}"""
CHOOSE = """(where, value) => {
  const list = document.querySelector(where);
  list.value = value;
  list.dispatchEvent(new Event("change", { bubbles: true }));
}"""
THERE = "(what, times) => document.querySelectorAll(what).length === times"


def act(name: str) -> str:
    return f'[data-act="{name}"]'


class Screen(ABC):
    """A page on a device of its own."""

    @abstractmethod
    async def goes(self, address: str) -> None:
        """Open the address, in the place of what is there."""

    @abstractmethod
    async def presses(self, what: str) -> None:
        """As a finger or a mouse does: what it lets a page do, such as sound, is allowed then."""

    @abstractmethod
    async def writes(self, where: str, words: str) -> None:
        """By the keyboard."""

    @abstractmethod
    async def hands(self, where: str, file: Path) -> None:
        """Choose a file of the device."""

    @abstractmethod
    async def runs(self, script: str, *arguments: Any) -> Any:
        """What the function gives in the page."""

    @abstractmethod
    async def until(self, script: str, *arguments: Any) -> None:
        """Wait until the function gives something true in the page, which may be another one meanwhile."""

    @abstractmethod
    async def only(self) -> bool:
        """Whether there is no other window; such are closed."""

    @abstractmethod
    async def picture(self, path: Path) -> None:
        """What is seen, as a PNG file."""

    async def shows(self, what: str, words: str = "") -> None:
        """Wait until something of that kind is to be seen, with these words."""
        await self.until(SEEN, what, words)

    async def has(self, what: str, times: int = 1) -> None:
        """Wait until there are so many of that kind, seen or not."""
        await self.until(THERE, what, times)

    async def chooses(self, where: str, value: str) -> None:
        """One of a list: what drops down from it is no part of the page, and no driver's."""
        await self.has(where)
        await self.runs(CHOOSE, where, value)

    async def is_at(self, address: str) -> None:
        """Wait until the page of this address is there."""
        await self.until("(address) => location.href === address && document.readyState === 'complete'", address)


class Engine(Protocol):
    """A browser's engine. `opens` gives a page on a new device; at its end, nothing went wrong in it."""

    def opens(self, width: int, height: int) -> AbstractAsyncContextManager[Screen]: ...
