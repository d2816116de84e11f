/** The device is asked for its microphone or camera; a question that stands unanswered is said, and what else there is. */

import { UNANSWERED_MS } from "./position.js";
import { tell } from "./words.js";

/**
 * @param {MediaStreamConstraints} wanted
 * @param {HTMLElement} note
 * @param {string} unanswered what it says then
 * @returns {Promise<MediaStream>} rejects when it is refused
 */
export async function asked(wanted, note, unanswered) {
  const late = setTimeout(() => tell(note, unanswered), UNANSWERED_MS);
  try {
    return await navigator.mediaDevices.getUserMedia(wanted);
  } finally {
    clearTimeout(late);
  }
}
