/** The citizen's page: makes the served form, which works without it, into one that follows its alarm.
 *  Silent: nothing here plays, vibrates, speaks or notifies. */

import { prepare as exit } from "./exit.js";
import { prepare as ladder } from "./ladder.js";
import { prepare as line } from "./link.js";
import { part } from "./page.js";
import { prepare as position } from "./position.js";
import { prepare as raise } from "./raise.js";
import { redraw } from "./state.js";
import { language, load, use } from "./words.js";

exit();
part("languages").addEventListener("click", async (event) => {
  event.preventDefault();
  const { lang } = /** @type {HTMLElement} */ (event.target);
  if (!lang) return;
  await load(lang);
  use(lang);
  redraw();
});

line();
await load(language());
use(language());
document.documentElement.classList.add("js");
for (const prepare of [ladder, position, raise]) prepare();
const other = document.querySelector("#languages a:not([hidden])")?.getAttribute("lang");
if (other) void load(other); // so that switching needs no network
