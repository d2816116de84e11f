/** The citizen's page: makes the served form, which works without it, into one that follows its alarm.
 *  Silent: nothing here plays, vibrates, speaks or notifies. */

import { prepare as exit } from "./exit.js";
import { prepare as ladder } from "./ladder.js";
import { control } from "./page.js";
import { prepare as position } from "./position.js";
import { prepare as raise } from "./raise.js";
import { redraw } from "./state.js";
import { prepare as talk } from "./talk.js";
import { language, load, use } from "./words.js";

const other = () => (language() === "zh" ? "en" : "zh");

exit();
control("language").addEventListener("click", async (event) => {
  event.preventDefault();
  const code = other();
  await load(code);
  use(code);
  redraw();
});

await load(language());
use(language());
document.documentElement.classList.add("js");
for (const prepare of [ladder, talk, position, raise]) prepare();
void load(other()); // so that switching needs no network
