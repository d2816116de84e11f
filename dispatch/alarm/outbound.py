"""Every message that the hub sends over a socket, once: its shape, for the protocol page and for tests of real frames.

The hub builds these as plain maps and checks none of them (a frame is made once for all consoles). Never used to send.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from dispatch.alarm.messages import After, AlarmId, Time

Version = Annotated[int, Field(ge=0, description="of the alarm")]
Status = Literal["raised", "acknowledged", "en_route", "on_scene", "closed"]
Shown = Literal["raised", "acknowledged", "en_route", "on_scene", "closed", "planned", "ended"]
Read = Annotated[int | None, Field(description="the entries of the talk up to this `n` were in sight of an officer")]
Due = Annotated[Time | None, Field(description="of a plan: until when its citizen has to check in")]
Every = Annotated[int | None, Field(ge=1, description="of a plan: seconds from one check-in to the next")]
Asker = Annotated[str | None, Field(description="the request's; null when it had none that could be read")]
Talk = Annotated[list[dict[str, Any]], Field(description="as `said`, without `type`")]
Rungs = Annotated[
    list[dict[str, Any]],
    Field(description="what is true so far, in order: `step`, `at`, with `delivered` also `consoles`. Steps: `stored`, "
                      "`delivered`, `seen`, `unanswered`, `acknowledged`, `en_route`, `on_scene`, `closed`"),
]  # fmt: skip
States = Annotated[dict[str, str], Field(description="media id to `receiving`, `stored`, `ready` or `unreadable`")]


class Outbound(BaseModel):
    """Base of all that the hub sends. Clients ignore members they do not know; tests do not."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Beat(Outbound):
    """Every 5 s at most; to consoles only while the store answers. A client that hears nothing for 10 s says STALE."""

    type: Literal["beat"]
    at: Time


class Error(Outbound):
    """The answer to a request that was refused; further members by code (`station`, `status`, `possible`, …)."""

    model_config = ConfigDict(extra="allow")

    type: Literal["error"]
    ref: Asker
    code: Annotated[str, Field(description="see the errors below")]
    message: Annotated[str, Field(description="what was wrong here, naming the field")]
    retry: Annotated[bool, Field(description="whether the same request may succeed later")]
    advice: str
    by: Annotated[str | None, Field(description="who was first, or owns the alarm; call sign")] = None


# -- console ---------------------------------------------------------------------------------------------------


class Subscribed(Outbound):
    """The answer to `subscribe`; snapshots or missed events follow, then live events."""

    type: Literal["ok"]
    ref: str
    recovered: Annotated[dict[str, bool], Field(description="station to whether nothing was missed; a snapshot if not")]
    user: Annotated[dict[str, str | None], Field(description="`name`, `role`, `station` (null: all)")]
    now: Time
    hub_version: Annotated[str, Field(description="another one than before: the page is older than its hub")]


class Done(Outbound):
    """The answer to a console's other requests; the members only for commands on an alarm."""

    type: Literal["ok"]
    ref: str
    version: Version | None = None
    status: Status | None = None
    owner: Annotated[str | None, Field(description="call sign")] = None
    helpers: Annotated[list[str] | None, Field(description="to `call_helpers`: who was called by it")] = None
    until: Annotated[Time | None, Field(description="to `share_place`: when the place is forgotten")] = None


class Duty(Outbound):
    """Who is on duty at a station."""

    officers: Annotated[list[str], Field(description="call signs by the rota")]
    until: Annotated[Time, Field(description="the next handover")]
    signed: Annotated[dict[str, bool], Field(description="officers who came on (true) or off beside the rota")]
    ready: Annotated[list[str], Field(description="ready consoles, each `OFFICER CONSOLE`")]
    flood: Annotated[dict[str, str] | None, Field(description="only in a flood of alarms: `since`")] = None


class Snapshot(Outbound):
    """A station as it is at `position`: the list. What was said in its alarms follows in `story` messages."""

    type: Literal["snapshot"]
    station: str
    position: After
    alarms: Annotated[list[dict[str, Any]], Field(description="open ones, without `talk` and `notes`; members below")]
    stories: Annotated[list[AlarmId], Field(description="the alarms whose story follows")]
    duty: Duty


class Story(Outbound):
    """A part of what was said in an alarm of the last snapshot, whatever its position: events may have it too.

    Sent as fast as the line takes it, beside the events. Ignore it where the alarm that you have was wiped more often.
    """

    type: Literal["story"]
    station: str
    alarm: AlarmId
    wipes: Annotated[int, Field(description="how often the alarm had been wiped, as its member `wipes`")]
    talk: Annotated[dict[str, dict[str, Any]] | None, Field(description="entries, as in an alarm")] = None
    notes: Annotated[dict[str, dict[str, Any]] | None, Field(description="entries, as in an alarm")] = None
    whole: Annotated[bool | None, Field(description="true with the last part")] = None


class Event(Outbound):
    """One event. `offset` is the last one's plus one, else something is missing: subscribe again with `after`."""

    type: Literal["event"]
    station: str
    position: After
    at: Time
    alarm: Annotated[AlarmId | None, Field(description="null for an event of the station itself")]
    version: Annotated[int, Field(ge=0, description="of the alarm after it; 0 for the station's own")]
    event: Annotated[dict[str, Any], Field(description="`type` and fields; see the events below")]
    changes: Annotated[
        dict[str, Any] | None,
        Field(description="JSON Merge Patch (RFC 7396) on the alarm: clients need no other rule"),
    ] = None
    wiped: Annotated[bool, Field(description="what people wrote was wiped; only the record stays")] = False


# -- citizen ---------------------------------------------------------------------------------------------------


class Receipt(Outbound):
    """The answer to `raise`, once stored; the same bytes for every repetition, of a plan as long as it is the same."""

    type: Literal["ok"]
    ref: str
    id: AlarmId
    code: Annotated[str, Field(description="receipt code that people can read out")]
    station: Annotated[dict[str, str], Field(description="`id`, `name`")]
    status: Literal["raised", "planned", "ended"]
    stored_at: Time
    ladder: Rungs
    check_in_by: Due = None
    check_in_s: Every = None


class Resumed(Outbound):
    """The answer to `resume`, and without `type` and `ref` that to `GET /alarms/{alarm}`."""

    type: Literal["ok"]
    ref: str
    id: AlarmId
    version: Version
    code: str
    kind: Literal["alarm", "tip", "practice"]
    station: Annotated[dict[str, str], Field(description="`id`, `name`")]
    status: Shown
    ladder: Rungs
    talk: Talk
    media: States
    cancel: Annotated[
        Literal["requested"] | None, Field(description="asked for; right and wrong numbers look alike")
    ] = None
    question: Annotated[dict[str, Any] | None, Field(description="the open one, as `asked`")] = None
    officer: Annotated[str | None, Field(description="only where the configuration names officers")] = None
    read: Read = None
    check_in_by: Due = None
    check_in_s: Every = None


class Heard(Outbound):
    """The answer to a citizen's other requests."""

    type: Literal["ok"]
    ref: str
    version: Version | None = None
    cancel: Literal["requested"] | None = None
    check_in_by: Due = None
    plan: Annotated[Literal["ended"] | None, Field(description="to `end_plan`, whatever the number")] = None


class Ladder(Outbound):
    """What became of the alarm; pushed when any of it changed."""

    type: Literal["ladder"]
    version: Version
    status: Shown
    ladder: Rungs
    media: States
    cancel: Literal["requested"] | None = None
    officer: Annotated[str | None, Field(description="only where the configuration names officers")] = None
    read: Read = None
    check_in_by: Due = None
    check_in_s: Every = None


class Said(Outbound):
    """One entry of the talk, the citizen's own included; pushed once, in order of `n`."""

    type: Literal["said"]
    n: Annotated[int, Field(ge=1, description="the alarm's version that made it")]
    who: Literal["citizen", "officer"]
    text: str | None
    at: Time
    question: Annotated[str | None, Field(description="this is a question with this id")] = None
    choices: list[str] | None = None
    answers: Annotated[str | None, Field(description="this answers the question with this id")] = None
    by: Annotated[str | None, Field(description="only where the configuration names officers")] = None


class Asked(Outbound):
    """The open question."""

    type: Literal["asked"]
    question: Annotated[str, Field(description="its id, for `answer`")]
    text: str
    choices: list[str]


class Notices(Outbound):
    """What officers must know of the system itself; sent after each `subscribe` and whenever it changed.

    A notice is `{"code", "since", ...}`: `store_unsafe` (`setting`, `value`, `mend`, and `refused`: nothing is called
    stored), `store_filling` and `disk_filling` (bytes and `share`), `store_away`, `store_restored` (`partition`),
    `store_keeps_wiped` (`why` its file was not written anew after a wipe), `deadline_late` (`alarm`, `station`, `what`,
    `by_s`), `clock_held` and `clock_jumped` (`by_s` that the store's clock is or was ahead), `clock_doubted`,
    `rota_names` (`names` that the configuration calls, of `station`, and that wake nobody; `why` is
    `no_sign_in`, `disabled`, `helper`, `elsewhere`, `twice`, `no_station`, or, without names, `no_supervisor`; `near`:
    name -> the sign-in meant), `hubs_differ` (hubs have other files: `names`; `why` says whether this one's are the
    `newest`, by which timers run, or `older`), `station_gone` (the open `alarm` of a `station` that the configuration
    no longer has: station `to` answers for it), `media_not_shut_in` (a hub decodes nothing).
    """

    type: Literal["notices"]
    notices: Annotated[list[dict[str, Any]], Field(description="empty when all is well")]


TO_CONSOLE: Final = (Subscribed, Done, Snapshot, Story, Event, Notices, Beat, Error)
TO_CITIZEN: Final = (Receipt, Resumed, Heard, Ladder, Said, Asked, Beat, Error)

ALARM: Final[Mapping[str, str]] = {
    "id": "a UUID, made by the citizen's device",
    "version": "how many events it has had",
    "home": "the station whose stream holds it",
    "station": "the station that is responsible now",
    "status": "`raised`, `acknowledged`, `en_route`, `on_scene`, `closed` (`planned`, `ended`: a plan, on no console)",
    "kind": "`alarm`, `tip` or `practice` (never rung, never listed)",
    "code": "receipt code",
    "lang": "the citizen's language",
    "channel": "how it came: `http`, `web`, `form`, `cli`",
    "why": "why this station: `in_area`, `on_border`, …",
    "raised_at": "when it was stored",
    "since": "when the present wait for a person began",
    "cycle": "the version at `since`",
    "backups": "backup stations, in order",
    "shared": "other stations that were called in",
    "category": "as the citizen gave it",
    "needs": "`text_only`, `deaf`, `signs`, `blind`, …",
    "burst": "the group of those that one sender, or too many at once, sent beyond their allowance; `many-…`: of many",
    "quiet": "another alarm of its burst escalates for it; until somebody takes it, or that one is closed",
    "plan": "how a plan became it: `missed` (no check-in in time), `pressed`, `duress` (ended without its number; the "
            "device shows an ended plan, and nothing of what officers write)",
    "check_in_by": "only of a plan, which no console has",
    "owner": "the officer who has it",
    "owner_station": "their station",
    "owned_at": "since when",
    "owner_lost_at": "since when no console of the owner is heard: it is free to take",
    "acknowledged_at": "first acknowledgement",
    "moved_at": "en route",
    "arrived_at": "on scene",
    "closed_at": "closed",
    "disposition": "how it ended",
    "reminded_at": "the owner was reminded to move",
    "station_gone": "the station that answered before, and is no longer in the configuration",
    "transfer": "offered to another station: `to`, `by`, `at`, `reason`",
    "handover": "offered to a colleague: `by`, `at`, `summary`, and `to` unless it is to any",
    "cancel": "`requested`, or `duress`: without the citizen's number, do not call",
    "cancels": "how often it was asked for",
    "shown": "the version of the last event that the citizen can see",
    "step": "the escalation step that was run last, from 0",
    "loop": "how often the last step was repeated",
    "step_at": "when it was run",
    "audience": "the policy's words for who is called",
    "called": "the officers who are called; their consoles ring while `status` is `raised`",
    "unanswered_at": "the citizen was told that no person has answered",
    "overdue_at": "not closed by the end of its day",
    "due": "the next deadline",
    "consoles": "how many consoles confirmed it",
    "delivered_at": "first confirmation",
    "seen_at": "first opened by a person",
    "seen_by": "by whom",
    "notified": "officer to what became of the latest notification beyond the console: `step`, `loop`, channels that "
                "took it (`sent`) or did not (`failed`), when a device showed it (`shown`), when it was `opened`",
    "text": "the citizen's words",
    "position": "as received, with `received`, the hub's time; the latest to come",
    "track": "the positions before it, each by the version that replaced it; at most `track_positions`",
    "place": "the place in words",
    "question": "id of the open question",
    "talk_delivered": "the last version of what officers said that is on the citizen's device",
    "talk_seen": "... and that was in sight there",
    "added": "the last version at which the citizen added something: words, an answer, a photo or recording",
    "read": "officer to the version up to which that was in sight on a console of theirs",
    "talk": "version to entry: `who`, `by`, `text`, `at`, `question`, `choices`, `answers`",
    "notes": "version to entry: `by`, `text`, `at`; the citizen never sees them",
    "media": "id to `kind`, `mime`, `at`, `state`, `n` (the version that added it), then `chunks`, `size`, `sha256`, "
             "`copy`, `width`, `height`, `duration_s`, `copies`, `reason`; `cut` where nobody finished it, with the "
             "chunks that are `missing`; `not_live`: why it cannot be heard while it grows; `opened_by`: who uncovered "
             "or listened to it; after a wipe `state` is `wiped`, then `removed`",
    "found": "media id to what was found inside: `position` (from the photo's or recording's own metadata: where it "
             "was made, which need not be where the citizen is), `peaks` (of a recording, 0 to 100). Officers only",
    "helpers": "who was called to help: call sign to `state` (`called`, `accepted`, `declined`, `done`, `released`), "
               "`at`, `called_at`, `by`, `tasks`, `call`, `seen_at` (the call), `why` declined, `shown_at` (the "
               "exact place)",
    "calls": "what they were asked in an officer's own words: `call` to `text`",
    "held": "its content is kept beyond its end date: `by`, `at`, `reason`",
    "wiped_at": "since when it has no content; a citizen who writes again is heard, and it is open again",
    "wipes": "how often its content was wiped",
}  # fmt: skip
"""What each member of an alarm means; members that are empty are left out."""
