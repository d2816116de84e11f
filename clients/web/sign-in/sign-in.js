/** Signing in: sends user and password once, and goes to the page of one's role. Keeps nothing but the language. */

const LANGUAGE = "fujin.lang"; // as on the officers' pages
const HOMES = { officer: "/console", supervisor: "/supervisor", admin: "/supervisor", helper: "/helper" };
const KNOWN = new Set(["wrong_sign_in", "too_many_attempts"]);

/** @type {Record<string, string>} */
let words = {};

const form = /** @type {HTMLFormElement} */ (document.getElementById("sign-in"));
const fault = /** @type {HTMLElement} */ (document.getElementById("fault"));
const user = field("user");
const password = field("password");
const go = control("sign-in");
const show = control("show-password");

/** @param {string} name @returns {HTMLInputElement} */
function field(name) {
  return /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
}

/** @param {string} act @returns {HTMLButtonElement} */
function control(act) {
  return /** @type {HTMLButtonElement} */ (document.querySelector(`[data-act="${act}"]`));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void signIn();
});

show.addEventListener("click", () => {
  const shown = password.type === "password";
  password.type = shown ? "text" : "password";
  show.setAttribute("aria-pressed", String(shown));
  show.dataset["word"] = shown ? "hide" : "show";
  tell(show);
});

control("language").addEventListener("click", async (event) => {
  event.preventDefault();
  const code = document.documentElement.lang.startsWith("zh") ? "en" : "zh";
  await use(code);
  try {
    localStorage.setItem(LANGUAGE, code);
  } catch {
    // Storage is forbidden: the choice lasts as long as the page.
  }
});

async function signIn() {
  if (!user.value.trim() || !password.value) {
    complain("missing", user.value.trim() ? password : user);
    return;
  }
  wait(true);
  const answer = await fetch("/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ user: user.value.trim(), password: password.value }),
  }).catch(() => null);
  const told = await answer?.json().catch(() => ({}));
  if (answer?.ok) {
    location.replace(home(told.role));
    return;
  }
  wait(false);
  if (!answer) complain("no_answer", go);
  else if (KNOWN.has(told.code)) complain(told.code, password);
  else complain("not_signed_in", go, told.message ?? String(answer.status));
  password.select();
}

/** @param {string} role @returns {string} where to go: what was asked for, if it is ours, or the role's own page */
function home(role) {
  const next = new URLSearchParams(location.search).get("next");
  if (role === "helper") return HOMES.helper; // nothing else is theirs
  // One slash and no backslash: what browsers read as another host is not a path of ours.
  if (next && /^\/(?![/\\])[^\\]*$/.test(next)) {
    const address = new URL(next, location.origin);
    if (address.origin === location.origin && address.pathname !== "/sign-in") {
      address.hash ||= location.hash; // what was looked at there
      return address.href;
    }
  }
  return HOMES[/** @type {keyof typeof HOMES} */ (role)] ?? "/console";
}

/** @param {boolean} on */
function wait(on) {
  go.disabled = on;
  go.dataset["word"] = on ? "signing_in" : "sign_in";
  tell(go);
  if (on) fault.hidden = true;
}

/** @param {string} key @param {HTMLElement} where the next thing to do is @param {string} [message] */
function complain(key, where, message = "") {
  fault.dataset["word"] = key;
  fault.dataset["message"] = message;
  tell(fault);
  fault.hidden = false;
  for (const one of [user, password]) one.setAttribute("aria-invalid", String(one === where));
  where.focus();
}

/** @param {HTMLElement} node */
function tell(node) {
  const text = words[node.dataset["word"] ?? ""];
  if (text) node.textContent = text.replace("{message}", node.dataset["message"] ?? "");
}

/** @param {string} code */
async function use(code) {
  const answer = await fetch(`/static/words/sign-in.${code}.json`).catch(() => null);
  if (!answer?.ok) return;
  words = await answer.json();
  document.documentElement.lang = code;
  document.title = words["title"] ?? "";
  for (const node of document.querySelectorAll("[data-word]")) tell(/** @type {HTMLElement} */ (node));
  control("language").setAttribute("aria-label", words["language_label"] ?? "");
}

function remembered() {
  try {
    const code = localStorage.getItem(LANGUAGE);
    return code === "zh" || code === "en" ? code : null;
  } catch {
    return null;
  }
}

const asked = new URLSearchParams(location.search).has("lang");
await use((!asked && remembered()) || document.documentElement.lang);

export {};
