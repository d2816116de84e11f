/** What comes after the alarm is on its way, because it needs none of this: the receipt's details, photos, sound. */

import { prepare as media } from "./media.js";
import { addPhotos, prepare as photo } from "./photo.js";
import { prepare as receipt } from "./receipt.js";
import { prepare as record } from "./record.js";
import { redraw } from "./state.js";

/** @param {FileList | null} chosen photos that were chosen before the alarm was sent */
export function prepare(chosen) {
  for (const begin of [receipt, media, photo, record]) begin();
  addPhotos(chosen);
  redraw();
}
