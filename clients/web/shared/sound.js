/**
 * The tone and the voice: rounds that repeat and grow until nothing rings. Rounds are laid ahead on the audio clock
 * whenever a message comes, so a hidden tab, whose timers slow down, rings all the same.
 * Never makes a sound before the sound check's click.
 */

import { signal } from "/static/vendor/signals-core.js";

import { areHere, soon } from "./clips.js";

const AHEAD_S = 20; // four beats of the hub
const TONE_S = 1.1;
const PAUSE_S = 0.9;
const OUTPUT_MS = 3000; // a device that plays answers sooner
const LOUDNESS = [0.25, 0.4, 0.55, 0.7, 0.85, 1];

/** Which sound can come out: `off` before the check, `blocked` when the browser took it away, `on`. */
export const sound = signal(/** @type {"off" | "blocked" | "on"} */ ("off"));

/** Whether an alarm sounds here now. */
export const sounding = signal(false);

/** In the place of a clip: the tone alone, whatever rings. */
export const FLOOD = "flood";

/** @type {AudioContext | null} */
let audio = null;
let checked = false;
/** The rounds that are laid ahead or sounding: their gains, and what sounds through each. @type {Map<GainNode, AudioScheduledSourceNode[]>} */
const laid = new Map();
let round = 0;
let laidUntil = 0;
let ringing = "";
let unspoken = false; // what is laid lacks a voice that had not come yet
let tries = 0;

function look() {
  sound.value = !checked ? "off" : audio?.state === "running" ? "on" : "blocked";
}

/**
 * Play one loud round, from a click: tone, then the clip.
 *
 * @param {string} clip none when empty
 * @param {(played: boolean) => void} tell false where there is nothing to play it on, which Firefox never says by
 *   itself; true once it plays, which may come after that: a busy computer answers late
 */
export async function tryOut(clip, tell) {
  const mine = ++tries;
  const late = setTimeout(() => mine === tries && tell(false), OUTPUT_MS);
  try {
    audio ??= new AudioContext();
    audio.onstatechange = look;
    await audio.resume();
  } catch {
    // Said below.
  }
  clearTimeout(late);
  if (mine !== tries) return;
  look();
  if (audio?.state !== "running") {
    tell(false);
    return;
  }
  const [voice] = await soon(audio, voiced([clip]));
  if (mine !== tries) return;
  lay(audio.currentTime + 0.05, 0.8, voice ?? null);
  look();
  tell(true);
}

/** Whoever tried it went away: nothing sounds later. */
export function stopTrying() {
  tries += 1;
}

/** The person heard it, or says that they did not. @param {boolean} heard */
export function answer(heard) {
  checked = heard;
  if (!heard) hush();
  look();
}

/**
 * Ring with these clips, or stop when there are none. Called on every change and every message: lays rounds ahead.
 *
 * @param {readonly string[]} names
 */
export function ring(names) {
  const key = names.join(" ");
  if (!key || !audio || sound.peek() !== "on") {
    if (ringing) hush();
    return;
  }
  if (key !== ringing || (unspoken && areHere(voiced(names)))) {
    const before = ringing && round;
    hush(); // other clips from now on, or those that have come, as loud as it was
    round = before || 0;
  }
  ringing = key;
  sounding.value = true;
  void layRounds(key, names);
}

/**
 * One tone, soft unless told otherwise, told apart by pitch and count: the owner is reminded, is lost, something went
 * stale, or this page can soon wake nobody.
 *
 * @param {number} pitch
 * @param {number} [times]
 * @param {number} [loudness]
 */
export function remind(pitch, times = 2, loudness = 0.3) {
  if (!audio || sound.peek() !== "on") return;
  const gain = out(audio, loudness);
  const at = audio.currentTime + 0.02;
  for (let n = 0; n < times; n++) beep(audio, gain, at + n * 0.28, pitch, 0.16);
  end(gain, at, 0.28 * times + 0.1);
}

function hush() {
  ringing = "";
  unspoken = false;
  sounding.value = false;
  laidUntil = 0;
  for (const [gain, sources] of laid) {
    gain.disconnect();
    for (const source of sources) source.stop(); // else it is kept until it would have been over
  }
  laid.clear();
}

/** @param {string} key @param {readonly string[]} names */
async function layRounds(key, names) {
  if (!audio) return;
  const voices = await soon(audio, voiced(names));
  if (ringing !== key) return;
  unspoken ||= !areHere(voiced(names));
  laidUntil = Math.max(laidUntil, audio.currentTime + 0.02);
  while (laidUntil < audio.currentTime + AHEAD_S) {
    const voice = voices[round % voices.length] ?? null;
    const loudness = LOUDNESS[Math.min(round, LOUDNESS.length - 1)] ?? 1;
    laidUntil += lay(laidUntil, loudness, voice) + PAUSE_S;
    round += 1;
  }
}

/**
 * @param {number} at seconds on the audio clock
 * @param {number} loudness
 * @param {AudioBuffer | null} voice
 * @returns {number} how long it lasts, in seconds
 */
function lay(at, loudness, voice) {
  if (!audio) return 0;
  const gain = out(audio, loudness);
  [660, 880, 660, 880].forEach((pitch, n) => beep(audio, gain, at + n * 0.26, pitch, 0.2));
  if (!voice) return end(gain, at, TONE_S);
  const source = new AudioBufferSourceNode(audio, { buffer: voice });
  source.connect(gain);
  source.start(at + TONE_S);
  laid.get(gain)?.push(source);
  return end(gain, at, TONE_S + voice.duration);
}

/** @param {GainNode} gain @param {number} at @param {number} lasts */
function end(gain, at, lasts) {
  if (!audio) return lasts;
  const last = new OscillatorNode(audio, { frequency: 1 });
  last.onended = () => {
    gain.disconnect();
    laid.delete(gain);
  };
  last.start(at);
  last.stop(at + lasts);
  laid.get(gain)?.push(last);
  return lasts;
}

/** @param {AudioContext} context @param {number} loudness */
function out(context, loudness) {
  const gain = new GainNode(context, { gain: loudness });
  gain.connect(context.destination);
  laid.set(gain, []);
  return gain;
}

/** @param {AudioContext | null} context @param {GainNode} gain @param {number} at @param {number} pitch @param {number} lasts */
function beep(context, gain, at, pitch, lasts) {
  if (!context) return;
  const shape = new GainNode(context, { gain: 0 });
  const tone = new OscillatorNode(context, { type: "triangle", frequency: pitch });
  shape.gain.setValueAtTime(0, at);
  shape.gain.linearRampToValueAtTime(0.9, at + 0.015); // no click at the edges
  shape.gain.setValueAtTime(0.9, at + lasts - 0.03);
  shape.gain.linearRampToValueAtTime(0, at + lasts);
  tone.connect(shape).connect(gain);
  tone.start(at);
  tone.stop(at + lasts);
  laid.get(gain)?.push(tone);
}

/** Without the flood's sound, and without what a page that has no voice asks for: the tone alone. @param {readonly string[]} names */
function voiced(names) {
  return names.filter((name) => name && name !== FLOOD);
}
