/**
 * The list of alarms: who waits longest first. Only the rows in view are in the page, and the one that has the
 * keyboard, so hundreds of alarms cost as much as fifty and focus never jumps.
 */

import { headline, priority } from "../shared/alarm.js";
import {
  html,
  useClassOfMoving,
  useComputed,
  useLayoutEffect,
  useRef,
  useState,
  useValue,
} from "../shared/dom.js";
import { Mark } from "../shared/mark.js";
import { pending, stationName, user } from "../shared/session.js";
import { clock, secondsSince, secondsTo, span, tick } from "../shared/time.js";
import { t } from "../shared/words.js";
import { handedToMe, isLost, unseenBy } from "./claims.js";
import { MediaMarks } from "./media-mark.js";
import { cursor, groups, offeredToMe, open, search, selected } from "./state.js";
import { unread } from "./unread.js";

/** @import { Alarm } from "../shared/types.d.ts" */
/** @typedef {{ key: string, top: number, height: number, head?: string, words?: string, count?: number, alarm?: Alarm }} Item */

const ROW = 76;
const HEAD = 36;
const BEYOND = 6 * ROW;

/** @param {import("./state.js").Group[]} parts @returns {Item[]} */
function place(parts) {
  /** @type {Item[]} */
  const items = [];
  let top = 0;
  for (const { name, key, words, alarms } of parts) {
    items.push({ key: `head-${key ?? name}`, top, height: HEAD, head: name, words, count: alarms.length });
    top += HEAD;
    for (const alarm of alarms) {
      items.push({ key: alarm.id, top, height: ROW, alarm });
      top += ROW;
    }
  }
  return items;
}

export function List() {
  const items = place(useValue(groups));
  const chosen = useValue(selected);
  const on = useValue(cursor);
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [view, setView] = useState({ top: 0, height: 900 });
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const look = () =>
      setView({ top: Math.floor(element.scrollTop / ROW) * ROW, height: element.clientHeight });
    const watcher = new ResizeObserver(look);
    watcher.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    look();
    return () => {
      watcher.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, []);
  const last = items.at(-1);
  const near = items.filter(
    (item) =>
      item.alarm?.id === on ||
      (item.top + item.height > view.top - BEYOND && item.top < view.top + view.height + BEYOND),
  );
  return html`
    <section class="list" aria-label=${t("list.title")}>
      <label class="search">
        <span class="spoken">${t("list.search")}</span>
        <input
          type="search"
          data-act="search"
          dir="auto"
          placeholder=${t("list.search")}
          value=${search.value}
          onInput=${(/** @type {InputEvent & { currentTarget: HTMLInputElement }} */ event) => {
            search.value = event.currentTarget.value;
          }}
        />
      </label>
      <div class="scroll" ref=${box}>
        <ul class="rows" style=${{ height: `${last ? last.top + last.height : 0}px` }}>
          ${near.map((item) =>
            item.alarm
              ? html`<${Row}
                  key=${item.key}
                  alarm=${item.alarm}
                  top=${item.top}
                  chosen=${item.alarm.id === chosen}
                />`
              : html`
                  <li key=${item.key} class="group ${item.head}" style=${{ top: `${item.top}px` }}>
                    <span>${item.words ?? t(`group.${item.head}`)}</span>
                    <span class="count">${item.count}</span>
                  </li>
                `,
          )}
        </ul>
        ${items.length ? null : html`<p class="none">${t(search.value ? "list.nothing_found" : "list.none")}</p>`}
      </div>
    </section>
  `;
}

/** @param {{ alarm: Alarm, top: number, chosen: boolean }} props */
function Row({ alarm, top, chosen }) {
  const wait = useValue(pending).get(alarm.id);
  const me = useValue(user);
  const news = useComputed(() => unread.value.get(alarm.id) ?? 0, [alarm.id]);
  const mine = alarm.owner === me.name;
  const row = useClassOfMoving(`row ${alarm.status} ${chosen ? "chosen" : ""} ${mine ? "mine" : ""}`);
  const offer = (offeredToMe(alarm) || handedToMe(alarm)) && !mine;
  const missing = useComputed(() => unseenBy(alarm).join(" "), [alarm]);
  const where =
    alarm.place ||
    t(alarm.position ? "place.position_only" : inMedia(alarm) ? "place.in_media" : "place.none");
  const others = me.station && alarm.home !== me.station ? `${stationName(alarm.home)} · ` : "";
  const who = alarm.status === "raised" ? "" : ` · ${mine ? t("alarm.you") : (alarm.owner ?? "")}`;
  return html`
    <li ref=${row} style=${{ top: `${top}px` }}>
      <button
        data-act="open"
        data-alarm=${alarm.id}
        data-status=${alarm.status}
        data-unseen=${missing || undefined}
        aria-current=${chosen ? "true" : undefined}
        onClick=${() => open(alarm.id)}
        onFocus=${() => (cursor.value = alarm.id)}
      >
        <${Mark} status=${alarm.status} />
        <span class="priority" data-priority=${priority(alarm)}>
          <span class="spoken">${t("priority.word")}</span>${priority(alarm)}
        </span>
        <span class="line"
          ><span class="what" dir="auto">${headline(alarm)}</span><${Since} alarm=${alarm}
        /></span>
        <span class="line">
          <span class="where">${others}<bdi>${where}</bdi></span>
          <${MediaMarks} alarm=${alarm} />
          ${news ? html`<b class="unread" data-unread=${news}>${t("unread.row", { n: news })}</b>` : null}
        </span>
        <span class="line"
          ><span class="state">
            ${offer ? html`<b class="offered">${t(handedToMe(alarm) ? "alarm.handed" : "alarm.offered")}</b> · ` : null}
            ${isLost(alarm) ? html`<b class="lost">${t("alarm.owner_lost")}</b> · ` : null}
            ${alarm.cancel === "duress" ? html`<b class="duress">${t("alarm.duress_short")}</b> · ` : null}
            ${wait ? t(wait.queued ? "pending.queued" : `pending.${wait.type}`) : t(`status.${alarm.status}`)}
            ${wait ? null : who}
          </span>
          <span class="next">
            <${Next} alarm=${alarm} />
            ${missing && alarm.status !== "raised" ? html`<b class="unseen" data-part="unseen">${t("seen.not_by", { names: missing })}</b>` : null}
          </span></span
        >
      </button>
    </li>
  `;
}

/** @param {Alarm} alarm */
function inMedia(alarm) {
  return Object.values(alarm.found ?? {}).some((found) => found.position);
}

/** @param {{ alarm: Alarm }} props */
function Since({ alarm }) {
  const text = useComputed(() => {
    if (alarm.status === "closed") return clock(alarm.closed_at);
    const seconds = secondsSince(alarm.since, tick.value);
    return seconds < 3600 ? span(seconds) : clock(alarm.since);
  }, [alarm]);
  return html`<time class="since" datetime=${alarm.since}>${text}</time>`;
}

/** @param {{ alarm: Alarm }} props */
function Next({ alarm }) {
  const text = useComputed(() => {
    if (alarm.status !== "raised" || !alarm.due || alarm.quiet) return "";
    return t("list.next_in", { n: secondsTo(alarm.due, tick.value) });
  }, [alarm]);
  return html`${text}`;
}
