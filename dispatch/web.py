"""Pages and what surrounds every answer: static files, sign-in routes, errors as JSON, security headers, Origin checks.

Knows nothing of alarms. The pages' scripts and styles come from one origin; none is inline.
"""

from __future__ import annotations

import os
import re
import secrets
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import jinja2
import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dispatch import areas, installable, staff_app, streets, tiles
from dispatch.alarm import errors, messages
from dispatch.alarm.clock import from_text, to_text
from dispatch.alarm.commands import Actor
from dispatch.alarm.errors import Refused
from dispatch.bodies import json_of
from dispatch.built import FOLDER, LANGUAGES, files
from dispatch.callers import Callers
from dispatch.catalogues import Catalogues
from dispatch.identity import COOKIE, Identity, tokens
from dispatch.origin import Ours, parse
from dispatch.settings import Settings
from dispatch.static import BuiltFiles

log = structlog.get_logger()

SIGN_IN = "/session"
STAY = "/session/stay"
_KEPT = "/static/vendor/"  # the only files a browser may keep: they tell nothing of who used which page (P9)
_CITIZEN_PATHS = ("/alarms", "/ws/alarm")
_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "content-security-policy": _CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # no-referrer would make a form's Origin "null"
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(self), geolocation=(self)",
}


class Pages:
    """The pages, in the languages of their catalogues.

    Args:
        folder: the web folder.
        settings: for the title, the ways out and the exit address.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self._settings = settings
        self._templates = _templates(folder)
        self.files = files(folder)
        self._catalogues = Catalogues(folder)
        self.words_of = self._catalogues.of
        self.languages = self._catalogues.languages("citizen")

    def page(self, request: Request, template: str, variables: Mapping[str, Any]) -> Response:
        """The template with `lang`, `words` and what every page shows, and `variables`."""
        catalogue = template.split("/")[0]
        offered = self.languages if catalogue == "citizen" else LANGUAGES
        lang = variables.get("lang") or self.language(request, offered)
        if lang not in offered:
            lang = LANGUAGES[0]
        citizen = self._settings.citizen
        shown = {
            "words": self._catalogues.of(catalogue, lang),
            "counted": partial(self._catalogues.counted, catalogue, lang),
            "title": citizen.title.of(lang),
            "exit_url": citizen.exit_url,
            "install": citizen.install,
            "icon_url": "/icon.png" if citizen.icon else "/static/citizen/icon.svg",
            "other_ways": [{"label": way.label.of(lang), "href": way.href} for way in citizen.other_ways],
            "languages": {one: self._catalogues.of(catalogue, one).get("language", one) for one in offered},
            "local": self._local,
            "linked": self.files.of,
            "limits": self._settings.limits,
            **variables,
            "lang": lang,
        }
        html = self._templates.get_template(template).render(shown)
        return HTMLResponse(html, headers={"cache-control": "no-store"})

    def _local(self, at: str) -> str:
        """A time on the wire as the clock on the default station's wall, for pages without JavaScript."""
        zone = self._settings.rotas[self._settings.boundaries.default].timezone
        return from_text(at).astimezone(zone).strftime("%H:%M:%S")

    def language(self, request: HTTPConnection, offered: Collection[str] = LANGUAGES) -> str:
        """What the address asks for (`?lang=`), else what the browser prefers, else the first."""
        wanted = [request.query_params.get("lang", "")]
        accepted = request.headers.get("accept-language", "").lower()
        wanted += [re.split(r"[-;]", part.strip())[0] for part in accepted.split(",")]
        return next((lang for lang in wanted if lang in offered), LANGUAGES[0])

    async def refused(self, request: Request, fault: Exception) -> Response:
        """A refused request: a page for a form without JavaScript, else JSON; `Retry-After` if trying again helps."""
        if not isinstance(fault, Refused):
            raise fault
        headers = {"retry-after": str(fault.details.get("retry_after_s", 2))} if fault.error.retry else {}
        if request.method == "POST" and "text/html" in request.headers.get("accept", ""):
            page = self.page(request, "citizen/fault.html", {"fault": fault.body()})
            page.status_code = fault.error.status
            page.headers.update(headers)
            return page
        return JSONResponse(fault.body(), fault.error.status, headers)

    async def words(self, request: Request) -> Response:
        """One part of a catalogue: what a page needs at first, or (`.later`) what comes after that."""
        part = self._catalogues.part(request.path_params["part"])
        if part is None:
            raise Refused(errors.NOT_FOUND, "there is no such catalogue")
        return Response(part, media_type="application/json")

    async def citizen(self, request: Request) -> Response:
        """The citizen's page; the names for a form without JavaScript are made here, once per page."""
        if "shell" in request.query_params:
            return HTMLResponse(self.shell(request), headers={"cache-control": "no-store"})
        names = {"id": str(uuid.uuid4()), "secret": secrets.token_urlsafe(24), "pin": f"{secrets.randbelow(10000):04d}"}
        return self.page(request, "citizen/page.html", names)

    def shell(self, request: Request) -> str:
        """The citizen's page as an installed one keeps it: without the names of an alarm, which are used once."""
        page = self.page(request, "citizen/page.html", {"id": "", "secret": "", "pin": ""})
        return bytes(page.body).decode()

    async def console(self, request: Request) -> Response:
        page = self.page(request, "console/page.html", {})
        page.headers["content-security-policy"] = tiles.policy(_CONTENT_POLICY, self._settings.map)
        return page

    async def supervisor(self, request: Request) -> Response:
        return self.page(request, "supervisor/page.html", {})

    async def helper(self, request: Request) -> Response:
        return self.page(request, "helper/page.html", {})

    async def sign_in(self, request: Request) -> Response:
        return self.page(request, "sign-in/page.html", {})

    async def config(self, request: Request) -> Response:
        """What pages need to know of the configuration; no secrets."""
        settings, citizen = self._settings, self._settings.citizen
        return JSONResponse(
            {
                "languages": self.languages,
                "title": citizen.title.model_dump(),
                "exit_url": citizen.exit_url,
                "other_ways": [way.model_dump() for way in citizen.other_ways],
                "stations": {i: s.name.model_dump() for i, s in settings.boundaries.stations.items()},
                "default_station": settings.boundaries.default,
                "zones": {station: str(rota.timezone) for station, rota in settings.rotas.items()},
                "unanswered_after_s": settings.policies["default"].unanswered_after_s,
                "beat_s": settings.console.beat_s,
                "limits": settings.limits.model_dump(),
                "voice": True,
                "policies": {name: {"seen_by_all": p.seen_by_all} for name, p in settings.policies.items()},
                "console": {
                    name: getattr(settings.console, name) for name in ("owner_lost_s", "grace_s", "undo_close_s")
                },
            },
            headers={"cache-control": "max-age=60"},
        )


def routes(
    pages: Pages, identity: Identity, callers: Callers, who: Callable[[Request], Awaitable[Actor]],
    leaves: Callable[[Actor], Awaitable[None]], web: Path, voice: Path, settings: Settings,
) -> list[BaseRoute]:  # fmt: skip
    """Pages, static files, voice clips and sign-in; `leaves` raises when somebody may not sign out now."""
    limits = settings.limits.model_dump()
    device_s = settings.session.device_days * 86_400

    async def session(request: Request) -> Response:
        if request.method == "POST":
            wanted = messages.check(messages.SignIn, await json_of(request), limits)
            caller = callers.caller(request, wanted.user)
            token, actor = await identity.sign_in(wanted.user, wanted.password, caller)
            answer = JSONResponse(_shown(actor))
            secure = request.url.scheme == "https"
            answer.set_cookie(COOKIE, token, path="/", httponly=True, samesite="strict", secure=secure)
            if caller.device is None and device_s:
                name, value = callers.cookie(wanted.user)
                answer.set_cookie(
                    name, value, max_age=device_s, path=SIGN_IN, httponly=True, samesite="strict", secure=secure
                )
            return answer
        if request.method == "DELETE":
            if (leaver := await identity.who(*tokens(request))) is not None:
                await leaves(leaver)
            await identity.sign_out(*tokens(request))
            gone = Response(status_code=204)
            gone.delete_cookie(COOKIE, path="/")
            return gone
        return await told(request)

    async def stay(request: Request) -> Response:
        """Somebody is there: the sign-in lasts its whole time from now on."""
        await identity.used(*tokens(request))
        return await told(request)

    async def told(request: Request) -> Response:
        given = tokens(request)
        shown = _shown(await identity.signed_in(*given))
        now = identity.clock.now()
        return JSONResponse({**shown, "now": to_text(now), "ends_at": to_text(await identity.ends_at(*given) or now)})

    async def clip(request: Request) -> Response:
        await who(request)
        file = voice / os.path.basename(request.path_params["name"])
        try:
            sound = file.read_bytes()
        except (OSError, ValueError):  # none, a folder, or a name that no file can have
            raise Refused(errors.NOT_FOUND, "there is no such clip; the console rings with its tone alone") from None
        return Response(sound, media_type="audio/wav", headers={"cache-control": "private, max-age=3600"})

    small = [Middleware(GZipMiddleware, minimum_size=500)]  # only pages: no answer to a request is compressed

    async def favicon(request: Request) -> Response:
        return RedirectResponse("/static/shared/icon.svg")

    return [
        Route("/", pages.citizen, middleware=small),
        Route("/console", pages.console, middleware=small),
        Route("/supervisor", pages.supervisor, middleware=small),
        Route("/helper", pages.helper, middleware=small),
        Route("/sign-in", pages.sign_in, middleware=small),
        Route(SIGN_IN, session, methods=["GET", "POST", "DELETE"]),
        Route(STAY, stay, methods=["POST"]),
        Route("/static/config.json", pages.config, middleware=small),
        Route("/words/{part}.json", pages.words, middleware=small),
        Route("/voice/{name}", clip),
        Route("/favicon.ico", favicon),
        *installable.routes(settings.citizen, web, pages.files, pages.shell),
        *staff_app.routes(web, pages.words_of),
        *areas.routes(settings.boundaries, settings.streets),
        *tiles.routes(settings.map, settings.streets, who),
        *streets.routes(settings.streets),
        Mount(f"/static/{FOLDER}", BuiltFiles(web / FOLDER)),
        Mount("/static", StaticFiles(directory=web), middleware=small),
    ]


async def not_found(request: Request, fault: Exception) -> Response:
    """An address that there is not; the same body as for anything else that cannot be found."""
    unknown = Refused(errors.NOT_FOUND, "there is nothing at this address")
    return JSONResponse(unknown.body(), unknown.error.status)


async def hung_up(request: Request, fault: Exception) -> Response:
    """The request did not come whole: too slow, or its connection is lost, and then nobody reads this."""
    slow = Refused(errors.TOO_SLOW, "body: it came too slowly (serve.slow_bytes_s), or not all of it came")
    return JSONResponse(slow.body(), slow.error.status)


class Guard:
    """Around the whole application: security headers on every answer, and no change from a foreign origin.

    Args:
        app: the application.
        origins: allowed beside the page's own.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._ours = Ours(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                kept = str(scope["path"]).startswith(_KEPT)
                headers.setdefault("cache-control", "max-age=3600" if kept else "no-store")
            await send(message)

        changes = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD", "OPTIONS")
        if changes and not self._may_change(scope):
            await self._refuse(scope, receive, headed)
        else:
            await self._app(scope, receive, headed)

    def _may_change(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        citizens = str(scope["path"]).startswith(_CITIZEN_PATHS)
        if origin is None:
            return scope["type"] == "http" or citizens  # not a browser: no cookie rides along by itself
        if origin == "null" and citizens:
            return True  # a private window's form; it carries its own secret, and an alarm is never refused for this
        site = headers.get("sec-fetch-site", "")
        return self._ours.is_ours(origin, headers.get("host", ""), str(scope["scheme"]), site)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = Refused(errors.WRONG_ORIGIN, "Origin: this page's address may not make changes here")
        # A citizen's press too: the operator must hear of it, and of the citizen nothing but where their page was from.
        told = parse(Headers(scope=scope).get("origin", ""))
        where = f"{told.scheme}://{told.host}:{told.port}" if told else "none that can be read"
        log.warning("wrong_origin", path=str(scope["path"]).split("/")[1], kind=scope["type"], origin=where)
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
            await send({"type": "websocket.close", "code": errors.FORBIDDEN, "reason": fault.error.code})
        else:
            await JSONResponse(fault.body(), fault.error.status)(scope, receive, send)


@cache
def _templates(folder: Path) -> jinja2.Environment:
    """Compiled once for all hubs of a process."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def _shown(actor: Actor) -> dict[str, Any]:
    return {"name": actor.name, "role": actor.role, "station": actor.station}
