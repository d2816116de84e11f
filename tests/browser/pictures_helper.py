"""Takes the pictures of a helper's page and of the console's card: called in `tests.browser.pictures`."""

from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Page

from tests.flow.people import Citizen

WORDS = {"zh": "楼下有人砸门", "en": "Someone is breaking the door downstairs"}
TASK = {"zh": "东门，别进院子", "en": "East door; stay outside the yard"}
NEAR = (0.0021, 0.0044, 0.0078)  # degrees north of the alarm


async def helping(
    desk: BrowserContext, helpers: list[BrowserContext], url: str, lang: str, size: str, folder: Path,
    here: dict[str, object],
) -> None:  # fmt: skip
    """An officer calls the helpers near an alarm; the first accepts, the second cannot, the third does not answer."""

    async def shot(page: Page, name: str) -> None:
        await page.wait_for_timeout(400)
        await page.screenshot(path=folder / f"{name}-{size}-{lang}.png")

    pages: list[Page] = []
    for context, north in zip(helpers, NEAR, strict=True):
        await context.set_geolocation(
            {"latitude": float(str(here["lat"])) + north, "longitude": float(str(here["lon"])), "accuracy": 12}
        )
        page = await context.new_page()
        await page.goto(f"{url}/helper?lang={lang}")
        for act in ("watch-on", "sound-check", "sound-heard"):
            await page.click(f'[data-act="{act}"]')
        await page.wait_for_selector('[data-watch="shared"]')
        pages.append(page)
    await shot(pages[0], "helper-on-watch")
    citizen = Citizen(url)
    alarm = await citizen.raises(text=WORDS[lang], position=here)
    console = await desk.new_page()
    await console.goto(f"{url}/console?lang={lang}")
    for act in ("sound-check", "sound-heard"):
        await console.click(f'[data-act="{act}"]')
    await console.click(f'[data-alarm="{alarm}"]')
    await console.locator('[data-act="ack"]').first.click()
    await console.click('[data-act="helpers-call"]')
    await console.check("[data-field=keep_entrance_open]")
    await console.fill("[data-form=helpers] [data-field=text]", TASK[lang])
    await console.wait_for_selector('[data-candidate="H03"]')
    await console.locator(".helpers").scroll_into_view_if_needed()
    await shot(console, "console-call-helpers")
    await console.click('[data-act="helpers-send"]')
    await pages[0].wait_for_selector("[data-call]")
    await shot(pages[0], "helper-called")
    await pages[0].click('[data-act="accept"]')
    await pages[0].wait_for_selector('[data-state="accepted"]')
    await shot(pages[0], "helper-accepted")
    await pages[1].click('[data-act="decline"]')
    await pages[1].click('[data-act="decline-too_far"]')
    await console.wait_for_selector('[data-helper="H02"][data-state="declined"]')
    await console.locator(".helpers").scroll_into_view_if_needed()
    await shot(console, "console-helpers")
    await citizen.http.aclose()


async def sign_in(browser: Browser, url: str, password: str, name: str, **options: object) -> BrowserContext:
    """A browser of its own in which helper `name` is signed in."""
    context = await browser.new_context(**{"permissions": ["geolocation"], **options})  # type: ignore[arg-type]
    await context.request.post(f"{url}/session", data={"user": name, "password": password}, headers={"origin": url})
    return context
