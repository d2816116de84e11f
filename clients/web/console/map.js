/**
 * The map in an alarm's story: a still picture under the place in words, which opens large to move about in. Beside it
 * everything that is on it is said in words. Leaflet comes only when the first map is wanted.
 */

import { html, useComputed, useEffect, useRef, useState, useValue } from "../shared/dom.js";
import { headline } from "../shared/alarm.js";
import { useDialog } from "../shared/focus.js";
import { secondsSince, tick } from "../shared/time.js";
import { mention } from "../shared/told.js";
import { lang, t } from "../shared/words.js";
import { converted } from "./map-datum.js";
import { facts, gotAt } from "./map-facts.js";
import { MapList } from "./map-list.js";
import { useNear } from "./near.js";

/** @import { Alarm } from "../shared/types.d.ts" */
/** @typedef {import("./map-facts.js").Fact} Fact */
/** @typedef {import("./map-tiles.js").Tiles} Tiles */
/** @typedef {import("./map-view.js").Area} Area */
/** @typedef {import("./map-view.js").View} View */
/** @typedef {import("../shared/streets.js").Streets} Streets */
/** @typedef {{ areas: Area[], tiles: Tiles | null, streets: Streets | null }} Ground */
/** @typedef {Ground & { facts: Fact[], old: boolean }} Known */

const OLD_S = 60;

/** What was fetched once, by address. @type {Map<string, Promise<any>>} */
const fetched = new Map();

/** @param {string} address @returns {Promise<any>} kept until it fails */
function once(address) {
  let found = fetched.get(address);
  if (!found) {
    found = fetch(address).then((got) =>
      got.ok ? got.json() : Promise.reject(new Error(String(got.status))),
    );
    found.catch(() => fetched.delete(address));
    fetched.set(address, found);
  }
  return found;
}

/**
 * The areas around the station, and tiles or streets, when all are known.
 *
 * @param {string} station
 * @returns {Ground | null}
 */
function useGround(station) {
  const [ground, setGround] = useState(/** @type {Ground | null} */ (null));
  useEffect(() => {
    let gone = false;
    const map = once("/map");
    const streets = map.then((told) => (told.streets ? once(told.streets) : null));
    void Promise.allSettled([once(`/areas/${station}`), map, streets]).then(([areas, map, streets]) => {
      if (gone) return;
      setGround({
        areas: areas?.status === "fulfilled" ? areas.value.areas : [],
        tiles: map?.status === "fulfilled" ? map.value.tiles : null,
        streets: streets?.status === "fulfilled" ? streets.value : null,
      });
    });
    return () => void (gone = true);
  }, [station]);
  return ground;
}

/** @param {{ alarm: Alarm }} props */
export function PlaceMap({ alarm }) {
  const [large, setLarge] = useState(false);
  const ground = useGround(alarm.station);
  const near = useNear(alarm);
  const at = gotAt(alarm.position);
  const old = useComputed(() => Boolean(at) && secondsSince(at ?? 0, tick.value) > OLD_S, [at]);
  if (!ground) return null;
  const { tiles } = ground;
  const all = facts(alarm, near ?? { known: false, officers: [], helpers: [] }, tiles?.datum ?? "wgs84");
  const known = { ...ground, facts: all, old };
  const open = () => setLarge(true);
  const placed = all.some((one) => one.kind !== "officer" && one.kind !== "helper");
  return html`
    <div class="place-map" data-part="map">
      ${placed ? html`<${Still} known=${known} open=${open} />` : null}
      <div class="map-under">
        <button class="chip" data-act="map-open" onClick=${open}>
          ${t(placed ? "map.open" : "map.open_area")}
        </button>
      </div>
      <${MapList} alarm=${alarm} known=${known} near=${near} brief=${true} />
      ${large ? html`<${Large} alarm=${alarm} known=${known} near=${near} shut=${() => setLarge(false)} />` : null}
    </div>
  `;
}

/** The picture under the words. A tap opens it; for everybody else the button after it does. @param {{ known: Known, open: () => void }} props */
function Still({ known, open }) {
  return html`
    <div class="map-still" onClick=${open}>
      <${Picture} known=${known} still=${true} label=${t("map.still")} />
    </div>
  `;
}

/** @param {{ known: Known, still: boolean, label: string, ready?: (view: View | null) => void, children?: any }} props */
function Picture({ known, still, label, ready, children }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const view = useRef(/** @type {View | null} */ (null));
  const latest = useRef(known);
  const [fault, setFault] = useState("");
  const language = useValue(lang);
  latest.current = known;
  const draw = () => view.current?.show({ ...latest.current, lang: language });
  useEffect(() => {
    let gone = false;
    const failed = () => gone || setFault("map.tiles_failed");
    const make = async () => {
      const { makeView } = await import("./map-view.js");
      if (gone || !box.current) return;
      const { tiles, streets } = latest.current;
      const made = await makeView(box.current, { still, tiles, streets, converted, failed });
      if (gone) return made.remove();
      view.current = made;
      draw();
      box.current.dataset["drawn"] = "";
      return ready?.(made);
    };
    make().catch(() => gone || setFault("map.failed"));
    return () => {
      gone = true;
      view.current?.remove();
      view.current = null;
    };
  }, [known.tiles, known.streets]);
  useEffect(() => {
    if (fault) mention(t(fault));
  }, [fault]);
  useEffect(draw, [known.facts, known.areas, known.old, language]);
  return html`
    <div class="map-stage">
      <div
        class="map-box ${known.tiles ? "tiled" : known.streets ? "streets" : ""}"
        ref=${box}
        role=${still ? "img" : "application"}
        aria-label=${label}
        data-map=${still ? "still" : "large"}
      ></div>
      ${known.streets ? html`<p class="map-invented">${t("map.invented")}</p>` : null} ${children}
    </div>
    ${fault ? html`<p class="map-fault hint" data-fault=${fault}>${t(fault)}</p>` : null}
    ${known.tiles?.attribution ? html`<p class="map-from">${known.tiles.attribution}</p>` : null}
  `;
}

/** @param {{ alarm: Alarm, known: Known, near: import("./near.js").Near | null, shut: () => void }} props */
function Large({ alarm, known, near, shut }) {
  const dialog = useDialog();
  const [view, setView] = useState(/** @type {View | null} */ (null));
  const controls = [
    { act: "map-in", sign: "+", does: () => view?.zoom(1) },
    { act: "map-out", sign: "−", does: () => view?.zoom(-1) },
    { act: "map-here", sign: "◎", does: () => view?.fit() },
  ];
  return html`
    <dialog ref=${dialog} class="map-large" aria-label=${t("map.title")} onClose=${shut}>
      <header>
        <h2><b class="code">${alarm.code}</b> <bdi>${headline(alarm)}</bdi></h2>
        <button class="plain" data-act="map-close" onClick=${() => dialog.current?.close()}>
          ${t("map.close")}
        </button>
      </header>
      <div class="map-frame">
        <${Picture} known=${known} still=${false} label=${t("map.keys")} ready=${setView}>
          <div class="map-controls" role="group" aria-label=${t("map.controls")}>
            ${controls.map(
              ({ act, sign, does }) => html`
                <button key=${act} data-act=${act} aria-label=${t(`map.${act.slice(4)}`)} onClick=${does}>
                  <span aria-hidden="true">${sign}</span>
                </button>
              `,
            )}
          </div>
        <//>
      </div>
      <${MapList} alarm=${alarm} known=${known} near=${near} brief=${false} />
    </dialog>
  `;
}
