/** What the citizen's modules hand one another; for the checker only, so that a phone never fetches it. */

export interface Rung {
  step: string;
  at: string;
  consoles?: number;
}

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
  sent: number;
  total: number;
  seconds: number;
  failed: boolean;
  done: boolean;
}

export interface Question {
  question: string;
  text: string;
  choices: string[];
}

export interface Alarm {
  id: string;
  secret: string;
  pin?: string;
  kind: string;
  lang: string;
  text?: string;
  category?: string;
  needs?: string[];
  place?: string;
  position?: object;
  /** Seconds within which its citizen checks in: it is only planned. */
  check_in_s?: number;
  startedAt?: number;
}

/** A position as it is sent: the device's, or shown by hand (`pin`). */
export interface Place {
  lat: number;
  lon: number;
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
  kind: string;
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
  finding: "" | "asking" | "none";
  status: string;
  /** Of a plan: until when its citizen has to check in. */
  checkInBy: string;
  /** Of a plan: how many seconds each check-in gives, as the server has it; 0 while it has not said. */
  checkInS: number;
  /** The server's time less this device's, ms. */
  skew: number;
  ladder: Rung[];
  talk: Said[];
  unsaid: Unsaid[];
  question: Question | null;
  media: Record<string, string>;
  sending: Sending[];
  cancel: "" | "sending" | "requested";
  failures: number;
  /** The server was reached, and could not store it. */
  unstored: boolean;
  /** When the server was last heard, ms; 0 before the first time. */
  heardAt: number;
  live: boolean;
}

/** Something on its way to the server. */
export interface Item {
  type: string;
  ref: string;
  members: Record<string, unknown>;
  done: (answer?: any) => void;
  failed: () => void;
}

declare global {
  /** What the hub tells the worker to keep; written before its script. */
  const SHELL: { version: string; files: string[] };
}
