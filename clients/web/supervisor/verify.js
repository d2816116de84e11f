/** Recomputes the chain of each station's history and says OK, or names the first broken link. */

import { html, useState, useValue } from "../shared/dom.js";
import { config, stationName, user } from "../shared/session.js";
import { t } from "../shared/words.js";

/** @typedef {{ station: string, ok?: boolean, events?: number, head?: string, broken_at?: number, why?: string }} Verdict */

/** @param {string} station @returns {Promise<Verdict>} */
async function verify(station) {
  try {
    const answer = await fetch(`/log/verify?station=${encodeURIComponent(station)}`);
    const body = await answer.json();
    return answer.ok ? body : { station, why: body.message };
  } catch (fault) {
    return { station, why: String(fault) };
  }
}

/** @param {Verdict} verdict */
function words(verdict) {
  const why = verdict.why ?? "";
  if (verdict.ok) {
    return t("verify.ok", { n: verdict.events ?? 0, head: verdict.head?.slice(0, 12) ?? "" });
  }
  if (verdict.ok === false) return t("verify.broken", { broken_at: verdict.broken_at ?? 0, why });
  return t("verify.failed", { why });
}

export function Verify() {
  const me = useValue(user);
  const stations = me.station ? [me.station] : Object.keys(useValue(config).stations);
  const [verdicts, setVerdicts] = useState(/** @type {Verdict[]} */ ([]));
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    setVerdicts([]);
    for (const station of stations) {
      const verdict = await verify(station);
      setVerdicts((before) => [...before, verdict]);
    }
    setBusy(false);
  };
  return html`
    <section class="card verify" aria-label=${t("verify.title")}>
      <div class="card-head">
        <div>
          <h3>${t("verify.title")}</h3>
          <p class="hint">${t("verify.hint")}</p>
        </div>
        <button data-act="verify" disabled=${busy} onClick=${run}>
          ${t(busy ? "verify.busy" : "verify.run")}
        </button>
      </div>
      <ul role="status">
        ${verdicts.map(
          (verdict) => html`
            <li
              key=${verdict.station}
              class=${verdict.ok ? "ok" : "broken"}
              data-verdict=${verdict.station}
              data-ok=${String(verdict.ok === true)}
            >
              <b>${stationName(verdict.station)}</b> <span>${words(verdict)}</span>
            </li>
          `,
        )}
      </ul>
    </section>
  `;
}
