/** Sound, sent second by second while it is recorded: what was said before the page was closed is already there. */

import { asked } from "./asked.js";
import { onLeave } from "./exit.js";
import { lastWord } from "./http.js";
import { streamSound } from "./media.js";
import { control, part } from "./page.js";
import { tell } from "./words.js";

const SLICE_MS = 1000; // shorter slices come empty in Safari
const FORMS = ["audio/webm;codecs=opus", "audio/mp4"];
/** An engine that has given nothing for so long records nothing, whatever it says. */
const NOTHING_MS = 6000;

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
    tell(part("record-note"), "record_none");
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
    sound = await asked({ audio: true }, part("record-note"), "record_unanswered");
  } catch {
    // Asked for once; the rest of the page goes on as before.
    button.hidden = true;
    tell(part("record-note"), "record_refused");
    return;
  } finally {
    asking = false;
  }
  tell(part("record-note"), "record_note");
  const made = begin(sound);
  if (!made) {
    quiet(sound);
    tell(part("record-note"), "record_failed");
    return;
  }
  button.classList.add("on");
  button.setAttribute("aria-pressed", "true");
  tell(part("record-word"), "record_stop");
}

/** @param {MediaStream} sound @returns {MediaRecorder | null} that records; null when the engine cannot */
function begin(sound) {
  const mimeType = FORMS.find((form) => MediaRecorder.isTypeSupported(form));
  /** @type {MediaRecorder} */
  let made;
  /** @type {import("./media.js").Stream | null} */
  let sent = null; // nothing stands on the page as recorded before there is some of it
  let timer = 0;
  let failed = false;
  let done = false;
  const fail = () => {
    failed = true;
    if (made.state === "inactive") over();
    else made.stop();
  };
  const waits = () => {
    // A page that nobody sees may be held up, and its sound with it.
    timer = window.setTimeout(() => (document.hidden ? waits() : fail()), NOTHING_MS);
  };
  const over = () => {
    if (done) return;
    done = true;
    clearTimeout(timer);
    sent?.end();
    quiet(sound);
    if (recorder === made) rest();
    if (failed) tell(part("record-note"), sent ? "record_cut" : "record_failed");
  };
  try {
    made = new MediaRecorder(sound, { audioBitsPerSecond: 16_000, ...(mimeType && { mimeType }) });
    made.ondataavailable = ({ data }) => {
      if (!data.size) return;
      clearTimeout(timer);
      sent ??= streamSound(made.mimeType || data.type || "audio/mp4", SLICE_MS / 1000);
      if (recorder === made) stream = sent;
      sent.push(data);
    };
    made.onerror = fail;
    made.onstop = over;
    made.start(SLICE_MS);
  } catch {
    return null;
  }
  recorder = made;
  stream = null;
  waits();
  return made;
}

/** @param {MediaStream} sound */
function quiet(sound) {
  for (const track of sound.getTracks()) track.stop();
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
