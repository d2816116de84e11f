/** The voice of a round: clips that are fetched once, decoded and kept. No tone waits for one that does not come. */

const SOON_MS = 500; // a round begins without a voice that is not here by then
const FETCH_MS = 10_000; // a line that carries nothing says so to nobody: then it is asked for again

/** Decoded; null where the hub has none. @type {Map<string, AudioBuffer | null>} */
const here = new Map();
/** @type {Map<string, Promise<AudioBuffer | null>>} */
const coming = new Map();

/**
 * The clips that are here by now or soon.
 *
 * @param {AudioContext} audio decodes them
 * @param {readonly string[]} names
 * @returns {Promise<(AudioBuffer | null)[]>} null for each that has no voice, or none yet
 */
export async function soon(audio, names) {
  const late = new Promise((go) => setTimeout(go, SOON_MS));
  await Promise.race([late, Promise.all(names.map((name) => fetched(audio, name)))]);
  return names.map((name) => here.get(name) ?? null);
}

/** Whether none of them is still to come. @param {readonly string[]} names */
export function areHere(names) {
  return names.every((name) => here.has(name));
}

/** @param {AudioContext} audio @param {string} name @returns {Promise<AudioBuffer | null>} */
async function fetched(audio, name) {
  const clip = here.get(name);
  if (clip !== undefined) return clip;
  const asked = coming.get(name) ?? load(audio, name).finally(() => coming.delete(name));
  coming.set(name, asked);
  return asked;
}

/** Without its clip an alarm rings by the tone. @param {AudioContext} audio @param {string} name */
async function load(audio, name) {
  try {
    const answer = await fetch(`/voice/${name}.wav`, { signal: AbortSignal.timeout(FETCH_MS) });
    if (answer.ok) here.set(name, await audio.decodeAudioData(await answer.arrayBuffer()));
    else if (answer.status === 404) here.set(name, null);
  } catch {
    // Perhaps the network: the next round tries again.
  }
  return here.get(name) ?? null;
}
