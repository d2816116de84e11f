/** What travels on the console's socket, as the protocol says it; used by the type checker only. */

export interface Place {
  lat: number;
  lon: number;
  accuracy_m?: number | null;
  at?: string | null;
  datum?: "wgs84" | "gcj02";
  source?: string | null;
}

export interface TalkEntry {
  who: "citizen" | "officer";
  by?: string;
  text?: string;
  at: string;
  question?: string;
  choices?: string[];
  answers?: string;
}

export interface NoteEntry {
  by: string;
  text?: string;
  at: string;
}

export interface MediaEntry {
  kind: "photo" | "audio";
  mime: string;
  at: string;
  state: "receiving" | "stored" | "ready" | "unreadable" | "wiped" | "removed";
  copy?: string;
  width?: number;
  height?: number;
  duration_s?: number;
  copies?: string[];
  reason?: string;
  cut?: boolean;
  missing?: number[];
  not_live?: string;
  opened_by?: string[];
}

/** What was found inside a photo or recording. */
export interface Found {
  position?: Place;
  peaks?: number[];
}

/** A helper who was called. */
export interface HelperEntry {
  state: "called" | "accepted" | "declined" | "done" | "released";
  at: string;
  called_at: string;
  by: string;
  tasks: string[];
  call: string;
  seen_at?: string;
  why?: string;
  shown_at?: string;
}

/** Who is near an alarm, as `GET /nearby/{alarm}` answers. */
export interface NearOne {
  name: string;
  position: Place | null;
  distance_m: number | null;
  at: string;
}
export interface Near {
  officers: (NearOne & { station: string })[];
  helpers: (NearOne & { kind?: string; state?: HelperEntry["state"] })[];
}

export type Status = "raised" | "acknowledged" | "en_route" | "on_scene" | "closed";

export interface Alarm {
  id: string;
  version: number;
  home: string;
  station: string;
  status: Status;
  kind: string;
  code: string;
  lang: string;
  channel: string;
  why: string;
  raised_at: string;
  since: string;
  cycle: number;
  backups?: string[];
  shared?: string[];
  category?: string;
  needs?: string[];
  plan?: "missed" | "pressed" | "duress";
  owner?: string;
  owner_station?: string;
  owned_at?: string;
  owner_lost_at?: string;
  acknowledged_at?: string;
  moved_at?: string;
  arrived_at?: string;
  closed_at?: string;
  disposition?: string;
  reminded_at?: string;
  handover?: { by: string; at: string; summary?: string; to?: string };
  transfer?: { to: string; by: string; at: string; reason?: string };
  cancel?: "requested" | "duress";
  step?: number;
  loop: number;
  step_at?: string;
  audience?: string[];
  called?: string[];
  unanswered_at?: string;
  overdue_at?: string;
  due?: string;
  consoles: number;
  delivered_at?: string;
  seen_at?: string;
  seen_by?: string[];
  text?: string;
  position?: Place;
  place?: string;
  question?: string;
  talk_delivered?: number;
  talk_seen?: number;
  talk?: Record<string, TalkEntry>;
  notes?: Record<string, NoteEntry>;
  media?: Record<string, MediaEntry>;
  helpers?: Record<string, HelperEntry>;
  calls?: Record<string, { text: string }>;
  held?: { by: string; at: string; reason: string };
  wiped_at?: string;
  found?: Record<string, Found>;
}

export interface Duty {
  officers: string[];
  until?: string;
  signed: Record<string, boolean>;
  ready: string[];
  flood?: { since: string };
}

export interface Position {
  epoch: string;
  offset: number;
}

export interface User {
  name: string;
  role: "officer" | "supervisor" | "admin";
  station: string | null;
}

export interface SnapshotFrame {
  type: "snapshot";
  station: string;
  position: Position;
  alarms: Alarm[];
  duty?: Partial<Duty>;
}

/** One event as it is logged: `type` and the members of that type. */
export type AlarmEvent = { type: string } & Record<string, unknown>;

export interface EventFrame {
  type: "event";
  station: string;
  position: Position;
  at: string;
  alarm: string | null;
  version?: number;
  event: AlarmEvent;
  changes?: Record<string, unknown>;
}

export interface LogRow {
  station: string;
  offset: number;
  at: string;
  alarm: string | null;
  version?: number;
  event: AlarmEvent;
  wiped?: boolean;
}

export interface Answer {
  type: "ok" | "error";
  ref: string;
  code?: string;
  message?: string;
  retry?: boolean;
  advice?: string;
  by?: string;
  version?: number;
  now?: string;
  helpers?: string[];
  until?: string;
  recovered?: Record<string, boolean>;
  user?: User;
}

/** What must be known of the system itself; which members there are depends on the code. */
export interface Notice {
  code: string;
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
}

export type Frame =
  SnapshotFrame | EventFrame | Answer | { type: "notices"; notices: Notice[] } | { type: "beat"; at: string };

export interface Config {
  languages: string[];
  stations: Record<string, Record<string, string>>;
  voice?: boolean;
  limits?: Record<string, number>;
  title?: Record<string, string>;
  policies?: Record<string, { seen_by_all: boolean }>;
  console?: { owner_lost_s: number; grace_s: number; undo_close_s: number };
}
