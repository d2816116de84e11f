/** Photos from the device or from the camera inside the page: a small version first, the full one after. */

import { asked } from "./asked.js";
import { onLeave } from "./exit.js";
import { sendPhoto, within } from "./media.js";
import { control, part } from "./page.js";
import { tell } from "./words.js";

const SMALL_BYTES = 200_000;
const SMALL_EDGE = 1600; // px

/** @type {MediaStream | null} */
let camera = null;
let asking = false;

export function prepare() {
  onLeave(closeCamera);
  const files = /** @type {HTMLInputElement} */ (/** @type {unknown} */ (control("photo")));
  files.addEventListener("change", () => {
    addPhotos(files.files);
    files.value = "";
  });
  const open = control("camera");
  if (!navigator.mediaDevices) {
    open.hidden = true;
    tell(part("camera-note"), "camera_none");
  }
  open.addEventListener("click", () => void openCamera(open));
  control("camera-take").addEventListener("click", () => void takeFrame());
  control("camera-close").addEventListener("click", closeCamera);
}

/** @param {FileList | null} files */
export function addPhotos(files) {
  for (const file of files ?? []) void add(file);
}

/** @param {Blob} file */
async function add(file) {
  const small = file.size > SMALL_BYTES ? await within(shrink(file)).catch(() => null) : null;
  if (small) sendPhoto(small, "media_photo");
  // A form this browser cannot open (HEIC) goes as it is; the server can open it.
  sendPhoto(file, small ? "media_photo_full" : "media_photo");
}

/** @param {Blob} file @returns {Promise<Blob | null>} a JPEG of at most SMALL_BYTES */
async function shrink(file) {
  const image = await createImageBitmap(file);
  const canvas = document.createElement("canvas");
  let scale = Math.min(1, SMALL_EDGE / Math.max(image.width, image.height));
  for (let quality = 0.8; scale > 0.05; quality > 0.5 ? (quality -= 0.15) : (scale *= 0.7)) {
    canvas.width = Math.round(image.width * scale);
    canvas.height = Math.round(image.height * scale);
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await jpeg(canvas, quality);
    if (blob && blob.size <= SMALL_BYTES) return blob;
  }
  return null;
}

/** @param {HTMLCanvasElement} canvas @param {number} quality @returns {Promise<Blob | null>} */
const jpeg = (canvas, quality) => new Promise((go) => canvas.toBlob(go, "image/jpeg", quality));

const video = () => /** @type {HTMLVideoElement} */ (part("camera").querySelector("video"));

/** @param {HTMLButtonElement} open */
async function openCamera(open) {
  if (asking) return; // two answers would be two pictures, of which one never ends
  asking = true;
  const note = part("camera-note");
  try {
    camera = await asked(
      { video: { facingMode: "environment", width: { ideal: 1920 } } },
      note,
      "camera_unanswered",
    );
  } catch {
    refuse();
    return;
  } finally {
    asking = false;
  }
  tell(note, "camera_note");
  video().srcObject = camera; // starts by its `autoplay`: this page never plays anything itself
  part("camera").hidden = false;
  open.hidden = true;
}

async function takeFrame() {
  const { videoWidth, videoHeight } = video();
  if (!videoWidth) return;
  const canvas = document.createElement("canvas");
  canvas.width = videoWidth;
  canvas.height = videoHeight;
  canvas.getContext("2d")?.drawImage(video(), 0, 0);
  await add((await jpeg(canvas, 0.92)) ?? new Blob()); // of a camera that gives nothing it is said
}

function closeCamera() {
  for (const track of camera?.getTracks() ?? []) track.stop();
  camera = null;
  video().srcObject = null;
  part("camera").hidden = true;
  control("camera").hidden = !navigator.mediaDevices;
}

function refuse() {
  control("camera").hidden = true;
  tell(part("camera-note"), "camera_refused");
}
