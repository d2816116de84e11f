/**
 * The names by which the staff's pages know what travels (`protocol.d.ts` has it all), and what is no part of the
 * protocol. Used by the type checker only.
 */

import type { Alarm, ConsoleRequest, DoneFrame, Duty as WholeDuty, ErrorFrame } from "./protocol.d.ts";

export type {
  After as Position,
  Alarm,
  AlarmEvent,
  CloseRequest,
  ConsoleFrame as Frame,
  ConsoleRequest as Request,
  EventFrame,
  Found,
  HelperEntry,
  MediaEntry,
  NoteEntry,
  Notice,
  Place,
  SnapshotFrame,
  StoryFrame,
  SubscribedFrame,
  TalkEntry,
  User,
} from "./protocol.d.ts";

export type Status = Alarm["status"];

/** Before the first snapshot nobody knows until when. */
export type Duty = Omit<WholeDuty, "until"> & { until?: string };

export type Without<T, K extends string> = T extends unknown ? Omit<T, K> : never;

/** What a page asks; the link gives the `ref`. */
export type Asked = Without<Exclude<ConsoleRequest, { type: "subscribe" | "delivered" }>, "ref">;

/** A command on an alarm. */
export type Command = Extract<ConsoleRequest, { alarm: string }>;
export type CommandName = Command["type"];

/** What a command says beside its type and its alarm; may be left out where nothing is needed. */
export type More<T extends CommandName> = T extends unknown
  ? Omit<Extract<Command, { type: T }>, "type" | "ref" | "alarm">
  : never;
type MoreOf<T extends CommandName> = object extends More<T> ? [more?: More<T>] : [more: More<T>];

/** Gives a command and says whether it was done. */
export type Give = <T extends CommandName>(type: T, alarm: Alarm, ...more: MoreOf<T>) => Promise<boolean>;

/** A command that needs no words. */
export type Bare = { [T in CommandName]: object extends More<T> ? T : never }[CommandName];

/** The page's own answer to what could not be sent for too long. */
export type NotSent = Pick<ErrorFrame, "type" | "retry"> & { ref: string; code: "not_sent" };
export type Fault = ErrorFrame | (NotSent & { by?: string; message?: string; advice?: string });
export type Answer = DoneFrame | Fault;

/** An event as the log keeps it, perhaps of another version than this page: which members it has must be looked at. */
export type LoggedEvent = { type: string } & Record<string, unknown>;

export interface LogRow {
  station: string;
  offset: number;
  at: string;
  alarm: string | null;
  /** What people call the alarm that the event is of, or about. */
  code?: string;
  version?: number;
  event: LoggedEvent;
  wiped?: boolean;
  /** Of which photo or recording the event is, as people count them. */
  item?: { kind: "photo" | "audio"; number: number };
}

export interface Config {
  languages: string[];
  stations: Record<string, Record<string, string>>;
  default_station?: string;
  zones?: Record<string, string>;
  voice?: boolean;
  limits?: Record<string, number>;
  title?: Record<string, string>;
  policies?: Record<string, { seen_by_all: boolean }>;
  console?: { owner_lost_s: number; grace_s: number; undo_close_s: number };
}
