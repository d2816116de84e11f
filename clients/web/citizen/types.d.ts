/** What the citizen's modules hand one another; for the checker only, so that a phone never fetches it. */

import type { AskedFrame, CitizenRequest, Position, RaiseBody, Rung } from "../shared/protocol.d.ts";

export type { Rung };

export interface Said {
  n?: number;
  who: string;
  text: string;
  at?: string;
  question?: string;
  answers?: string;
  choices?: string[];
}

export interface Unsaid {
  ref: string;
  text: string;
  mark: "" | "say_waiting" | "say_failed";
}

export interface Sending {
  id: string;
  kind: "photo" | "audio";
  name: string;
  /** What the device calls it; empty for what was made here. */
  file: string;
  sent: number;
  total: number;
  seconds: number;
  /** On its way, also where it is not getting through (`late`); there; cannot be sent, and why; left by the person. */
  fate: "going" | "late" | "there" | "unread" | "empty" | "too_large" | "too_many" | "refused" | "left";
  again: () => void;
  leave: () => void;
}

export type Question = Omit<AskedFrame, "type">;

export type Kind = NonNullable<RaiseBody["kind"]>;

/** As it is sent; `startedAt` only if it came back to this page. */
export type Alarm = RaiseBody & { kind: Kind; lang: string; startedAt?: number };

/** A position as it is sent: the device's, or shown by hand (`pin`). */
export interface Place extends Position {
  accuracy_m: number;
  at: string;
  datum: "wgs84";
  source: "browser" | "pin";
}

export interface Receipt {
  code: string;
  station: { id: string; name: string };
}

/** The way back to an alarm, kept on the device only if the person asked for it. */
export interface Back {
  id: string;
  secret: string;
  code: string;
  lang: string;
  kind: Kind;
}

/** All that the page knows. */
export interface State {
  phase: "form" | "waiting" | "stored" | "gone";
  alarm: Alarm | null;
  /** The alarm is on this device's disk until it is stored. */
  kept: boolean;
  receipt: Receipt | null;
  place: Place | null;
  /** Why there is no place of the device yet. */
  finding: "" | "asking" | "unanswered" | "none";
  status: string;
  /** Of a plan: until when its citizen has to check in. */
  checkInBy: string;
  /** Of a plan: how many seconds each check-in gives, as the server has it; 0 while it has not said. */
  checkInS: number;
  /** The server's time less this device's, ms. */
  skew: number;
  ladder: Rung[];
  talk: Said[];
  /** The entries up to this number were in sight of an officer. */
  read: number;
  unsaid: Unsaid[];
  question: Question | null;
  media: Record<string, string>;
  sending: Sending[];
  cancel: "" | "sending" | "requested";
  failures: number;
  /** Why it is not there: the server was reached and could not store it; it, or something before it, refuses. */
  unsent: "" | "unstored" | "refused";
  /** When the server was last heard, ms; 0 before the first time. */
  heardAt: number;
  live: boolean;
}

/** What may be sent once the alarm is stored; the line to the server gives the `ref`. */
type Later = Exclude<CitizenRequest, { type: "raise" | "resume" | "media_chunk" | "media_end" }>;
export type Name = Later["type"];
export type Members<T extends Name> = T extends unknown
  ? Omit<Extract<Later, { type: T }>, "type" | "ref">
  : never;

/** Something on its way to the server. */
export interface Item {
  type: Name;
  ref: string;
  members: { position?: object | null };
  done: (answer?: any) => void;
  failed: () => void;
}

declare global {
  /** What the hub tells the worker to keep; written before its script. */
  const SHELL: { version: string; files: string[] };
}
