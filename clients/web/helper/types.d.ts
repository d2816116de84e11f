/** What travels on the helper's socket, as the protocol says it; used by the type checker only. */

export interface Coarse {
  lat: number;
  lon: number;
  within_m: number;
}

export interface Exact {
  lat?: number;
  lon?: number;
  accuracy_m?: number;
  at?: string;
  datum?: "wgs84" | "gcj02";
  wgs84?: [number, number];
  gcj02?: [number, number];
  words?: string;
}

export interface Call {
  call: string;
  state: "called" | "accepted";
  called_at: string;
  at: string;
  station: Record<string, string>;
  tasks: string[];
  text?: string;
  coarse?: Coarse;
  exact?: Exact;
  distance_m?: number;
}

export interface Hello {
  type: "hello";
  now: string;
  name: string;
  kind: string | null;
  station: Record<string, string>;
  on: boolean;
  sent_at: string | null;
  until: string | null;
  coarse_m: number;
}

export interface Answer {
  type: "ok" | "error";
  ref: string;
  code?: string;
  message?: string;
  retry?: boolean;
  on?: boolean;
  sent_at?: string;
  until?: string;
  state?: string;
}

export type Frame = Hello | Answer | { type: "calls"; calls: Call[] } | { type: "beat"; at: string };

/** Where this device is, as it said itself (WGS-84). */
export interface Here {
  lat: number;
  lon: number;
  accuracy_m: number;
  at: string;
}
