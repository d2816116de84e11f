"""What is wrong with the system itself is said on every page of the staff, in words, while it is so."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from dispatch.alarm.clock import to_text
from dispatch.store import checks as store
from tests.browser.staff import act, desk
from tests.browser.test_accessible import findings
from tests.flow.town import Town

CHECK = {"DISPATCH_STORE_CHECK_S": "1"}
CHECKED_S = 3
"""After so long the hub has looked at its store again, and has told."""


@pytest.fixture
async def watchful(tmp_path: Path) -> AsyncIterator[Town]:
    """A town whose hub looks at its store every second, which may delete what it has no room for."""
    allow = {"DISPATCH_STORE_ALLOW": '["maxmemory-policy"]'}
    async with Town(tmp_path, env={**CHECK, **allow}, own_store=True, watched=True) as town:
        yield town


async def changes(town: Town, name: str, value: str) -> None:
    """Somebody changes a setting of the store, and the hub looks."""
    redis = store.connect(town.store.url, "tests")
    await redis.config_set(name, value)
    await redis.aclose()
    await town.clock.advance(CHECKED_S)


def notice(page: Page, code: str) -> Any:
    return page.locator(f'[data-part="notices"] [data-notice="{code}"]')


async def test_an_unsafe_store_is_said_until_it_is_mended(watchful: Town, browser: Browser) -> None:
    """An unsafe setting that the configuration allows stands on the supervisor's page for good, and not on officers'.

    Of another each view has it: the setting, that nothing is called stored, how to mend it; mended, it is gone.
    """
    town = watchful
    await town.user("S01", None, "supervisor")
    await town.user("V02")
    alarm = await town.citizen().raises(text="门外有人")
    async with desk(browser, town, "V02", checked=False) as console:
        await expect(console.locator("[data-alarm]")).to_have_count(1)
        await changes(town, "maxmemory-policy", "allkeys-lru")
        async with desk(browser, town, "S01", "/supervisor", checked=False) as page:
            await sees_what_is_allowed(town, page, console)
            await sees_what_is_unsafe(town, page, console, alarm)


async def sees_what_is_allowed(town: Town, page: Page, console: Page) -> None:
    line = notice(page, "store_unsafe")
    await expect(line).to_contain_text("这是配置允许的")
    await expect(line.locator("button")).to_have_count(0)
    assert (await town.citizen().posts()).status_code == 201
    await expect(console.locator("[data-alarm]")).to_have_count(2)
    await expect(notice(console, "store_unsafe")).to_have_count(0)
    await changes(town, "maxmemory-policy", "noeviction")
    await expect(line).to_have_count(0)


async def sees_what_is_unsafe(town: Town, page: Page, console: Page, alarm: str) -> None:
    await changes(town, "appendfsync", "everysec")
    line = notice(page, "store_unsafe")
    for words in ("10:00:0", "appendfsync：everysec", "不会确认任何报警“已存储”", "appendfsync always"):
        await expect(line).to_contain_text(words)
    await expect(notice(console, "store_unsafe")).to_contain_text("新的报警和操作都存不下来")
    assert (await town.citizen().posts()).json()["code"] == "not_stored"
    await page.click(act("view-log"))
    await expect(line).to_be_in_viewport()
    await page.click(act("view-now"))
    await page.click(f'.open [data-alarm="{alarm}"]')
    await page.set_viewport_size({"width": 390, "height": 844})
    await expect(page.locator("[data-timeline]")).to_be_visible()
    box = await line.bounding_box()
    assert box is not None
    on_top = await page.evaluate(
        "([x, y]) => !!document.elementFromPoint(x, y).closest('[data-notice]')", [box["x"] + 150, box["y"] + 20]
    )
    assert on_top, "the timeline covers it"
    await changes(town, "appendfsync", "always")
    await expect(page.locator('[data-part="notices"]')).to_have_count(0)
    await expect(console.locator('[data-part="notices"]')).to_have_count(0)


def every(town: Town, alarm: str) -> list[dict[str, Any]]:
    """A bad day: frames as the protocol has them."""
    since = to_text(town.clock.now())
    return [
        {"code": "store_unsafe", "since": since, "setting": "version", "value": "6.2", "mend": "", "refused": True},
        {
            "code": "store_filling",
            "since": since,
            "used_bytes": 780_000_000,
            "limit_bytes": 1_000_000_000,
            "share": 0.78,
        },
        {"code": "disk_filling", "since": since, "free_bytes": 3_200_000_000, "share": 0.94},
        {"code": "store_away", "since": since},
        *({"code": "store_restored", "since": since, "partition": n} for n in range(3)),
        *(
            {
                "code": "deadline_late",
                "since": since,
                "alarm": alarm,
                "station": "dadongmen",
                "what": "step",
                "by_s": by,
            }
            for by in (2.5, 9.64, 3.1)
        ),
        {"code": "hubs_differ", "since": since, "why": "older", "names": ["rota.toml"]},
        {"code": "station_gone", "since": since, "alarm": alarm, "station": "renamed", "to": "dadongmen"},
        *(
            {"code": "rota_names", "since": since, "why": why, "names": names, "near": near, **of}
            for why, names, near, of in (
                ("no_sign_in", ["v01", *(f"V{n}" for n in range(10, 20))], {"v01": "V01"}, {"station": "dadongmen"}),
                ("no_sign_in", ["X01"], {}, {"station": "xiaodong"}),
                ("no_supervisor", [], {}, {"station": "dongta"}),
                ("no_supervisor", [], {}, {"station": "xiaodong"}),
                ("disabled", ["X01"], {}, {}),
            )
        ),
    ]


LOCALES = {"zh": "zh-CN", "en": "en-GB"}


async def copy(town: Town) -> dict[bytes, bytes]:
    """What the store holds of this town."""
    redis = town.dispatch.stream.redis
    return {key: await redis.dump(key) async for key in redis.scan_iter(f"{town.settings.store.prefix}:*")}


async def puts_back(town: Town, older: dict[bytes, bytes]) -> None:
    """The store is as it was, under hubs that run."""
    redis = town.dispatch.stream.redis
    pipe = redis.pipeline()
    pipe.delete(*[key async for key in redis.scan_iter(f"{town.settings.store.prefix}:*")])
    for key, dumped in older.items():
        pipe.restore(key, 0, dumped)
    await pipe.execute()


@pytest.mark.parametrize(("lang", "officers"), [("zh", "en"), pytest.param("en", "zh", marks=pytest.mark.nightly)])
async def test_a_bad_day(town: Town, browser: Browser, axe: str, lang: str, officers: str) -> None:
    """Every kind is one line, mentioned once to those who listen; an officer gets what concerns officers.

    The supervisor and the officer read it in different languages. When the store is an older copy, what is not in the
    record goes from their pages, and they say why.
    """
    await town.user("S01", None, "supervisor")
    await town.user("V01")
    alarm = await town.citizen().raises(text="门外有人")
    async with (
        desk(browser, town, "S01", f"/supervisor?lang={lang}", checked=False, locale=LOCALES[lang]) as page,
        desk(browser, town, "V01", f"/console?lang={officers}", checked=False, locale=LOCALES[officers]) as console,
    ):
        await console.click(act("sound-later"))
        mentions = "[data-part=mentioned]"
        for one in (page, console):
            await one.evaluate(
                """(part) => {
                  window.mentions = [];
                  const watch = new MutationObserver(() => mentions.push(document.querySelector(part).textContent));
                  watch.observe(document.querySelector(part), { childList: true, characterData: true, subtree: true });
                }""",
                mentions,
            )
        bad_day = every(town, alarm)
        for _ in range(2):
            await town.dispatch.hub.broadcast({"type": "notices", "notices": bad_day})
        await expect(page.locator("[data-notice]")).to_have_count(11)
        await expect(console.locator("[data-notice]")).to_have_count(5)
        for one in (page, console):
            told = await one.locator("[data-notice]").all_inner_texts()
            assert not [line for line in told if "{" in line or "notice." in line or "mend." in line], told
            assert await findings(one, axe) == []
        for words in ("9.6", "3 次" if lang == "zh" else "3 deadlines"):
            await expect(notice(page, "deadline_late")).to_contain_text(words)
        for words in ("v01", "V01", "V16", "12 个" if lang == "zh" else "12 in all"):
            await expect(notice(page, "rota_names").first).to_contain_text(words)
        for words in ("renamed", "大东门派出所" if lang == "zh" else "Dadongmen station"):
            await expect(notice(page, "station_gone")).to_contain_text(words)
        await expect(notice(console, "store_restored")).to_contain_text("10:00:00")
        for one in (page, console):
            assert len(await one.evaluate("mentions")) == 1
        await notice(page, "deadline_late").locator(act("notice-alarm")).click()
        await page.wait_for_selector(f'[data-timeline="{alarm}"] [data-event]')
        await notice(page, "deadline_late").locator(act("notice-more")).click()
        await expect(page.locator("[data-filter=type]")).to_have_value("deadline_late")
        await notice(page, "store_restored").locator(act("notice-read")).click()
        await expect(page.locator("[data-notice]")).to_have_count(10)
        await town.dispatch.hub.broadcast({"type": "notices", "notices": []})
        for one in (page, console):
            await expect(one.locator("[data-notice]")).to_have_count(0)
        await (console if officers == "en" else page).click(f"{act('lang')}[lang=zh]")
        await page.click(act("timeline-shut"))
        await page.click(act("view-now"))
        await sees_a_store_that_went_back(town, page, console, alarm)


async def sees_a_store_that_went_back(town: Town, office: Page, console: Page, kept: str) -> None:
    older = await copy(town)
    lost = await town.citizen().raises(text="备份之后")
    for page in (console, office):
        await page.wait_for_selector(f'[data-alarm="{lost}"]')
    await puts_back(town, older)
    await town.clock.advance(8)
    for page in (console, office):
        await expect(page.locator('[data-notice="store_restored"]')).to_contain_text("可能缺失")
        await expect(page.locator(f'[data-alarm="{lost}"]')).to_have_count(0)
        await expect(page.locator(f'[data-alarm="{kept}"]')).to_have_count(1)
        await expect(page.locator('[data-live="live"]')).to_be_visible()
    await office.click(act("view-log"))
    await office.select_option('[data-filter="type"]', "store_restored")
    await expect(office.locator('[data-event="store_restored"]').first).to_contain_text("回退到较早的备份")
