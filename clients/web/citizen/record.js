/** Sound, sent second by second while it is recorded: what was said before the page was closed is already there. */

import { onLeave } from "./exit.js";
import { lastWord } from "./http.js";
import { streamSound } from "./media.js";
import { control, part } from "./page.js";
import { tell } from "./words.js";

const SLICE_MS = 1000; // shorter slices come empty in Safari
const FORMS = ["audio/webm;codecs=opus", "audio/mp4"];

/** @type {MediaRecorder | null} */
let recorder = null;
/** @type {import("./media.js").Stream | null} */
let stream = null;
let asking = false;

export function prepare() {
  onLeave(leave);
  const button = control("record");
  if (!navigator.mediaDevices || !("MediaRecorder" in window)) {
    button.hidden = true;
    part("record-note").hidden = true;
    return;
  }
  button.addEventListener("click", () => {
    if (recorder) stop();
    else void start(button);
  });
}

/** @param {HTMLButtonElement} button */
async function start(button) {
  if (asking) return;
  asking = true;
  /** @type {MediaStream} */
  let sound;
  try {
    sound = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch {
    // Asked for once; the rest of the page goes on as before.
    button.hidden = true;
    tell(part("record-note"), "record_refused");
    return;
  } finally {
    asking = false;
  }
  const mimeType = FORMS.find((form) => MediaRecorder.isTypeSupported(form));
  const made = new MediaRecorder(sound, { audioBitsPerSecond: 16_000, ...(mimeType && { mimeType }) });
  const sent = streamSound(made.mimeType || "audio/mp4", SLICE_MS / 1000);
  made.ondataavailable = ({ data }) => data.size && sent.push(data);
  made.onstop = () => {
    sent.end();
    for (const track of sound.getTracks()) track.stop();
    if (recorder === made) rest();
  };
  made.start(SLICE_MS);
  recorder = made;
  stream = sent;
  button.classList.add("on");
  button.setAttribute("aria-pressed", "true");
  tell(part("record-word"), "record_stop");
}

function stop() {
  if (recorder?.state !== "inactive") recorder?.stop();
}

/** The page is being left: what is there already is all there will be. */
function leave() {
  const end = recorder && stream?.last();
  if (end && "chunks" in end.body && end.body.chunks) lastWord(end.path, end.body);
  stop();
}

function rest() {
  recorder = null;
  stream = null;
  const button = control("record");
  button.classList.remove("on");
  button.setAttribute("aria-pressed", "false");
  tell(part("record-word"), "record");
}
