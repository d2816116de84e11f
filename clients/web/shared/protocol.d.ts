/**
 * What travels between the hub and its pages: made from the code by `python -m dispatch.protocol_types`; a test fails
 * when it is stale. Do not edit it. Used by the type checker only.
 */

/**
 * A position as the device gave it; the numbers are kept as received, even absurd ones.
 *
 * Only the two numbers have to be right. What else devices tell of a place, such as a height, is not kept.
 */
export interface Position {
  lat: number;
  lon: number;
  accuracy_m?: number | null;
  at?: string | null;
  datum?: "wgs84" | "gcj02";
  source?: string | null;
}

/**
 * A position in a station's stream: the store's epoch and the offset of the last event that was applied.
 */
export interface After {
  epoch: string;
  offset: number;
}

/**
 * A point on the map.
 */
export interface Spot {
  lat: number;
  lon: number;
  datum?: "wgs84" | "gcj02";
}

/**
 * Who is on duty at a station.
 */
export interface Duty {
  /** call signs by the rota */
  officers: string[];
  /** the next handover */
  until: string;
  /** officers who came on (true) or off beside the rota */
  signed: Record<string, boolean>;
  /** ready consoles, each `OFFICER CONSOLE` */
  ready: string[];
  /** only in a flood of alarms: `since` */
  flood?: { since: string };
}

/**
 * Who is signed in; without a station: all of them.
 */
export interface User {
  name: string;
  role: "officer" | "supervisor" | "admin";
  station: string | null;
}

/**
 * A position as it was received: a device that had no number (NaN) sent none.
 *
 * `at` is when the device says it was measured, `received` when the hub got it.
 */
export interface Place {
  lat?: number;
  lon?: number;
  accuracy_m?: number;
  at?: string;
  received?: string;
  datum?: "wgs84" | "gcj02";
  source?: string;
}

/**
 * One entry of the talk; what was wiped has no words.
 */
export interface TalkEntry {
  who: "citizen" | "officer";
  by?: string;
  text?: string;
  /** RFC 3339 with an offset from UTC */
  at: string;
  question?: string;
  choices?: string[];
  answers?: string;
}

export interface NoteEntry {
  by: string;
  text?: string;
  /** RFC 3339 with an offset from UTC */
  at: string;
}

/**
 * A photo or recording.
 */
export interface MediaEntry {
  kind: "photo" | "audio";
  mime: string;
  /** RFC 3339 with an offset from UTC */
  at: string;
  state: "receiving" | "stored" | "ready" | "unreadable" | "wiped" | "removed";
  /** the alarm's version that added it */
  n?: number;
  chunks?: number;
  /** bytes */
  size?: number;
  sha256?: string;
  cut?: boolean;
  missing?: number[];
  not_live?: string;
  /** the first copy's type */
  copy?: string;
  width?: number;
  height?: number;
  duration_s?: number;
  copies?: string[];
  reason?: string;
  opened_by?: string[];
}

/**
 * What was found inside a photo or recording.
 */
export interface Found {
  position?: Place;
  peaks?: number[];
}

/**
 * A transfer that was offered and is not answered yet.
 */
export interface Offer {
  to: string;
  by: string;
  /** RFC 3339 with an offset from UTC */
  at: string;
  reason?: string;
}

/**
 * A handover that was offered to a colleague, or to any, and is not answered yet.
 */
export interface Handing {
  by: string;
  /** RFC 3339 with an offset from UTC */
  at: string;
  summary?: string;
  to?: string;
}

/**
 * What became of the latest notification of an officer beyond the console; `sent` and `failed` name channels.
 */
export interface Notified {
  step?: number;
  loop?: number;
  sent?: string[];
  failed?: string[];
  shown?: string;
  opened?: string;
}

/**
 * A helper who was called.
 */
export interface HelperEntry {
  state: "called" | "accepted" | "declined" | "done" | "released";
  /** RFC 3339 with an offset from UTC */
  at: string;
  /** RFC 3339 with an offset from UTC */
  called_at: string;
  by: string;
  tasks: string[];
  call: string;
  seen_at?: string;
  why?: "busy" | "too_far" | "unsafe" | "other";
  shown_at?: string;
}

/**
 * What helpers were asked in an officer's own words.
 */
export interface CallWords {
  text?: string;
}

export interface Hold {
  by: string;
  /** RFC 3339 with an offset from UTC */
  at: string;
  reason?: string;
}

/**
 * What is wrong with the system itself; which members there are depends on the code.
 */
export interface Notice {
  code: string;
  /** RFC 3339 with an offset from UTC */
  since: string;
  setting?: string;
  value?: string;
  mend?: string;
  refused?: boolean;
  used_bytes?: number;
  limit_bytes?: number;
  free_bytes?: number;
  share?: number;
  partition?: number;
  alarm?: string;
  station?: string;
  what?: string;
  by_s?: number;
  why?: string;
  names?: string[];
  near?: Record<string, string>;
  to?: string;
}

/**
 * What is true so far.
 */
export interface Rung {
  step: "stored" | "delivered" | "seen" | "unanswered" | "acknowledged" | "en_route" | "on_scene" | "closed";
  /** RFC 3339 with an offset from UTC */
  at: string;
  consoles?: number;
}

export interface Alarm {
  /** a UUID, made by the citizen's device */
  id: string;
  /** how many events it has had */
  version: number;
  /** the station whose stream holds it */
  home: string;
  /** the station that is responsible now */
  station: string;
  /** `raised`, `acknowledged`, `en_route`, `on_scene`, `closed` (`planned`, `ended`: a plan, on no console) */
  status: "raised" | "acknowledged" | "en_route" | "on_scene" | "closed";
  /** `alarm`, `tip` or `practice` (never rung, never listed) */
  kind: "alarm" | "tip" | "practice";
  /** receipt code */
  code: string;
  /** the citizen's language */
  lang: string;
  /** how it came: `http`, `web`, `form`, `cli` */
  channel: string;
  /** why this station: `in_area`, `on_border`, … */
  why: string;
  /** when it was stored */
  raised_at: string;
  /** when the present wait for a person began */
  since: string;
  /** the version at `since` */
  cycle: number;
  /** backup stations, in order */
  backups?: string[];
  /** other stations that were called in */
  shared?: string[];
  /** as the citizen gave it */
  category?: string;
  /** `text_only`, `deaf`, `signs`, `blind`, … */
  needs?: string[];
  /** the group of those that one sender, or too many at once, sent beyond their allowance; `many-…`: of many */
  burst?: string;
  /** another alarm of its burst escalates for it; until somebody takes it, or that one is closed */
  quiet?: boolean;
  /** how a plan became it: `missed` (no check-in in time), `pressed`, `duress` (ended without its number; the device shows an ended plan, and nothing of what officers write) */
  plan?: "missed" | "pressed" | "duress";
  /** only of a plan, which no console has */
  check_in_by?: string;
  /** the officer who has it */
  owner?: string;
  /** their station */
  owner_station?: string;
  /** since when */
  owned_at?: string;
  /** since when no console of the owner is heard: it is free to take */
  owner_lost_at?: string;
  /** first acknowledgement */
  acknowledged_at?: string;
  /** en route */
  moved_at?: string;
  /** on scene */
  arrived_at?: string;
  /** closed */
  closed_at?: string;
  /** how it ended */
  disposition?: string;
  /** the owner was reminded to move */
  reminded_at?: string;
  /** the station that answered before, and is no longer in the configuration */
  station_gone?: string;
  /** offered to another station: `to`, `by`, `at`, `reason` */
  transfer?: Offer;
  /** offered to a colleague: `by`, `at`, `summary`, and `to` unless it is to any */
  handover?: Handing;
  /** `requested`, or `duress`: without the citizen's number, do not call */
  cancel?: "requested" | "duress";
  /** how often it was asked for */
  cancels: number;
  /** the version of the last event that the citizen can see */
  shown: number;
  /** the escalation step that was run last, from 0 */
  step?: number;
  /** how often the last step was repeated */
  loop: number;
  /** when it was run */
  step_at?: string;
  /** the policy's words for who is called */
  audience?: string[];
  /** the officers who are called; their consoles ring while `status` is `raised` */
  called?: string[];
  /** the citizen was told that no person has answered */
  unanswered_at?: string;
  /** not closed by the end of its day */
  overdue_at?: string;
  /** the next deadline */
  due?: string;
  /** how many consoles confirmed it */
  consoles: number;
  /** first confirmation */
  delivered_at?: string;
  /** first opened by a person */
  seen_at?: string;
  /** by whom */
  seen_by?: string[];
  /** officer to what became of the latest notification beyond the console: `step`, `loop`, channels that took it (`sent`) or did not (`failed`), when a device showed it (`shown`), when it was `opened` */
  notified?: Record<string, Notified>;
  /** the citizen's words */
  text?: string;
  /** as received, with `received`, the hub's time; the latest to come */
  position?: Place;
  /** the positions before it, each by the version that replaced it; at most `track_positions` */
  track?: Record<string, Place>;
  /** the place in words */
  place?: string;
  /** id of the open question */
  question?: string;
  /** the last version of what officers said that is on the citizen's device */
  talk_delivered?: number;
  /** ... and that was in sight there */
  talk_seen?: number;
  /** the last version at which the citizen added something: words, an answer, a photo or recording */
  added?: number;
  /** officer to the version up to which that was in sight on a console of theirs */
  read?: Record<string, number>;
  /** version to entry: `who`, `by`, `text`, `at`, `question`, `choices`, `answers` */
  talk?: Record<string, TalkEntry>;
  /** version to entry: `by`, `text`, `at`; the citizen never sees them */
  notes?: Record<string, NoteEntry>;
  /** id to `kind`, `mime`, `at`, `state`, `n` (the version that added it), then `chunks`, `size`, `sha256`, `copy`, `width`, `height`, `duration_s`, `copies`, `reason`; `cut` where nobody finished it, with the chunks that are `missing`; `not_live`: why it cannot be heard while it grows; `opened_by`: who uncovered or listened to it; after a wipe `state` is `wiped`, then `removed` */
  media?: Record<string, MediaEntry>;
  /** media id to what was found inside: `position` (from the photo's or recording's own metadata: where it was made, which need not be where the citizen is), `peaks` (of a recording, 0 to 100). Officers only */
  found?: Record<string, Found>;
  /** who was called to help: call sign to `state` (`called`, `accepted`, `declined`, `done`, `released`), `at`, `called_at`, `by`, `tasks`, `call`, `seen_at` (the call), `why` declined, `shown_at` (the exact place) */
  helpers?: Record<string, HelperEntry>;
  /** what they were asked in an officer's own words: `call` to `text` */
  calls?: Record<string, CallWords>;
  /** its content is kept beyond its end date: `by`, `at`, `reason` */
  held?: Hold;
  /** since when it has no content; a citizen who writes again is heard, and it is open again */
  wiped_at?: string;
  /** how often its content was wiped */
  wipes?: number;
}

// Bodies over HTTP

/**
 * An alarm. It needs nothing but id and secret: an empty alarm is an alarm.
 *
 * `pin` is the number with which the citizen will cancel; a cancel without it is told to officers as duress. With
 * `check_in_s` it is only planned (dead man's timer): it is raised unless its citizen checks in within so many
 * seconds. The same without it, sent later, raises it at once.
 *
 * What is wrong in another part costs that part, and `faults` of the receipt name it; what is wrong beside the two
 * numbers of a position counts as not sent. Too long a text is cut, and its rest begins the talk; `kind` and
 * `check_in_s` always count.
 */
export interface RaiseBody {
  /** a UUID */
  id: string;
  /** base64url of 128 bits or more, made by the device */
  secret: string;
  text?: string | null;
  kind?: "alarm" | "tip" | "practice";
  category?: string | null;
  needs?: string[];
  lang?: string;
  position?: Position | null;
  place?: string | null;
  pin?: string | null;
  check_in_s?: number | null;
}

/**
 * All is well; the next check-in is due within `check_in_s` seconds. A position is told only if that is missed.
 */
export interface CheckInBody {
  ref: string;
  /** and at least `check_in_least_s`; seconds */
  check_in_s: number;
  position?: Position | null;
}

/**
 * No check-in is needed any more. Without the plan's `pin` the answer is the same, and the alarm is raised.
 */
export interface EndPlanBody {
  pin?: string | null;
}

export interface SayBody {
  ref: string;
  text: string;
}

export interface AnswerBody {
  question: string;
  answer: string;
}

export interface CancelBody {
  pin?: string | null;
}

export interface EndMediaBody {
  kind?: "photo" | "audio" | null;
  chunks: number;
  sha256?: string | null;
}

export interface SignIn {
  user: string;
  password: string;
}

export interface OpenOriginalBody {
  reason: string;
}

/**
 * Which alarms, open or closed, to find: all that is given must be so.
 *
 * `words`: each of them stands in what the citizen or officers wrote; `place`: likewise in the place in words.
 * `near`: the citizen was within `within_m` metres of it, when last heard or before. `officer` had the alarm, or
 * closed it. Raised on the days `from` to `to`, both included. In a body, so that no server on the way writes the
 * words into its log.
 */
export interface FindBody {
  /** as it is read out, with its dash or without */
  code?: string | null;
  words?: string | null;
  place?: string | null;
  near?: Spot | null;
  within_m?: number;
  officer?: string | null;
  station?: string | null;
  from?: string | null;
  to?: string | null;
  /** the `next` of the answer before */
  after?: string | null;
  limit?: number | null;
}

// From a citizen

export interface RaiseRequest {
  /** a UUID */
  id: string;
  /** base64url of 128 bits or more, made by the device */
  secret: string;
  text?: string | null;
  kind?: "alarm" | "tip" | "practice";
  category?: string | null;
  needs?: string[];
  lang?: string;
  position?: Position | null;
  place?: string | null;
  pin?: string | null;
  check_in_s?: number | null;
  type: "raise";
  ref: string;
}

/**
 * Come back to an alarm; talk after version `after` is sent again.
 */
export interface ResumeRequest {
  type: "resume";
  ref: string;
  /** a UUID */
  id: string;
  /** base64url of 128 bits or more, made by the device */
  secret: string;
  after?: number;
}

export interface CitizenSaysRequest {
  ref: string;
  text: string;
  type: "say";
}

export interface ReportPositionRequest {
  type: "position";
  ref: string;
  position: Position;
}

export interface AnswerQuestionRequest {
  question: string;
  answer: string;
  type: "answer";
  ref: string;
}

export interface HeardRequest {
  upto: number;
  seen: boolean;
  type: "heard";
  ref: string;
}

export interface CancelRequest {
  pin?: string | null;
  type: "cancel";
  ref: string;
}

export interface CheckInRequest {
  ref: string;
  /** and at least `check_in_least_s`; seconds */
  check_in_s: number;
  position?: Position | null;
  type: "check_in";
}

export interface EndPlanRequest {
  pin?: string | null;
  type: "end_plan";
  ref: string;
}

/**
 * One chunk; in any order, any number of times. Only in MessagePack: bytes do not fit JSON.
 */
export interface MediaChunkRequest {
  type: "media_chunk";
  ref: string;
  /** made by the device, unique in its alarm */
  media: string;
  seq: number;
  data: Uint8Array;
  kind?: "photo" | "audio" | null;
  /** what the device takes it for; the bytes decide */
  mime?: string | null;
}

export interface MediaEndRequest {
  type: "media_end";
  ref: string;
  /** made by the device, unique in its alarm */
  media: string;
  chunks: number;
  sha256?: string | null;
}

export type CitizenRequest =
  | RaiseRequest
  | ResumeRequest
  | CitizenSaysRequest
  | ReportPositionRequest
  | AnswerQuestionRequest
  | HeardRequest
  | CancelRequest
  | CheckInRequest
  | EndPlanRequest
  | MediaChunkRequest
  | MediaEndRequest;

// From a console

export interface SubscribeRequest {
  type: "subscribe";
  ref: string;
  stations?: string[] | null;
  after?: Record<string, After>;
}

export interface AckRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "ack";
}

/**
 * Someone else's. The reason may be left out when no console of the owner is heard, or they just took it.
 */
export interface TakeRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "take";
  reason?: string | null;
}

export interface ReleaseRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "release";
  reason: string;
}

export interface MoveRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "move";
}

export interface ArriveRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "arrive";
}

export interface CloseRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "close";
  disposition: "handled" | "no_one_found" | "false_alarm" | "duplicate" | "test" | "passed_on";
  note?: string | null;
}

/**
 * Within `undo_close_s` seconds, by who closed it.
 */
export interface UndoCloseRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "undo_close";
}

export interface ReopenRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "reopen";
  reason: string;
}

export interface OfficerSaysRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "say";
  text: string;
}

export interface AskRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "ask";
  question: string;
  choices?: string[];
}

export interface AddNoteRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "note";
  text: string;
}

export interface TransferRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "transfer";
  station: string;
  reason: string;
}

export interface TransferAcceptRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "transfer_accept";
}

export interface TransferRejectRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "transfer_reject";
  reason: string;
}

/**
 * Offer the alarm to a colleague (`to`), or to any: who offers stays responsible until it is accepted.
 */
export interface HandoverRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "handover";
  to?: string | null;
  summary: string;
}

export interface HandoverAcceptRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "handover_accept";
}

export interface HandoverRejectRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "handover_reject";
  reason: string;
}

export interface HandoverWithdrawRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "handover_withdraw";
}

/**
 * Keep what people wrote, showed and where they were beyond its end date, until `unhold`. Supervisors.
 */
export interface HoldRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "hold";
  reason: string;
}

export interface UnholdRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "unhold";
  reason: string;
}

/**
 * Wipe the words, places and media of a closed alarm for good; this reason stays. Supervisors.
 */
export interface WipeRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "wipe";
  reason: string;
}

/**
 * A person has opened the alarm.
 */
export interface SeenRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "seen";
}

/**
 * What the citizen added up to version `upto` (the alarm's `added`) was in sight.
 */
export interface ReadRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "read";
  upto: number;
}

/**
 * Every 10 s at most: whether this console can wake its officer. Only a ready console counts as on duty.
 */
export interface ReadyRequest {
  type: "ready";
  ref: string;
  sound: boolean;
  visible: boolean;
}

/**
 * Every event up to `position` of `station` is on the screen. Without a `ref` it is answered only when refused.
 */
export interface DeliveredRequest {
  type: "delivered";
  ref?: string | null;
  station: string;
  position: After;
}

/**
 * Come on duty beside the rota, or leave it, until the next handover.
 */
export interface DutyRequest {
  type: "duty";
  ref: string;
  on: boolean;
}

/**
 * Call the `nearest` helpers on watch who were not called yet, or those in `helpers`.
 *
 * `called` is how many this console shows as called already: what a colleague called meanwhile counts. They are told
 * the `tasks`, the `text` (no words of the citizen belong there) and a coarse place.
 */
export interface CallHelpersRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "call_helpers";
  tasks?: ("look_and_report" | "keep_entrance_open" | "guide_police" | "do_not_approach")[];
  text?: string | null;
  nearest?: number | null;
  called?: number;
  helpers?: string[];
}

/**
 * These helpers are needed no more; none named: all.
 */
export interface ReleaseHelpersRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "release_helpers";
  helpers?: string[];
}

/**
 * This officer's place while on duty, the latest only; told again within `nearby.lapse_s`, or it is forgotten.
 */
export interface SharePlaceRequest {
  type: "share_place";
  ref: string;
  on: boolean;
  position?: Position | null;
}

/**
 * Close the alarm's burst: all that was sent with it, was raised by `until` and nobody has taken.
 */
export interface CloseBurstRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "close_burst";
  /** when the last one that was seen was raised */
  until: string;
  disposition: "handled" | "no_one_found" | "false_alarm" | "duplicate" | "test" | "passed_on";
  note?: string | null;
}

/**
 * Within a minute, by who closed the alarm's burst.
 */
export interface UndoCloseBurstRequest {
  ref: string;
  /** a UUID */
  alarm: string;
  type: "undo_close_burst";
}

export type ConsoleRequest =
  | SubscribeRequest
  | AckRequest
  | TakeRequest
  | ReleaseRequest
  | MoveRequest
  | ArriveRequest
  | CloseRequest
  | UndoCloseRequest
  | ReopenRequest
  | OfficerSaysRequest
  | AskRequest
  | AddNoteRequest
  | TransferRequest
  | TransferAcceptRequest
  | TransferRejectRequest
  | HandoverRequest
  | HandoverAcceptRequest
  | HandoverRejectRequest
  | HandoverWithdrawRequest
  | HoldRequest
  | UnholdRequest
  | WipeRequest
  | SeenRequest
  | ReadRequest
  | ReadyRequest
  | DeliveredRequest
  | DutyRequest
  | CallHelpersRequest
  | ReleaseHelpersRequest
  | SharePlaceRequest
  | CloseBurstRequest
  | UndoCloseBurstRequest;

// From the hub

/**
 * The answer to `subscribe`; snapshots or missed events follow, then live events.
 */
export interface SubscribedFrame {
  type: "ok";
  ref: string;
  /** station to whether nothing was missed; a snapshot if not */
  recovered: Record<string, boolean>;
  /** `name`, `role`, `station` (null: all) */
  user: User;
  /** RFC 3339 with an offset from UTC */
  now: string;
  /** another one than before: the page is older than its hub */
  hub_version: string;
}

/**
 * The answer to a console's other requests; the members only for commands on an alarm.
 */
export interface DoneFrame {
  type: "ok";
  ref: string;
  version?: number | null;
  status?: "raised" | "acknowledged" | "en_route" | "on_scene" | "closed" | null;
  /** call sign */
  owner?: string | null;
  /** to `call_helpers`: who was called by it */
  helpers?: string[] | null;
  /** to `share_place`: when the place is forgotten */
  until?: string | null;
}

/**
 * A station as it is at `position`: the list. What was said in its alarms follows in `story` messages.
 */
export interface SnapshotFrame {
  type: "snapshot";
  station: string;
  position: After;
  /** open ones, without `talk` and `notes`; members below */
  alarms: Alarm[];
  /** the alarms whose story follows */
  stories: string[];
  duty: Duty;
}

/**
 * A part of what was said in an alarm of the last snapshot, whatever its position: events may have it too.
 *
 * Sent as fast as the line takes it, beside the events. Ignore it where the alarm that you have was wiped more often.
 */
export interface StoryFrame {
  type: "story";
  station: string;
  /** a UUID */
  alarm: string;
  /** how often the alarm had been wiped, as its member `wipes` */
  wipes: number;
  /** entries, as in an alarm */
  talk?: Record<string, TalkEntry> | null;
  /** entries, as in an alarm */
  notes?: Record<string, NoteEntry> | null;
  /** true with the last part */
  whole?: boolean | null;
}

/**
 * One event. `offset` is the last one's plus one, else something is missing: subscribe again with `after`.
 */
export interface EventFrame {
  type: "event";
  station: string;
  position: After;
  /** RFC 3339 with an offset from UTC */
  at: string;
  /** null for an event of the station itself */
  alarm: string | null;
  /** of the alarm after it; 0 for the station's own */
  version: number;
  /** `type` and fields; see the events below */
  event: AlarmEvent;
  /** JSON Merge Patch (RFC 7396) on the alarm: clients need no other rule */
  changes?: Record<string, unknown>;
  /** what people wrote was wiped; only the record stays */
  wiped?: boolean;
}

/**
 * What officers must know of the system itself; sent after each `subscribe` and whenever it changed.
 *
 * A notice is `{"code", "since", ...}`: `store_unsafe` (`setting`, `value`, `mend`, and `refused`: nothing is called
 * stored), `store_filling` and `disk_filling` (bytes and `share`), `store_away`, `store_restored` (`partition`),
 * `store_keeps_wiped` (`why` its file was not written anew after a wipe), `deadline_late` (`alarm`, `station`, `what`,
 * `by_s`), `clock_held` and `clock_jumped` (`by_s` that the store's clock is or was ahead), `clock_doubted`,
 * `rota_names` (`names` that the configuration calls, of `station`, and that wake nobody; `why` is
 * `no_sign_in`, `disabled`, `helper`, `elsewhere`, `twice`, `no_station`, or, without names, `no_supervisor`; `near`:
 * name -> the sign-in meant), `hubs_differ` (hubs have other files: `names`; `why` says whether this one's are the
 * `newest`, by which timers run, or `older`), `station_gone` (the open `alarm` of a `station` that the configuration
 * no longer has: station `to` answers for it), `media_not_shut_in` (a hub decodes nothing).
 */
export interface NoticesFrame {
  type: "notices";
  /** empty when all is well */
  notices: Notice[];
}

/**
 * Every 5 s at most; to consoles only while the store answers. A client that hears nothing for 10 s says STALE.
 */
export interface BeatFrame {
  type: "beat";
  /** RFC 3339 with an offset from UTC */
  at: string;
}

/**
 * The answer to a request that was refused; further members by code (`station`, `status`, `possible`, …).
 */
export interface ErrorFrame {
  type: "error";
  /** the request's; null when it had none that could be read */
  ref: string | null;
  /** see the errors below */
  code: ErrorCode;
  /** what was wrong here, naming the field */
  message: string;
  /** whether the same request may succeed later */
  retry: boolean;
  advice: string;
  /** who was first, or owns the alarm; call sign */
  by?: string | null;
  [member: string]: unknown;
}

/**
 * The answer to `raise`, once stored; the same bytes for every repetition, of a plan as long as it is the same.
 */
export interface ReceiptFrame {
  type: "ok";
  ref: string;
  /** a UUID */
  id: string;
  /** receipt code that people can read out */
  code: string;
  /** `id`, `name` */
  station: { id: string; name: string };
  status: "raised" | "planned" | "ended";
  /** RFC 3339 with an offset from UTC */
  stored_at: string;
  /** what is true so far, in order: `step`, `at`, with `delivered` also `consoles`. Steps: `stored`, `delivered`, `seen`, `unanswered`, `acknowledged`, `en_route`, `on_scene`, `closed` */
  ladder: Rung[];
  /** of a plan: until when its citizen has to check in */
  check_in_by?: string | null;
  /** of a plan: seconds from one check-in to the next */
  check_in_s?: number | null;
}

/**
 * The answer to `resume`, and without `type` and `ref` that to `GET /alarms/{alarm}`.
 */
export interface ResumedFrame {
  type: "ok";
  ref: string;
  /** a UUID */
  id: string;
  /** of the alarm */
  version: number;
  code: string;
  kind: "alarm" | "tip" | "practice";
  /** `id`, `name` */
  station: { id: string; name: string };
  status: "raised" | "acknowledged" | "en_route" | "on_scene" | "closed" | "planned" | "ended";
  /** what is true so far, in order: `step`, `at`, with `delivered` also `consoles`. Steps: `stored`, `delivered`, `seen`, `unanswered`, `acknowledged`, `en_route`, `on_scene`, `closed` */
  ladder: Rung[];
  /** as `said`, without `type` */
  talk: Omit<SaidFrame, "type">[];
  /** media id to `receiving`, `stored`, `ready` or `unreadable` */
  media: Record<string, string>;
  /** asked for; right and wrong numbers look alike */
  cancel?: "requested" | null;
  /** the open one, as `asked` */
  question?: Omit<AskedFrame, "type">;
  /** only where the configuration names officers */
  officer?: string | null;
  /** the entries of the talk up to this `n` were in sight of an officer */
  read?: number | null;
  /** of a plan: until when its citizen has to check in */
  check_in_by?: string | null;
  /** of a plan: seconds from one check-in to the next */
  check_in_s?: number | null;
}

/**
 * The answer to a citizen's other requests.
 */
export interface HeardFrame {
  type: "ok";
  ref: string;
  version?: number | null;
  cancel?: "requested" | null;
  /** of a plan: until when its citizen has to check in */
  check_in_by?: string | null;
  /** to `end_plan`, whatever the number */
  plan?: "ended" | null;
}

/**
 * What became of the alarm; pushed when any of it changed.
 */
export interface LadderFrame {
  type: "ladder";
  /** of the alarm */
  version: number;
  status: "raised" | "acknowledged" | "en_route" | "on_scene" | "closed" | "planned" | "ended";
  /** what is true so far, in order: `step`, `at`, with `delivered` also `consoles`. Steps: `stored`, `delivered`, `seen`, `unanswered`, `acknowledged`, `en_route`, `on_scene`, `closed` */
  ladder: Rung[];
  /** media id to `receiving`, `stored`, `ready` or `unreadable` */
  media: Record<string, string>;
  cancel?: "requested" | null;
  /** only where the configuration names officers */
  officer?: string | null;
  /** the entries of the talk up to this `n` were in sight of an officer */
  read?: number | null;
  /** of a plan: until when its citizen has to check in */
  check_in_by?: string | null;
  /** of a plan: seconds from one check-in to the next */
  check_in_s?: number | null;
}

/**
 * One entry of the talk, the citizen's own included; pushed once, in order of `n`.
 */
export interface SaidFrame {
  type: "said";
  /** the alarm's version that made it */
  n: number;
  who: "citizen" | "officer";
  text: string | null;
  /** RFC 3339 with an offset from UTC */
  at: string;
  /** this is a question with this id */
  question?: string | null;
  choices?: string[] | null;
  /** this answers the question with this id */
  answers?: string | null;
  /** only where the configuration names officers */
  by?: string | null;
}

/**
 * The open question.
 */
export interface AskedFrame {
  type: "asked";
  /** its id, for `answer` */
  question: string;
  text: string;
  choices: string[];
}

export type ConsoleFrame =
  | SubscribedFrame
  | DoneFrame
  | SnapshotFrame
  | StoryFrame
  | EventFrame
  | NoticesFrame
  | BeatFrame
  | ErrorFrame;

export type CitizenFrame =
  | ReceiptFrame
  | ResumedFrame
  | HeardFrame
  | LadderFrame
  | SaidFrame
  | AskedFrame
  | BeatFrame
  | ErrorFrame;

// Events; a member that is empty, or was wiped, is left out

/**
 * Intake accepted the alarm. `why` says how routing chose the station; `channel` how the alarm came.
 *
 * `plan` says how a plan became the alarm: `missed` (no check-in in time), `pressed` (by its citizen before that),
 * `duress` (ended with a wrong number, or none: its citizen is shown an ended plan). `burst` names the many that one
 * sender, or too many at once, sent before it; `quiet`: another of them escalates for all.
 */
export interface AlarmRaisedEvent {
  type: "alarm_raised";
  station: string;
  backups: string[];
  why: string;
  code: string;
  kind: string;
  lang: string;
  channel: string;
  plan?: string;
  burst?: string;
  quiet?: boolean;
  category?: string;
  needs?: string[];
  text?: string;
  position?: Place;
  place?: string;
}

/**
 * A citizen wants the alarm raised unless they check in within `within_s` seconds. What it says is nobody's yet.
 *
 * The words and the place of a plan, and where its citizen checked in, are in no record: they come with
 * `alarm_raised` if that ever follows, and are gone when it does not. To consoles its events are `sealed`, and the log
 * has them once it is an alarm.
 */
export interface PlanMadeEvent {
  type: "plan_made";
  station: string;
  backups: string[];
  why: string;
  code: string;
  kind: string;
  lang: string;
  channel: string;
  within_s: number;
  burst?: string;
  category?: string;
  needs?: string[];
  text?: string;
  position?: Place;
  place?: string;
}

/**
 * The plan's citizen is well; the next check-in is due within `within_s` seconds.
 */
export interface CheckedInEvent {
  type: "checked_in";
  within_s: number;
  position?: Place;
}

/**
 * The plan's citizen needs it no more; its words and place are gone.
 */
export interface PlanEndedEvent {
  type: "plan_ended";
}

/**
 * To consoles in the place of each event of a plan, which is nobody's: only their position goes on.
 */
export interface SealedEvent {
  type: "sealed";
}

/**
 * `by` took the alarm first; escalation stops here.
 */
export interface AlarmAcknowledgedEvent {
  type: "alarm_acknowledged";
  by: string;
  station: string;
}

/**
 * `by` took the alarm from its owner `taken_from`.
 *
 * `why` it needed no reason: `owner_lost` (no console of theirs was heard), `grace` (they had just taken it).
 */
export interface AlarmTakenEvent {
  type: "alarm_taken";
  by: string;
  station: string;
  taken_from: string;
  why?: string;
  reason?: string;
}

/**
 * The owner gave the alarm back: open for everyone, escalation from its first step.
 */
export interface AlarmReleasedEvent {
  type: "alarm_released";
  by: string;
  reason?: string;
}

export interface AlarmEnRouteEvent {
  type: "alarm_en_route";
  by: string;
}

export interface AlarmOnSceneEvent {
  type: "alarm_on_scene";
  by: string;
}

export interface AlarmClosedEvent {
  type: "alarm_closed";
  by: string;
  disposition: string;
  note?: string;
}

/**
 * Its sender went on, far beyond their allowance, while others did too: it belongs to a burst from now on.
 */
export interface BurstJoinedEvent {
  type: "burst_joined";
  burst: string;
  quiet?: boolean;
}

/**
 * From now on this alarm escalates for its burst: the one that did was closed or never came.
 */
export interface BurstLedEvent {
  type: "burst_led";
}

/**
 * Closed by a slip of the hand: it is as it was before.
 */
export interface CloseUndoneEvent {
  type: "close_undone";
  by: string;
}

/**
 * Open again. `cause`: `officer`, `not_moving` (the owner did not move in time), `citizen_wrote`.
 */
export interface AlarmReopenedEvent {
  type: "alarm_reopened";
  cause: string;
  by?: string;
  reason?: string;
}

/**
 * `by` offered the alarm to station `to`; every timer runs on until it is accepted.
 */
export interface TransferOfferedEvent {
  type: "transfer_offered";
  by: string;
  to: string;
  reason?: string;
}

export interface TransferAcceptedEvent {
  type: "transfer_accepted";
  by: string;
  station: string;
}

export interface TransferRejectedEvent {
  type: "transfer_rejected";
  by: string;
  station: string;
  reason?: string;
}

/**
 * The owner `by` offered the alarm to `to`, or (None) to any colleague, and is responsible until one accepts.
 */
export interface HandoverOfferedEvent {
  type: "handover_offered";
  by: string;
  to?: string;
  summary?: string;
}

/**
 * `by` has the alarm now, from `handed_by`.
 */
export interface HandoverAcceptedEvent {
  type: "handover_accepted";
  by: string;
  station: string;
  handed_by: string;
}

export interface HandoverRejectedEvent {
  type: "handover_rejected";
  by: string;
  reason?: string;
}

export interface HandoverWithdrawnEvent {
  type: "handover_withdrawn";
  by: string;
}

/**
 * The citizen asked to cancel. `duress`: without the number they chose, so perhaps forced. Never closes.
 */
export interface CancelRequestedEvent {
  type: "cancel_requested";
  duress: boolean;
}

/**
 * An escalation step was run.
 *
 * `audience` are the policy's words, `called` the officers meant, `reached` those with a ready console.
 * `why`: `due`, or why it ran at once (`no_console_ready`, `no_officer_on_duty`, `console_lost`).
 */
export interface StepRunEvent {
  type: "step_run";
  step: number;
  loop: number;
  audience: string[];
  called: string[];
  reached: string[];
  why: string;
  stations: string[];
}

/**
 * The policy's time passed with no person; the citizen is told so.
 */
export interface AlarmUnansweredEvent {
  type: "alarm_unanswered";
}

/**
 * The owner acknowledged and does not move.
 */
export interface OwnerRemindedEvent {
  type: "owner_reminded";
  owner: string;
}

/**
 * No console of the owner was heard for `console.owner_lost_s`: the alarm is free to take.
 */
export interface OwnerLostEvent {
  type: "owner_lost";
  owner: string;
}

export interface OwnerBackEvent {
  type: "owner_back";
  owner: string;
}

/**
 * The configuration no longer has the station `gone`, which answered for the alarm: `to` does, and is called.
 */
export interface StationGoneEvent {
  type: "station_gone";
  gone: string;
  to: string;
  backups: string[];
}

/**
 * Not closed by the end of `day`, the local day on which it was raised; told to the supervisor.
 */
export interface AlarmOverdueEvent {
  type: "alarm_overdue";
  day: string;
}

/**
 * In the stream of a station that was called in: the whole alarm as it is now, held by station `home`.
 */
export interface AlarmSharedEvent {
  type: "alarm_shared";
  home: string;
}

/**
 * The service of `channel` took a notification for `officers`. Not that it came, and nobody has seen it.
 *
 * `channel`: `push`, or `messenger` (`via` is its name in the settings). Of escalation step `step`, round `loop`; both
 * are absent for a reminder of the owner.
 */
export interface NotificationSentEvent {
  type: "notification_sent";
  officers: string[];
  channel: string;
  via?: string;
  step?: number;
  loop?: number;
}

/**
 * A notification for `officers` was given up. `status`: what the service answered, when it did.
 *
 * `reason`: `gone` (the subscription is removed), `refused`, `busy`, `no_answer`, `too_many` (waiting).
 */
export interface NotificationFailedEvent {
  type: "notification_failed";
  officers: string[];
  channel: string;
  reason: string;
  via?: string;
  status?: number;
  step?: number;
  loop?: number;
}

/**
 * The officer's device says that it showed the notification.
 */
export interface NotificationShownEvent {
  type: "notification_shown";
  officer: string;
  channel: string;
  step?: number;
  loop?: number;
}

/**
 * The officer tapped the notification. Not an acknowledgement.
 */
export interface NotificationOpenedEvent {
  type: "notification_opened";
  officer: string;
  channel: string;
  step?: number;
  loop?: number;
}

/**
 * `officers` were notified of step `step`, round `loop`, and had not opened that when the next step ran.
 */
export interface NotificationUnopenedEvent {
  type: "notification_unopened";
  officers: string[];
  step: number;
  loop: number;
}

/**
 * The consoles of `consoles` officers in all have confirmed that they show the alarm.
 */
export interface AlarmDeliveredEvent {
  type: "alarm_delivered";
  consoles: number;
}

export interface AlarmSeenEvent {
  type: "alarm_seen";
  by: string;
}

export interface CitizenSaidEvent {
  type: "citizen_said";
  text?: string;
}

export interface OfficerSaidEvent {
  type: "officer_said";
  by: string;
  text?: string;
}

/**
 * `question` is its id; one is open at a time, a new one replaces it.
 */
export interface QuestionAskedEvent {
  type: "question_asked";
  by: string;
  question: string;
  text?: string;
  choices?: string[];
}

export interface QuestionAnsweredEvent {
  type: "question_answered";
  question: string;
  answer?: string;
}

/**
 * What officers said up to version `upto` is on the citizen's device, whose page was not in sight.
 */
export interface TalkDeliveredEvent {
  type: "talk_delivered";
  upto: number;
}

/**
 * What officers said up to version `upto` is on the citizen's page, in sight.
 */
export interface TalkSeenEvent {
  type: "talk_seen";
  upto: number;
}

/**
 * What the citizen added up to version `upto` was in sight on a console of `by`.
 */
export interface TalkReadEvent {
  type: "talk_read";
  by: string;
  upto: number;
}

/**
 * For officers only; the citizen never sees it.
 */
export interface NoteAddedEvent {
  type: "note_added";
  by: string;
  text?: string;
}

/**
 * Where the citizen is now. Of the positions before it the latest `track` are kept beside it, none without.
 */
export interface PositionReportedEvent {
  type: "position_reported";
  track?: number;
  position?: Place;
}

/**
 * The place lies with `station`, which answers from now on; those that were called before keep it in their lists.
 *
 * `why` as in `alarm_raised`. Escalation begins again with that station's people; the citizen's wait goes on.
 */
export interface AlarmReroutedEvent {
  type: "alarm_rerouted";
  station: string;
  backups: string[];
  why: string;
  before: string;
}

/**
 * The first chunk of a photo or recording is stored.
 */
export interface MediaAddedEvent {
  type: "media_added";
  media: string;
  kind: string;
  mime: string;
}

/**
 * All `chunks` are stored. `sha256` (hex) is of the bytes as the citizen's device sent them.
 *
 * `cut`: nobody finished it, and no chunk came for a time; `missing` are the numbers of chunks that never came.
 */
export interface MediaEndedEvent {
  type: "media_ended";
  media: string;
  chunks: number;
  size: number;
  sha256: string;
  cut?: boolean;
  missing?: number[];
}

/**
 * The recording cannot be heard while it is made (`reason`); it is stored all the same.
 */
export interface LiveSoundFailedEvent {
  type: "live_sound_failed";
  media: string;
  reason: string;
}

/**
 * The copies without metadata exist: `copies` by name, the first one of type `mime`. Sizes in pixels and seconds.
 *
 * `peaks`: how loud each hundredth of a recording is, 0 to 100. `position`: what the original's metadata said of it.
 * `kind`: what it is by its bytes, where it came as something else.
 */
export interface MediaReadyEvent {
  type: "media_ready";
  media: string;
  mime: string;
  kind?: string;
  width?: number;
  height?: number;
  duration_s?: number;
  copies?: string[];
  peaks?: number[];
  position?: Place;
}

/**
 * Kept sealed as evidence; no copy could be made (`reason`). `position`: what its metadata said all the same.
 *
 * `kind`: as of `media_ready`.
 */
export interface MediaUnreadableEvent {
  type: "media_unreadable";
  media: string;
  reason: string;
  kind?: string;
  position?: Place;
}

/**
 * The process that was decoding it died, for the time `deaths`: after the first it is tried once more.
 */
export interface MediaWorkerDiedEvent {
  type: "media_worker_died";
  media: string;
  deaths: number;
}

/**
 * `by` uncovered the photo, or listened to the recording, for the first time.
 */
export interface MediaOpenedEvent {
  type: "media_opened";
  by: string;
  media: string;
}

export interface OriginalOpenedEvent {
  type: "original_opened";
  by: string;
  media: string;
  reason?: string;
}

/**
 * `by` called `helpers` (call signs) to a coarse place, with ready-made `tasks` and perhaps words of their own.
 */
export interface HelpersCalledEvent {
  type: "helpers_called";
  by: string;
  helpers: string[];
  tasks: string[];
  text?: string;
}

/**
 * The call is on the screen of helper `by`, which is looked at: no answer yet.
 */
export interface HelperSawCallEvent {
  type: "helper_saw_call";
  by: string;
}

export interface HelperAcceptedEvent {
  type: "helper_accepted";
  by: string;
}

/**
 * `why`: `busy`, `too_far`, `unsafe`, `other`.
 */
export interface HelperDeclinedEvent {
  type: "helper_declined";
  by: string;
  why: string;
}

/**
 * From now on helper `by`, who accepted, is shown the exact place, until released, done or the alarm is closed.
 */
export interface HelperShownPlaceEvent {
  type: "helper_shown_place";
  by: string;
}

/**
 * Helper `by` has done what was asked; the place is gone from their page.
 */
export interface HelperDoneEvent {
  type: "helper_done";
  by: string;
}

/**
 * `by` needs `helpers` no more; the call and the place are gone from their pages.
 */
export interface HelpersReleasedEvent {
  type: "helpers_released";
  by: string;
  helpers: string[];
}

/**
 * `by` holds what people wrote, showed and where they were: it is kept beyond its end date.
 */
export interface ContentHeldEvent {
  type: "content_held";
  by: string;
  reason?: string;
}

/**
 * The hold is over; the end date of the policy counts again.
 */
export interface ContentReleasedEvent {
  type: "content_released";
  by: string;
  reason?: string;
}

/**
 * All words, places and media so far are gone, this reason excepted. `why`: `policy`, or `supervisor` (`by`).
 */
export interface ContentWipedEvent {
  type: "content_wiped";
  why: string;
  by?: string;
  reason?: string;
}

/**
 * The `objects` in which the wiped photos and recordings were kept, sealed originals and copies, are deleted.
 */
export interface MediaRemovedEvent {
  type: "media_removed";
  objects: number;
}

/**
 * The officer can be woken: by this console, the first of theirs that has passed its sound check.
 */
export interface ConsoleReadyEvent {
  type: "console_ready";
  officer: string;
  console: string;
}

/**
 * The officer cannot be woken any more: this was their last ready console.
 *
 * `why`: `closed`, `silent`, `sound_off`, `slow`, `signed_out`.
 */
export interface ConsoleLostEvent {
  type: "console_lost";
  officer: string;
  console: string;
  why: string;
}

/**
 * From now until `until` (RFC 3339) the rota has `officers` on duty.
 */
export interface DutyChangedEvent {
  type: "duty_changed";
  officers: string[];
  until: string;
}

/**
 * An officer came on duty beside the rota, or left it, until `until`.
 */
export interface DutySignedEvent {
  type: "duty_signed";
  officer: string;
  on: boolean;
  until: string;
}

/**
 * More new alarms than people can look at one by one: `count` within `window_s` seconds. Nothing is dropped.
 */
export interface FloodBeganEvent {
  type: "flood_began";
  count: number;
  window_s: number;
}

/**
 * New alarms come at a pace again at which each can be looked at.
 */
export interface FloodEndedEvent {
  type: "flood_ended";
}

/**
 * The store went back to an older copy: what was shown after it may be missing. Positions have a new `epoch`.
 */
export interface StoreRestoredEvent {
  type: "store_restored";
  epoch: string;
}

/**
 * A deadline of the alarm `about` was run, or mended, `by_s` seconds after `due` (RFC 3339). `what` was due.
 */
export interface DeadlineLateEvent {
  type: "deadline_late";
  about: string;
  what: string;
  due: string;
  by_s: number;
}

export type AlarmEvent =
  | AlarmRaisedEvent
  | PlanMadeEvent
  | CheckedInEvent
  | PlanEndedEvent
  | SealedEvent
  | AlarmAcknowledgedEvent
  | AlarmTakenEvent
  | AlarmReleasedEvent
  | AlarmEnRouteEvent
  | AlarmOnSceneEvent
  | AlarmClosedEvent
  | BurstJoinedEvent
  | BurstLedEvent
  | CloseUndoneEvent
  | AlarmReopenedEvent
  | TransferOfferedEvent
  | TransferAcceptedEvent
  | TransferRejectedEvent
  | HandoverOfferedEvent
  | HandoverAcceptedEvent
  | HandoverRejectedEvent
  | HandoverWithdrawnEvent
  | CancelRequestedEvent
  | StepRunEvent
  | AlarmUnansweredEvent
  | OwnerRemindedEvent
  | OwnerLostEvent
  | OwnerBackEvent
  | StationGoneEvent
  | AlarmOverdueEvent
  | AlarmSharedEvent
  | NotificationSentEvent
  | NotificationFailedEvent
  | NotificationShownEvent
  | NotificationOpenedEvent
  | NotificationUnopenedEvent
  | AlarmDeliveredEvent
  | AlarmSeenEvent
  | CitizenSaidEvent
  | OfficerSaidEvent
  | QuestionAskedEvent
  | QuestionAnsweredEvent
  | TalkDeliveredEvent
  | TalkSeenEvent
  | TalkReadEvent
  | NoteAddedEvent
  | PositionReportedEvent
  | AlarmReroutedEvent
  | MediaAddedEvent
  | MediaEndedEvent
  | LiveSoundFailedEvent
  | MediaReadyEvent
  | MediaUnreadableEvent
  | MediaWorkerDiedEvent
  | MediaOpenedEvent
  | OriginalOpenedEvent
  | HelpersCalledEvent
  | HelperSawCallEvent
  | HelperAcceptedEvent
  | HelperDeclinedEvent
  | HelperShownPlaceEvent
  | HelperDoneEvent
  | HelpersReleasedEvent
  | ContentHeldEvent
  | ContentReleasedEvent
  | ContentWipedEvent
  | MediaRemovedEvent
  | ConsoleReadyEvent
  | ConsoleLostEvent
  | DutyChangedEvent
  | DutySignedEvent
  | FloodBeganEvent
  | FloodEndedEvent
  | StoreRestoredEvent
  | DeadlineLateEvent;

export type ErrorCode =
  | "alarm_exists"
  | "already_acknowledged"
  | "bad_message"
  | "chunk_conflict"
  | "chunks_missing"
  | "head_too_large"
  | "live_busy"
  | "media_ended"
  | "not_allowed"
  | "not_found"
  | "not_owner"
  | "not_possible"
  | "not_signed_in"
  | "not_stored"
  | "owns_alarms"
  | "ref_reused"
  | "too_large"
  | "too_many"
  | "too_many_attempts"
  | "too_slow"
  | "undecodable"
  | "unknown_type"
  | "wrong_origin"
  | "wrong_sign_in";
