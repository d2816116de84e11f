/** What the person sees of their place, and how they tell it themselves: in words, or on a picture. */

import { control, form, input, part, write } from "./page.js";
import { follow, report } from "./position.js";
import { drawn, redraw, state } from "./state.js";
import { say } from "./talk.js";
import { word } from "./words.js";

const COARSE_M = 200;
const OLD_MS = 60_000;

export function prepare() {
  control("position").addEventListener("click", () => {
    follow();
    report();
  });
  control("where").addEventListener("click", () => input(form("place"), "place").focus());
  const place = form("place");
  place.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input(place, "place").value.trim();
    if (text) say(word("place_say", { place: text }));
    place.reset();
  });
  control("spot").addEventListener("click", () => void showPicture());
  drawn(draw);
  setInterval(redraw, 10_000);
}

async function showPicture() {
  try {
    await (await import("./spot.js")).open();
  } catch {
    write(part("spot-said"), word("spot_none"));
  }
}

function draw() {
  const { place, finding, status } = state;
  // What is over follows nobody, and looks the same however a plan was ended.
  part("where").hidden = status === "closed" || status === "ended";
  const byHand = place?.source === "pin";
  const lines = [];
  if (place) {
    const key = byHand ? "spot_sent" : place.accuracy_m > COARSE_M ? "position_coarse" : "position_sent";
    lines.push(word(key, { n: Math.ceil(place.accuracy_m) }));
    const age = Date.now() - Date.parse(place.at);
    if (age > OLD_MS && !byHand) lines.push(word("position_old", { n: Math.round(age / 60_000) }));
  } else if (finding) {
    lines.push(word(`position_${finding}`));
  }
  write(part("position"), lines.join(" "));
  const button = control("position");
  button.hidden = !byHand && (!!place || finding !== "");
  control("where").hidden = !!place && (byHand || place.accuracy_m <= COARSE_M);
  write(button, word(byHand ? "spot_undo" : "position_off"));
}
