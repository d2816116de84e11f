/** What a page cannot begin without: asked for until it is answered, for a line may be away for a moment. */

const AGAIN_MS = 1000;

/**
 * @param {string} address
 * @returns {Promise<{ status: number, told: any }>} never rejects: nobody would hear of it in a page that is being left
 */
export async function answered(address) {
  for (;;) {
    const answer = await fetch(address).catch(() => null);
    const told = await answer?.json().catch(() => undefined);
    if (answer && answer.status < 500 && told !== undefined) return { status: answer.status, told };
    await new Promise((go) => setTimeout(go, AGAIN_MS));
  }
}
