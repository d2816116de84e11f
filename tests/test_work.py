"""The scope of everything that goes on: it knows what is under way, so a test need not wait for seconds (P4)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from dispatch.alarm.clock import StoreClock
from dispatch.alarm.work import Hangs, Work, end
from tests.flow.clock import FakeClock, Pending

A_DAY = 86_400


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def work(clock: FakeClock) -> Work:
    return clock.work()


class Answer:
    """What a store does: it answers when the test lets it."""

    def __init__(self) -> None:
        self._given = asyncio.Event()

    def give(self) -> None:
        self._given.set()

    async def __call__(self) -> None:
        await self._given.wait()


# -- what is under way ---------------------------------------------------------------------------------------------


async def test_a_task_is_busy_until_it_ends(clock: FakeClock, work: Work) -> None:
    """Whatever it waits for, by name; `quiet` returns when it has ended, and not before."""
    answer = Answer()
    task = work.spawn(answer(), "asks the store")
    resting = asyncio.create_task(work.quiet())
    for _ in range(10):
        await asyncio.sleep(0)
    with clock.under_way():
        assert work.busy == ("asks the store",)
        assert not resting.done()
    answer.give()
    await resting
    assert (task.done(), len(work.busy)) == (True, 0)


async def test_quiet_names_what_hangs(work: Work) -> None:
    """All of it, and it goes on being awaited by who asks again."""
    answer = Answer()
    for name in ("two", "one"):
        work.spawn(answer(), name)
    with pytest.raises(Hangs, match=r"0\.01 s: one, two"):
        await work.quiet(within_s=0.01)
    answer.give()
    await work.quiet()


async def test_a_sleeper_is_no_work_until_its_time(clock: FakeClock, work: Work) -> None:
    """Then it is, and what it does is waited for, though it takes many turns and starts tasks of its own."""
    done: list[str] = []

    async def child() -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        done.append("child")

    async def sleeper() -> None:
        await work.sleep(5)
        for _ in range(20):
            await asyncio.sleep(0)
        work.spawn(child(), "child")
        done.append("sleeper")

    work.spawn(sleeper(), "sleeper")
    await work.quiet()
    await clock.advance(4.999)
    assert done == []
    await clock.advance(0.001)
    assert done == ["sleeper", "child"]


async def test_what_is_due_lets_others_run(work: Work) -> None:
    """Who sleeps until an instant that is past holds nobody up for ever."""
    turns: list[int] = []

    async def spins() -> None:
        for _ in range(3):
            await work.sleep_until(work.now())
            turns.append(len(turns))

    async def other() -> int:
        return len(turns)

    task, seen = work.spawn(spins(), "spins"), work.spawn(other(), "other")
    await work.quiet()
    assert (task.done(), seen.result(), turns) == (True, 0, [0, 1, 2])


async def test_a_bell(clock: FakeClock, work: Work) -> None:
    """Whoever waits for it rests; a ring wakes at once, is heard once, and by who comes later; or its time comes."""
    bell = work.bell()
    heard: list[bool] = []

    async def waits() -> None:
        while True:
            heard.append(await bell.wait(work.now() + timedelta(seconds=10)))

    loop = work.spawn(waits(), "waits")
    await work.quiet()
    assert heard == []
    for _ in range(3):
        bell.ring()
    with clock.under_way():
        assert work.busy == ("waits",), "from the ring on, not only once it runs"
    await work.quiet()
    assert heard == [True]
    await clock.advance(10)
    assert heard == [True, False]
    await end([loop])
    bell.ring()
    assert await bell.wait()
    bell.ring()
    bell.silence()
    assert not await bell.wait(work.now())


async def test_all_and_settled(work: Work) -> None:
    """At the same time, in order; a fault is raised when all have ended, or is a value; nothing is left under way."""
    ended: list[int] = []

    async def one(number: int) -> int:
        for _ in range(10 - number):
            await asyncio.sleep(0)
        ended.append(number)
        if number == 2:
            raise ValueError(number)
        return number

    async def parent() -> list[int]:
        return await work.all(one(1), one(3))

    task = work.spawn(parent(), "parent")
    await work.quiet()
    assert (task.result(), ended) == ([1, 3], [3, 1])
    with pytest.raises(ValueError, match="2"):
        await work.all(one(0), one(2), one(5))
    assert ended[2:] == [5, 2, 0]
    found = await work.settled(one(2), one(4))
    assert (repr(found[0]), found[1]) == ("ValueError(2)", 4)
    for few in (await work.all(), await work.settled()):
        assert few == []
    [fault] = await work.settled(one(2))
    assert isinstance(fault, ValueError)
    assert work.busy == ()


async def test_children_are_named_and_end_with_their_parent(work: Work) -> None:
    """While they are waited for it is they who are under way; who gives up takes them along."""
    answer, cancelled = Answer(), []

    async def child(number: int) -> None:
        try:
            await answer()
        except asyncio.CancelledError:
            cancelled.append(number)
            raise

    async def parent() -> None:
        await work.all(child(1), child(2))

    task = work.spawn(parent(), "parent")
    with pytest.raises(Hangs, match=r"child, .*child"):
        await work.quiet(within_s=0.01)
    await end([task])
    assert (sorted(cancelled), work.busy) == ([1, 2], ())


async def test_a_request_is_adopted(clock: FakeClock, work: Work) -> None:
    """A task of a server counts from `adopt` on, rests as any other, and is forgotten afterwards; twice is once."""
    answer = Answer()

    async def request() -> None:
        work.adopt("GET /readyz")
        work.adopt("again")
        await answer()
        await work.sleep(1)

    task = asyncio.create_task(request())
    await asyncio.sleep(0)
    with clock.under_way():
        assert work.busy == ("GET /readyz",)
    answer.give()
    await work.quiet()
    assert (task.done(), len(work.busy)) == (False, 0)
    await clock.advance(1)
    assert (task.done(), len(work.busy)) == (True, 0)


async def test_who_waits_for_somebody_outside_is_no_work(work: Work) -> None:
    """A peer may never write; when it does, that is work from the answer on, also when it is a fault."""
    peer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    heard: list[str] = []

    async def reads() -> None:
        heard.append(await work.outside(peer))
        for _ in range(10):
            await asyncio.sleep(0)
        heard.append("done")

    work.spawn(reads(), "reads")
    await work.quiet()
    assert heard == []
    peer.set_result("hello")
    await work.quiet()
    assert heard == ["hello", "done"]


async def test_later_comes_once_or_not_at_all(clock: FakeClock, work: Work) -> None:
    """In the order of the instants; what was cancelled does not come, nor what was cancelled after it came."""
    called: list[str] = []
    work.later(2, called.append, "two")
    first = work.later(1, called.append, "one")
    never = work.later(1, called.append, "never")
    never.cancel()
    await clock.advance(1)
    assert called == ["one"]
    first.cancel()
    await clock.advance(A_DAY)
    assert called == ["one", "two"]


async def test_a_step_that_is_repeated(clock: FakeClock, work: Work) -> None:
    """Every so often, from its beginning on; one that fails is begun again by `keep`, a second later."""
    steps: list[float] = []
    begun = clock.now()

    async def step(now: datetime) -> None:
        steps.append((now - begun).total_seconds())
        if len(steps) == 2:
            raise ValueError

    work.spawn(work.keep("steps", lambda: work.repeat(step, 5)), "keep")
    await work.quiet()
    await clock.advance(12)
    assert steps == [0, 5, 6, 11]
    await work.end()


async def test_the_end_of_a_scope(work: Work) -> None:
    """Everything that was started in it has ended, asleep or under way, however unwilling."""

    async def unwilling() -> None:
        for _ in range(2):
            try:
                await Answer()()
            except asyncio.CancelledError:
                continue

    tasks = [work.spawn(unwilling(), "unwilling"), work.spawn(work.sleep(A_DAY), "asleep")]
    await asyncio.sleep(0)
    await work.end()
    assert [task.done() for task in tasks] == [True, True]
    assert work.busy == ()


# -- the clock of the tests ----------------------------------------------------------------------------------------


async def test_the_tests_clock_goes_from_instant_to_instant(clock: FakeClock) -> None:
    """All that is due runs at its own time, in every scope, and all that comes of it before the next."""
    seen: list[tuple[str, float]] = []
    begun = clock.now()

    async def sleeps(work: Work, name: str, *seconds: float) -> None:
        for each in seconds:
            await work.sleep(each)
            for _ in range(5):
                await asyncio.sleep(0)
            seen.append((name, (work.now() - begun).total_seconds()))

    for name, seconds in (("a", (1, 1, 1)), ("b", (1.5, 5))):
        work = clock.work()
        work.spawn(sleeps(work, name, *seconds), name)
    await clock.advance(4)
    assert seen == [("a", 1), ("b", 1.5), ("a", 2), ("a", 3)]
    assert clock.now() == begun + timedelta(seconds=4)
    clock.jump(60)
    await clock.quiet()
    assert seen[4:] == [], "who was asleep while the machine was is not woken by that"
    await clock.advance(0)
    assert seen[4:] == [("b", 64)]
    for work in clock.works:
        await work.end()


async def test_moving_the_time_ends_quiet_though_loops_wait_by_a_bell(clock: FakeClock, work: Work) -> None:
    """A loop that rings another one, and both look again every second: all of it has come to rest after each move."""
    here, there = work.bell(), work.bell()
    steps: list[str] = []

    async def loop(name: str, heard: Callable[[datetime], Awaitable[bool]], ring: Callable[[], None]) -> None:
        while True:
            if await heard(work.now() + timedelta(seconds=1)) and len(steps) < 6:
                ring()
            steps.append(name)

    work.spawn(loop("here", here.wait, there.ring), "here")
    work.spawn(loop("there", there.wait, here.ring), "there")
    await clock.quiet()
    here.ring()
    await clock.quiet()
    assert (len(steps), clock.busy) == (7, ())
    await clock.advance(3)
    assert (len(steps), clock.busy) == (13, ())
    await work.end()


async def test_a_sleeper_that_was_cancelled(clock: FakeClock, work: Work) -> None:
    """Time goes past who was cancelled and has not run since: it must not spin."""
    due = clock.now() + timedelta(seconds=1)
    sleeper = work.spawn(work.sleep_until(due), "sleeper")
    for _ in range(2):
        await asyncio.sleep(0)  # it is asleep now
    sleeper.cancel()
    await clock.advance(2)
    assert clock.now() == due + timedelta(seconds=1)
    assert sleeper.cancelled()


async def test_an_assertion_too_early_fails_and_says_why(clock: FakeClock, work: Work) -> None:
    """Not where the test says that it looks at what is under way, and not where somebody acts whom nobody knows."""
    answer = Answer()
    work.spawn(answer(), "writes it down")
    with pytest.raises(Pending, match="writes it down"):
        clock.asserted()
    with clock.under_way():
        clock.asserted()
        assert clock.looks_on
    clock.watched = True
    clock.asserted()
    clock.watched = False
    answer.give()
    await clock.quiet()
    clock.asserted()


# -- the clock of a hub --------------------------------------------------------------------------------------------

STORE = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


class Machine:
    """How long the machine has been running, as the test says; its loop's timers come when the test calls them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1000.0
        self.clock = StoreClock()
        self.timers: list[tuple[float, Callable[[], None]]] = []
        monkeypatch.setattr(time, "clock_gettime_ns", lambda which: int(self.now_s * 1e9))
        monkeypatch.setattr(asyncio.get_running_loop(), "call_later", self._call_later)

    async def says(self, instant: datetime) -> None:
        """The store tells its time."""

        async def told() -> datetime:
            return instant

        self.clock.follow(await self.clock.compare(told))

    async def runs(self, seconds: float) -> None:
        """So much time passes; timers come exactly when they are due."""
        until = self.now_s + seconds
        while True:
            due = min((at for at, _ in self.timers), default=until + 1)
            if due > until:
                break
            self.now_s = max(self.now_s, due)
            now, self.timers = self.timers, []
            for at, call in now:
                if at <= self.now_s:
                    call()
                else:
                    self.timers.append((at, call))
            await asyncio.sleep(0)
        self.now_s = until
        await asyncio.sleep(0)

    def _call_later(self, seconds: float, call: Callable[[], None]) -> "_Handle":
        timer = self.now_s + seconds, call
        self.timers.append(timer)
        return _Handle(lambda: self.timers.remove(timer) if timer in self.timers else None)


class _Handle:
    def __init__(self, cancel: Callable[[], None]) -> None:
        self.cancel = cancel


@pytest.fixture
async def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(monkeypatch)
    await machine.says(STORE)
    return machine


async def test_a_hub_calls_in_the_order_of_the_instants(machine: Machine) -> None:
    """Never early, each once, those of one instant in the order in which they were asked for; not the cancelled."""
    called: list[tuple[str, float]] = []

    def note(name: str) -> Callable[[], None]:
        return lambda: called.append((name, (machine.clock.now() - STORE).total_seconds()))

    for name, seconds in (("c", 30), ("a", 0.25), ("b", 2), ("b2", 2), ("past", -5)):
        machine.clock.call_at(STORE + timedelta(seconds=seconds), note(name))
    machine.clock.call_at(STORE + timedelta(seconds=2), note("never")).cancel()
    await machine.runs(0.2)
    assert called == [("past", 0)]
    await machine.runs(29.7)
    assert called[1:] == [("a", 0.25), ("b", 2), ("b2", 2)]
    await machine.runs(0.1)
    assert called[4:] == [("c", 30)]
    await machine.runs(100)
    assert (len(called), machine.timers) == (5, [])


async def test_a_hub_whose_clock_is_corrected(machine: Machine) -> None:
    """Forward: what is due by now comes at once. Back: it is not early. The machine slept: within a second."""
    called: list[float] = []

    def call_in(seconds: float) -> None:
        machine.clock.call_at(
            STORE + timedelta(seconds=seconds),
            lambda: called.append((machine.clock.now() - STORE).total_seconds()),
        )

    for seconds in (100, 200, 300):
        call_in(seconds)
    await machine.says(STORE + timedelta(seconds=100))
    await machine.runs(0)
    assert called == [100]
    await machine.runs(99)
    await machine.says(STORE + timedelta(seconds=150))
    await machine.runs(49)
    assert called == [100]
    await machine.runs(1)
    assert called == [100, 200]
    machine.now_s += 400  # asleep: the loop's timers did not come
    await machine.runs(1)
    assert len(called) == 3
    assert called[2] >= 300


async def test_a_bell_wakes_all_who_wait(clock: FakeClock, work: Work) -> None:
    """Several who do the same work are all woken by one ring, as when two photos end at once; it is not kept then."""
    bell = work.bell()
    heard: list[bool] = []

    async def waits() -> None:
        heard.append(await bell.wait(clock.now() + timedelta(seconds=5)))

    for number in range(3):
        work.spawn(waits(), f"waits {number}")
    await work.quiet()
    bell.ring()
    await work.quiet()
    assert heard == [True, True, True]
    late = work.spawn(waits(), "comes later")
    await work.quiet()
    assert not late.done()
    await clock.advance(5)
    assert heard == [True, True, True, False]
