/** Where this page runs as an installed app its shell is kept, so that it opens without a network. In a tab nothing is
 *  kept: the app is a trace that somebody chose, a tab must not become one. Leaving clears it (keep.js). */

/** Safari's own way to tell. @returns {{standalone?: boolean}} */
const navigatorOf = () => /** @type {any} */ (navigator);

if (matchMedia("(display-mode: standalone)").matches || navigatorOf().standalone) {
  void navigator.serviceWorker?.register("/shell.js", { updateViaCache: "none" });
}
