/** The sign-out. Who sees the sign-in page goes away from the device: it is shown only when the sign-in has ended. */

/**
 * Sign out, and leave the page.
 *
 * @returns {Promise<{ code: string } | null>} why not: `owns_alarms`, or `still_signed_in` when nobody could be asked
 */
export async function signOut() {
  const answer = await fetch("/session", { method: "DELETE" }).catch(() => null);
  if (answer?.status === 409) return answer.json();
  if (!answer?.ok) return { code: "still_signed_in" };
  location.assign("/sign-in");
  return null;
}
