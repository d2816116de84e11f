/** Words both ways, one question at a time, and phrases that need one tap. */

import { send } from "./outbox.js";
import { form, input, make, part, write } from "./page.js";
import { change, drawn, redraw, state } from "./state.js";
import { clock, word } from "./words.js";

const CHOICES = new Set(["yes", "no", "cannot_say", "danger_now"]);

/** @type {Map<string, HTMLElement>} */
const rows = new Map();
let asked = "";

export function prepare() {
  const writing = form("say");
  const text = input(writing, "text");
  const submit = () => {
    say(text.value.trim());
    text.value = "";
    grow();
  };
  const grow = () => {
    text.style.setProperty("height", "auto");
    text.style.setProperty("height", `${Math.min(text.scrollHeight + 2, 160)}px`);
  };
  writing.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  text.addEventListener("input", grow);
  text.addEventListener("keydown", (event) => {
    // Enter also ends a Chinese input method's word; that one is not for us.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  for (const chip of document.querySelectorAll("[data-phrase]")) {
    chip.addEventListener("click", () =>
      say(word(/** @type {HTMLElement} */ (chip).dataset["phrase"] ?? "")),
    );
  }
  drawn(draw);
}

/** @param {string} text what was typed goes out, shown as not there yet until it is */
export function say(text) {
  if (!text) return;
  /** @type {import("./types.js").Unsaid} */
  const unsaid = { ref: "", text, mark: "say_waiting" };
  /** @param {"" | "say_failed"} mark */
  const set = (mark) => {
    unsaid.mark = mark;
    redraw();
  };
  unsaid.ref = send(
    "say",
    { text },
    () => set(""),
    () => set("say_failed"),
  );
  change({ unsaid: [...state.unsaid, unsaid] });
}

function draw() {
  if (state.phase === "form") return;
  const said = part("said");
  /** @type {[string, import("./types.js").Said, string][]} */
  const lines = [];
  const { text, category } = state.alarm ?? {};
  const first = [category && word(`category_${category}`), text].filter(Boolean).join("\n");
  if (first) {
    lines.push(["first", { who: "citizen", text: first }, state.phase === "waiting" ? "say_waiting" : ""]);
  }
  const read = [...state.talk]
    .reverse()
    .find((one) => one.who === "citizen" && (one.n ?? Infinity) <= state.read);
  for (const one of state.talk) {
    // The open question stands below, with its answers.
    if (!one.question || one.question !== state.question?.question) {
      lines.push([`n${one.n ?? one.question}`, one, one === read ? "say_read" : ""]);
    }
  }
  for (const one of state.unsaid) {
    lines.push([one.ref, { who: "citizen", text: one.text }, one.mark]);
  }
  const kept = new Set(lines.map(([key]) => key));
  for (const [key, row] of rows) {
    if (kept.has(key)) continue;
    row.remove();
    rows.delete(key);
  }
  for (const [at, [key, one, mark]] of lines.entries()) {
    let row = rows.get(key);
    const fresh = !row;
    row ??= make("li", `line ${one.who}`, make("span", "who"), wordsOf(), make("small", "when"));
    rows.set(key, row);
    const [who, words, when] = row.children;
    if (who) write(who, word(one.who === "officer" ? "officer" : "you"));
    if (words) write(words, one.answers ? choice(one.text) : one.text);
    if (when) write(when, [one.at && clock(one.at), mark && word(mark)].filter(Boolean).join(" · "));
    row.classList.toggle("unsaid", !!mark && one !== read);
    if (said.children[at] !== row) said.insertBefore(row, said.children[at] ?? null);
    if (fresh && one.who === "officer") row.scrollIntoView({ block: "nearest" });
  }
  part("talk-empty").hidden = lines.length > 0;
  drawQuestion();
}

function drawQuestion() {
  const box = part("question");
  const question = state.question;
  box.hidden = !question;
  const key = question ? question.question + document.documentElement.lang : "";
  if (key === asked) return;
  asked = key;
  write(part("question-text"), question?.text ?? "");
  part("choices").replaceChildren(
    ...(question?.choices ?? []).map((code) => {
      const button = make("button", "choice", choice(code));
      button.dataset["act"] = "answer";
      button.dataset["choice"] = code;
      button.addEventListener("click", () => answer(question?.question ?? "", code));
      return button;
    }),
  );
  if (question) box.scrollIntoView({ block: "nearest" });
}

/** @param {string} question @param {string} code */
function answer(question, code) {
  send("answer", { question, answer: code });
  change({ question: null });
}

/** In whatever direction they are written. */
function wordsOf() {
  const words = make("p", "words");
  words.dir = "auto";
  return words;
}

/** @param {string} code one of the known choices, or an officer's own words */
const choice = (code) => (CHOICES.has(code) ? word(`choice_${code}`) : code);
