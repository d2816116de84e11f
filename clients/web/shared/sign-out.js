/** The sign-out. Who sees the sign-in page goes away from the device: it is shown only when the sign-in has ended. */

import { onPurpose } from "./ending.js";

/**
 * Sign out, and leave the page.
 *
 * @returns {Promise<{ code: string } | null>} why not: `owns_alarms`, or `sign_out_unconfirmed` when it was not answered
 */
export async function signOut() {
  onPurpose(true); // the hub may end the socket before it answers
  const answer = await fetch("/session", { method: "DELETE" }).catch(() => null);
  if (!answer?.ok) onPurpose(false);
  if (answer?.status === 409) return answer.json();
  if (!answer?.ok) return { code: "sign_out_unconfirmed" };
  location.assign("/sign-in");
  return null;
}
