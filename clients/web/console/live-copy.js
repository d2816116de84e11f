/** The growing copy of a recording, fetched part after part for as long as it grows; knows nothing of playing it. */

const AGAIN_MS = 2000;

/** @typedef {{ at: number, length: number }} Gap seconds */
/** @typedef {{ name: string, state: string, seconds: number, size: number, gaps: Gap[], bytes: ArrayBuffer | null }} News */
/**
 * @typedef {object} Listener
 * @property {(news: News) => void} news more of it is there, or it ended: `state` says how
 * @property {() => void} again it begins anew: what was got belongs to another copy
 * @property {(why: "busy" | "away") => void} waits it does not come now, and is tried again
 * @property {(why: "failed" | "gone") => void} over nothing will come any more
 */

/**
 * Follow the copy at `url` until it has ended or `signal` says so.
 *
 * @param {string} url of the recording
 * @param {boolean} wanted whether the bytes are wanted, or only what is said of them
 * @param {Listener} listener
 * @param {AbortSignal} signal
 */
export async function follow(url, wanted, listener, signal) {
  let name = "";
  let have = 0;
  while (!signal.aborted) {
    try {
      const headers = { Range: `bytes=${have}-`, ...(name && { "If-Match": `"${name}"` }) };
      const answer = await fetch(`${url}/live`, { headers, signal, cache: "no-store" });
      if (answer.status === 412) {
        name = "";
        have = 0;
        listener.again();
        continue;
      }
      if (answer.status >= 500) {
        listener.waits("busy");
        await pause();
        continue;
      }
      if (!answer.ok) {
        const told = await answer.json().catch(() => ({}));
        listener.over(told.reason ? "failed" : "gone");
        return;
      }
      if (!answer.headers.has("ETag")) continue; // it is being begun
      const news = read(answer.headers);
      name = news.name;
      if (answer.status !== 204) {
        if (wanted) {
          news.bytes = await answer.arrayBuffer();
          have += news.bytes.byteLength;
        } else {
          await answer.body?.cancel();
          have = news.size;
        }
      }
      // What is still to be fetched comes before the end is told.
      const ended = news.state !== "growing" && have >= news.size;
      listener.news(ended ? news : { ...news, state: "growing" });
      if (ended) return;
    } catch {
      if (signal.aborted) return;
      listener.waits("away");
      await pause();
    }
  }
}

/** @param {Headers} headers @returns {News} */
function read(headers) {
  const gaps = (headers.get("Live-Gaps") ?? "").split(",").filter(Boolean);
  return {
    name: (headers.get("ETag") ?? "").replaceAll('"', ""),
    state: headers.get("Live-State") ?? "growing",
    seconds: Number(headers.get("Live-Seconds")),
    size: Number(headers.get("Live-Bytes")),
    gaps: gaps.map((gap) => {
      const [at = 0, length = 0] = gap.split("+").map(Number);
      return { at, length };
    }),
    bytes: null,
  };
}

const pause = () => new Promise((go) => setTimeout(go, AGAIN_MS));
