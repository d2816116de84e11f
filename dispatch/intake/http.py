"""Intake over HTTP: JSON, and a plain form for pages without JavaScript.

A request that asks for HTML gets its receipt as a page. Nothing of the citizen is logged or put into an address.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dispatch.alarm import errors, messages, wellformed
from dispatch.alarm.errors import Refused
from dispatch.alarm.messages import check
from dispatch.alarm.state import Alarm
from dispatch.alarm.views import media_shown
from dispatch.bodies import JSON_BYTES, json_of
from dispatch.intake.citizens import Citizens, media_id
from dispatch.intake.forms import BoundedForm, SealingParser, Words
from dispatch.intake.spool import SealedFile, Spool
from dispatch.intake.understand import understand
from dispatch.stream.alarms import Loaded

Page = Callable[[Request, str, Mapping[str, Any]], Response]
"""(request, template name, variables) -> the page."""

PutWhole = Callable[[str, str, str, str, AsyncIterable[bytes]], Awaitable[None]]
"""(alarm, media, kind, mime, parts) -> stores the bytes as chunks and ends them."""

Source = Callable[[HTTPConnection], str]
"""What is known of where a request comes from (`dispatch.callers`)."""

KINDS = ("photo", "audio")
_PART_BYTES = 65_536
"""A JSON body without media is never longer but with longer texts than usual."""
_FATES = {"too_large": "too_large", "too_many": "too_many"}
_BYTES_A_CHARACTER = 6
"""Of JSON that escapes everything."""


def routes(citizens: Citizens, page: Page, put_whole: PutWhole, form_bytes: int, spool: Spool,
           source: Source) -> list[Route]:  # fmt: skip
    """The citizens' routes, without media."""

    async def raise_alarm(request: Request) -> Response:
        if request.headers.get("content-type", "").startswith(("multipart/form-data", "application/x-www-form")):
            return await _raise_by_form(request, citizens, page, put_whole, form_bytes, spool, source)
        said = understand(
            messages.RaiseBody, await json_of(request, most=_raise_bytes(citizens.limits)), citizens.limits
        )
        receipt, new = await citizens.raise_alarm(said, _channel(request), source(request), request.is_disconnected)
        return JSONResponse(receipt, 201 if new else 200)

    async def look(request: Request) -> Response:
        return JSONResponse(await citizens.view((await citizen(request)).alarm))

    async def say(request: Request) -> Response:
        loaded = await citizen(request)
        body = check(messages.SayBody, await json_of(request), citizens.limits)
        return JSONResponse({"version": await citizens.say(loaded, body)})

    async def position(request: Request) -> Response:
        loaded = await citizen(request)
        body = check(messages.Position, await json_of(request), citizens.limits)
        return JSONResponse({"version": await citizens.report(loaded, body)})

    async def answer(request: Request) -> Response:
        loaded = await citizen(request)
        body = check(messages.AnswerBody, await json_of(request), citizens.limits)
        return JSONResponse({"version": await citizens.answer(loaded, body)})

    async def heard(request: Request) -> Response:
        loaded = await citizen(request)
        body = check(messages.HeardBody, await json_of(request), citizens.limits)
        return JSONResponse(await citizens.heard(loaded, body))

    async def cancel(request: Request) -> Response:
        loaded = await citizen(request)
        body = check(messages.CancelBody, await json_of(request), citizens.limits)
        return JSONResponse(await citizens.cancel(loaded, bearer(request), body))

    async def check_in(request: Request) -> Response:
        loaded = await citizen(request)
        body = check(messages.CheckInBody, await json_of(request), citizens.limits)
        return JSONResponse(await citizens.check_in(loaded, body))

    async def end_plan(request: Request) -> Response:
        loaded = await citizen(request)
        body = check(messages.EndPlanBody, await json_of(request), citizens.limits)
        return JSONResponse(await citizens.end_plan(loaded, bearer(request), body))

    async def receipt_page(request: Request) -> Response:
        return await _act_by_form(request, citizens, page, put_whole, form_bytes, spool)

    async def citizen(request: Request) -> Loaded:
        return await citizens.authorise(request.path_params["alarm"], bearer(request))

    return [
        Route("/alarms", raise_alarm, methods=["POST"]),
        Route("/alarms/{alarm}", look, methods=["GET"]),
        Route("/alarms/{alarm}/say", say, methods=["POST"]),
        Route("/alarms/{alarm}/position", position, methods=["POST"]),
        Route("/alarms/{alarm}/answer", answer, methods=["POST"]),
        Route("/alarms/{alarm}/heard", heard, methods=["POST"]),
        Route("/alarms/{alarm}/cancel", cancel, methods=["POST"]),
        Route("/alarms/{alarm}/check-in", check_in, methods=["POST"]),
        Route("/alarms/{alarm}/end-plan", end_plan, methods=["POST"]),
        Route("/alarms/{alarm}/receipt", receipt_page, methods=["POST"]),
    ]


def _raise_bytes(limits: Mapping[str, int]) -> int:
    """The most that the JSON of a raise may have: room for a text twice too long, however it is escaped."""
    return max(JSON_BYTES, 2 * _BYTES_A_CHARACTER * limits["text_chars"])


def bearer(request: Request) -> str:
    """The secret of `Authorization: Bearer SECRET`; empty when there is none."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret if scheme.lower() == "bearer" else ""


async def _raise_by_form(
    request: Request,
    citizens: Citizens,
    page: Page,
    put_whole: PutWhole,
    form_bytes: int,
    spool: Spool,
    source: Source,
) -> Response:
    words, files = Words(citizens.limits["text_chars"]), 2 * citizens.limits["media_per_alarm"]
    async with _form(request, form_bytes, files, spool, words) as (form, broken_off):
        faults = [f"form: {broken_off}; what came before is stored, without files"] if broken_off else []
        if words.left_out:
            faults.append("form: it has more words than any form; those beyond are left out")
        return await _raise_from(form, faults, request, citizens, page, put_whole, source(request))


async def _raise_from(
    form: FormData,
    faults: list[str],
    request: Request,
    citizens: Citizens,
    page: Page,
    put_whole: PutWhole,
    sender: str,
) -> Response:
    fields: dict[str, Any] = {
        name: form[name]
        for name in ("id", "secret", "text", "kind", "category", "lang", "place", "pin")
        if form.get(name)
    }
    if faults and not {"id", "secret"} <= fields.keys():
        raise Refused(errors.UNDECODABLE, faults[0])
    fields["needs"] = [need for need in form.getlist("needs") if need]
    # What was tapped is said as if it had been typed: the form's values are words.
    if tapped := [word for name in ("people", "detail") for word in form.getlist(name) if isinstance(word, str)]:
        fields["text"] = "\n".join([str(fields.get("text", "")), *tapped]).strip()
    said = understand(messages.RaiseBody, wellformed.value(fields), citizens.limits)
    body = said.body
    receipt, new = await citizens.raise_alarm(
        said, "form", sender, request.is_disconnected
    )  # stored first: whatever becomes of the files
    sent = await _files(form, body.id, put_whole)
    faults += sent.faults
    if not _wants_page(request):
        told = [*said.faults, *faults]
        return JSONResponse({**receipt, "faults": told} if told else receipt, 201 if new else 200)
    loaded = await citizens.authorise(body.id, body.secret)
    view = await citizens.view(loaded.alarm)
    shown: dict[str, Any] = {"receipt": receipt, "view": view, "secret": body.secret, "pin": body.pin, "faults": faults}
    shown |= {"lang": body.lang, "changed": said.faults, **sent.shown(loaded.alarm)}
    return page(request, "citizen/receipt.html", shown)


@dataclass(frozen=True, slots=True)
class _Sent:
    """What became of a form's files: the names of those that are stored, by media, and those that are not."""

    names: dict[str, str] = field(default_factory=dict)
    lost: list[dict[str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def shown(self, alarm: Alarm) -> dict[str, Any]:
        """For the receipt page: each medium of the alarm, and each file that is none of them."""
        media = [{**each, "name": self.names.get(each["id"], "")} for each in media_shown(alarm)]
        return {"media": media, "lost": self.lost}


async def _files(form: FormData, alarm_id: str, put_whole: PutWhole) -> _Sent:
    """Store the form's files, each by itself: what is wrong with one is told of that one."""
    sent = _Sent()
    for kind, file in form.multi_items():
        if kind not in KINDS:
            continue
        if not isinstance(file, UploadFile) or not (file.filename or file.size):
            continue  # an input in which nothing was chosen
        name = wellformed.text(file.filename or "")
        if cast("SealedFile", file.file).shelf.lost:
            sent.lost.append({"kind": kind, "name": name, "fate": "failed"})
            sent.faults.append(
                f"{kind}: there is no room for it at present (spool_bytes); send it again from this page"
            )
            continue
        try:
            media = media_id(alarm_id, await _digest(file))
            await put_whole(alarm_id, media, kind, file.content_type or "", _parts(file))
            sent.names[media] = name
        except Refused as refused:
            fate = _FATES.get(refused.error.code, "failed") if file.size else "empty"
            sent.lost.append({"kind": kind, "name": name, "fate": fate})
            sent.faults.append(f"{kind}: {refused.message}")
    return sent


async def _act_by_form(
    request: Request, citizens: Citizens, page: Page, put_whole: PutWhole, form_bytes: int, spool: Spool
) -> Response:
    """The receipt page's own forms: check for answers, say, answer, add files, ask to cancel."""
    with_files = request.headers.get("content-type", "").startswith("multipart/")
    most = (form_bytes, 2 * citizens.limits["media_per_alarm"]) if with_files else (JSON_BYTES, 0)
    words = Words(citizens.limits["text_chars"])
    async with _form(request, *most, spool, words) as (form, broken_off):
        if broken_off:
            raise Refused(errors.UNDECODABLE, f"form: {broken_off}")
        fields = {name: wellformed.text(value) for name, value in form.items() if value and isinstance(value, str)}
        secret, action = fields.get("secret", ""), fields.get("action", "check")
        loaded = await citizens.authorise(request.path_params["alarm"], secret)
        sent = await _files(form, loaded.alarm.id, put_whole)
    if action == "say" and fields.get("text"):
        # Sent twice from one page it is said once; changed, or from a later page, it is something else.
        name = hashlib.sha256(f"{fields.get('version')}/{fields['text']}".encode()).hexdigest()
        said = {"ref": name, "text": fields["text"]}
        await citizens.say(loaded, check(messages.SayBody, said, citizens.limits))
    elif action == "answer" and fields.get("question"):
        body = {"question": fields["question"], "answer": fields.get("answer", "")}
        await citizens.answer(loaded, check(messages.AnswerBody, body, citizens.limits))
    elif action == "cancel":
        pin = {"pin": fields["pin"]} if fields.get("pin") else {}
        await citizens.cancel(loaded, secret, check(messages.CancelBody, pin, citizens.limits))
    elif not sent.names:
        request.state.only_looked = True
    loaded = await citizens.authorise(loaded.alarm.id, secret)
    view = await citizens.view(loaded.alarm)
    receipt = {"id": view["id"], "code": view["code"], "station": view["station"]}
    shown: dict[str, Any] = {"receipt": receipt, "view": view, "secret": secret, "pin": None, "faults": sent.faults}
    shown |= {"lang": fields.get("lang", loaded.alarm.lang), **sent.shown(loaded.alarm)}
    return page(request, "citizen/receipt.html", shown)


@asynccontextmanager
async def _form(
    request: Request, most_bytes: int, files: int, spool: Spool, words: Words
) -> AsyncIterator[tuple[FormData, str]]:
    """The request's form, and why it was broken off, if it was: then only the words that came before are in it.

    A limit or a lost connection in the middle of a photo must not drop the alarm. The files are gone from the disk when
    the form was dealt with.
    """
    broken_off = ""
    shelf = spool.shelf()
    try:
        async with aclosing(_limited(request, most_bytes)) as stream:
            parser: SealingParser | BoundedForm = BoundedForm(request.headers, stream, words)
            if request.headers.get("content-type", "").startswith("multipart/"):
                parser = SealingParser(request.headers, stream, shelf, words, files)
            try:
                form = await parser.parse()
            except (MultiPartException, ClientDisconnect) as fault:
                broken_off = fault.message if isinstance(fault, MultiPartException) else "the rest did not come"
                came = parser.items if isinstance(parser, SealingParser) else []
                form = FormData([(name, value) for name, value in came if isinstance(value, str)])
        shelf.whole = True
        yield form, broken_off
    finally:
        shelf.close()


async def _limited(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise MultiPartException(f"more than {most} bytes (form_bytes)")
        yield part


async def _digest(file: UploadFile) -> str:
    """SHA-256 of the file, which is read from its start again afterwards."""
    digest = hashlib.sha256()
    async for part in _parts(file):
        digest.update(part)
    await file.seek(0)
    return digest.hexdigest()


async def _parts(file: UploadFile) -> AsyncIterator[bytes]:
    while part := await file.read(_PART_BYTES):
        yield part


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _channel(request: Request) -> str:
    """How the alarm came: a name that our own clients may give themselves, else `http`."""
    name = request.headers.get("x-dispatch-channel", "http")
    return name if name in ("web", "cli", "http") else "http"
