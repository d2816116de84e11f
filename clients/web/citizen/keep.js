/** What stays on the device, and only while it must: an alarm that is not stored yet, and a way back if asked for.
 *  The alarm is on the disk before this says so: what goes to `localStorage` is lost when the browser is killed. */

/** @typedef {import("./types.js").Alarm} Alarm */
/** @typedef {import("./types.js").Back} Back */

const PENDING = "p";
const BACK = "b";

/** One after the other, so that dropping comes after keeping. @type {Promise<unknown>} */
let turn = Promise.resolve();
let left = false;

/** @returns {Promise<Alarm | null>} */
export const pending = () =>
  use(false, "readonly", (store) => store.get(PENDING)).then(
    (alarm) => alarm ?? null,
    () => null, // there is none, and looking made none
  );

/** @param {Alarm} alarm @returns {Promise<boolean>} whether it is on the disk; not where storage is full or forbidden */
export function keepPending(alarm) {
  const kept = turn.then(() => left || use(true, "readwrite", (store) => store.put(alarm, PENDING)));
  turn = kept.catch(() => undefined);
  return kept.then(
    () => !left,
    () => false,
  );
}

/** The whole database goes: an empty one would also tell that somebody was here. */
export function dropPending() {
  turn = turn.then(erase);
}

/**
 * @param {boolean} make the database, if there is none
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} work
 * @returns {Promise<any>} what the work gave, when it is on the disk
 */
function use(make, mode, work) {
  return new Promise((done, failed) => {
    const opening = indexedDB.open(PENDING);
    opening.onerror = failed;
    opening.onupgradeneeded = () => {
      if (make) opening.result.createObjectStore(PENDING);
      else opening.transaction?.abort();
    };
    opening.onsuccess = () => {
      const base = opening.result;
      const doing = base.transaction(PENDING, mode, { durability: "strict" });
      const asked = work(doing.objectStore(PENDING));
      doing.oncomplete = () => {
        base.close();
        done(asked.result);
      };
      doing.onabort = failed;
      base.onversionchange = () => base.close();
    };
  });
}

function erase() {
  try {
    indexedDB.deleteDatabase(PENDING);
  } catch {
    // Storage is forbidden: then nothing was left.
  }
}

/** @returns {Back | null} */
export function wayBack() {
  try {
    return JSON.parse(localStorage.getItem(BACK) ?? "null");
  } catch {
    return null;
  }
}

/** @param {Back} back */
export function keepWayBack(back) {
  try {
    localStorage.setItem(BACK, JSON.stringify(back));
  } catch {
    // Full or forbidden: then there is no way back.
  }
}

export function dropWayBack() {
  try {
    localStorage.removeItem(BACK);
  } catch {
    // Forbidden: then there was none.
  }
}

/** Everything this site left on the device goes, but for the way back that the person asked for. */
export function leaveNoTrace() {
  const back = wayBack();
  left = true; // what waits for its turn comes too late
  erase();
  try {
    localStorage.clear();
    sessionStorage.clear();
  } catch {
    // Forbidden: then nothing was left.
  }
  if (back) keepWayBack(back);
  // An installed page keeps its shell, where the deployment allows that: it goes too.
  void globalThis.caches?.keys().then((names) => names.forEach((name) => caches.delete(name)));
  void navigator.serviceWorker?.getRegistrations().then((all) => all.forEach((one) => one.unregister()));
}
