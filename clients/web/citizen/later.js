/** What comes after the alarm is on its way, because it needs none of this: talk, place, receipt, photos, sound. */

import { prepare as fates } from "./fates.js";
import { prepare as heard } from "./heard.js";
import { prepare as place } from "./place.js";
import { addPhotos, prepare as photo } from "./photo.js";
import { prepare as receipt } from "./receipt.js";
import { prepare as record } from "./record.js";
import { styled } from "./style.js";
import { redraw } from "./state.js";
import { prepare as talk } from "./talk.js";
import { loadLater } from "./words.js";

// Nothing is shown before it has its form.
await Promise.all([styled("later"), loadLater()]);

/** @param {FileList | null} chosen photos that were chosen before the alarm was sent */
export function prepare(chosen) {
  for (const begin of [talk, heard, place, receipt, fates, photo, record]) begin();
  addPhotos(chosen);
  redraw();
}
