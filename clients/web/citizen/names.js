/** Names that this device makes, so that every attempt over any channel is the same request. */

/** @param {number} n */
const random = (n) => crypto.getRandomValues(new Uint8Array(n));

/** @param {Uint8Array} bytes */
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** @returns {string} a UUIDv7; `crypto.randomUUID` is missing where the page is not served by TLS */
export function uuid() {
  const bytes = random(16);
  let ms = Date.now();
  for (let i = 5; i >= 0; i--, ms = Math.floor(ms / 256)) bytes[i] = ms % 256;
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** @returns {string} 256 bits in base64url */
export function secret() {
  const text = btoa(String.fromCharCode(...random(32)));
  return text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** @returns {string} four digits, evenly spread */
export function pin() {
  const [number = 0] = crypto.getRandomValues(new Uint32Array(1));
  return String(number % 10_000).padStart(4, "0");
}
