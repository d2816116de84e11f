/** What became of each photo and recording, in words; where something stands in its way, what the person can do. */

import { make, part, write } from "./page.js";
import { drawn, state } from "./state.js";
import { tell, word } from "./words.js";

/** @import { Sending } from "./types.js" */

/** What stands in the way: the words for it, and whether another try can begin. */
const TROUBLES = /** @type {Record<string, string>} */ ({
  late: "media_late",
  unread: "media_unread",
  empty: "media_empty",
  too_large: "media_too_large",
  too_many: "media_too_many",
  refused: "media_failed",
});

/** @type {Map<Sending, HTMLElement>} */
const rows = new Map();

export function prepare() {
  drawn(() => {
    /** @type {string[]} */
    const news = [];
    for (const shown of state.sending) {
      let row = rows.get(shown);
      if (!row) {
        row = make(
          "li",
          "",
          make("span", "", make("span", ""), make("bdi", "file")),
          make("span", "how-far"),
        );
        rows.set(shown, row);
        row.lastElementChild?.setAttribute("id", `fate-${rows.size}`);
        part("sent").append(row);
      }
      const [name, far, choice] = row.children;
      const trouble = TROUBLES[shown.fate];
      if (trouble && row.dataset["fate"] !== shown.fate) {
        news.push(`${word(shown.name)} ${shown.file}: ${word(trouble)}`);
      }
      if (name?.firstChild) write(name.firstChild, word(shown.name));
      // Which one it is matters only where something is to be done.
      if (name?.lastChild) write(name.lastChild, trouble ? shown.file : "");
      if (far) write(far, howFar(shown));
      row.dataset["fate"] = shown.fate;
      row.classList.toggle("there", shown.fate === "there" && state.media[shown.id] !== "unreadable");
      row.classList.toggle("trouble", !!trouble);
      if (choice && choice.getAttribute("data-of") !== shown.fate) choice.remove();
      if (trouble && !row.querySelector(".choice-row")) row.append(choices(shown, far));
    }
    // Who listens to the page hears of it once; how far all others are would be too much.
    if (news.length) write(part("sent-said"), news.join(" "));
  });
}

/** @param {Sending} shown @param {Element | undefined} of the words that say what stands in the way */
function choices(shown, of) {
  const row = make("span", "choice-row");
  row.dataset["of"] = shown.fate;
  // What is tried by itself all the time needs no button for it.
  if (shown.fate !== "late") row.append(button("media_again", "media-again", shown.again));
  row.append(button("media_leave", "media-leave", shown.leave));
  if (of) {
    for (const each of row.children) each.setAttribute("aria-describedby", of.id);
  }
  return row;
}

/** @param {string} key @param {string} act @param {() => void} does */
function button(key, act, does) {
  const made = make("button", "plain");
  made.setAttribute("type", "button");
  made.dataset["act"] = act;
  tell(made, key);
  made.addEventListener("click", does);
  return made;
}

/** @param {Sending} shown */
function howFar(shown) {
  const there = state.media[shown.id];
  if (there === "ready") return word(shown.kind === "audio" ? "media_ready_audio" : "media_ready");
  if (there === "unreadable") return word("media_unreadable");
  if (shown.fate === "there") return word("media_stored");
  if (shown.fate === "left") return word(shown.sent ? "media_left_part" : "media_left");
  const trouble = TROUBLES[shown.fate];
  if (trouble) return word(trouble);
  if (shown.kind === "audio" && shown.sent) return word("media_streaming", { n: Math.round(shown.seconds) });
  if (shown.sent) return word("media_sending", { n: Math.round((100 * shown.sent) / shown.total) });
  return word("media_waiting");
}
