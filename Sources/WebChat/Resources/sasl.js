// SCRAM (RFC 5802, RFC 7677) and tokens (XEP-0484), with the browser's own cryptography.

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));
export const fromBase64 = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
export const textToBase64 = (text) => toBase64(encoder.encode(text));
export const base64ToText = (text) => decoder.decode(fromBase64(text));

/** Mechanisms of SCRAM, strongest first, and what they hash with. */
export const SCRAM_MECHANISMS = { "SCRAM-SHA-256": "SHA-256", "SCRAM-SHA-1": "SHA-1" };

async function keyOf(bytes, hash = "SHA-256") {
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash }, false, ["sign"]);
}

async function hmac(key, text) {
  const bytes = typeof text === "string" ? encoder.encode(text) : text;
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes));
}

const same = (one, other) => one.length === other.length && one.every((byte, index) => byte === other[index]);

/** A password as both sides write it (RFC 4013 §2, for what people can type). */
const prepared = (password) => password
  .replace(/[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/g, " ")
  .replace(/[\u00AD\u034F\u1806\u180B-\u180D\u200C\u200D\u2060\uFE00-\uFE0F\uFEFF]/g, "")
  .normalize("NFKC");

/**
 * What a password becomes once the server has told its salt: enough to prove it again, but not the password. The key
 * cannot be taken out of the browser's memory by a script.
 */
export class ScramKey {
  static async derive(password, salt, iterations, hash) {
    const secret = encoder.encode(prepared(password));
    const material = await crypto.subtle.importKey("raw", secret, "PBKDF2", false, ["deriveBits"]);
    const length = hash === "SHA-1" ? 160 : 256;
    const bits = await crypto.subtle.deriveBits({ name: "PBKDF2", hash, salt, iterations }, material, length);
    const key = new ScramKey();
    key.made = `${hash} ${toBase64(salt)} ${iterations}`;
    key.salted = await keyOf(bits, hash);
    return key;
  }

  fits(salt, iterations, hash) { return this.made === `${hash} ${toBase64(salt)} ${iterations}`; }
}

/** One exchange. `secret` has a `password` or a `key`; `key` is there afterwards. */
export class Scram {
  constructor(mechanism, user, secret) {
    this.hash = SCRAM_MECHANISMS[mechanism];
    this.secret = secret;
    this.nonce = toBase64(crypto.getRandomValues(new Uint8Array(18)));
    const name = user.replace(/=/g, "=3D").replace(/,/g, "=2C");
    this.first = `n=${name},r=${this.nonce}`;
  }

  initial() { return textToBase64(`n,,${this.first}`); }

  /** The answer to the challenge. Throws `Error("expired")` when only the password itself could answer. */
  async answer(challenge) {
    const text = base64ToText(challenge);
    const fields = Object.fromEntries(text.split(",").map((part) => [part[0], part.slice(2)]));
    const iterations = Number(fields.i);
    if (!fields.r?.startsWith(this.nonce) || fields.r.length === this.nonce.length || !(iterations >= 4096) ||
      iterations > 10_000_000 || fields.m !== undefined) throw new Error("protocol");
    const salt = fromBase64(fields.s);
    if (!this.secret.key?.fits(salt, iterations, this.hash)) {
      if (this.secret.password === undefined) throw new Error("expired");
      this.secret.key = await ScramKey.derive(this.secret.password, salt, iterations, this.hash);
    }
    const { salted } = this.secret.key;
    const clientKey = await hmac(salted, "Client Key");
    const storedKey = new Uint8Array(await crypto.subtle.digest(this.hash, clientKey));
    const final = `c=biws,r=${fields.r}`;
    const signed = `${this.first},${text},${final}`;
    const signature = await hmac(await keyOf(storedKey, this.hash), signed);
    this.expected = await hmac(await keyOf(await hmac(salted, "Server Key"), this.hash), signed);
    const proof = clientKey.map((byte, index) => byte ^ signature[index]);
    return textToBase64(`${final},p=${toBase64(proof)}`);
  }

  /** Whether the server has shown that it knows the password too. */
  verify(additional) {
    const text = base64ToText(additional);
    return this.expected !== undefined && text.startsWith("v=") && same(fromBase64(text.slice(2).split(",")[0]), this.expected);
  }
}

export const TOKEN_MECHANISM = "HT-SHA-256-NONE";

/** Login by token: one message each way. */
export class HashedToken {
  constructor(user, token) {
    this.user = user;
    this.token = token;
  }

  async initial() {
    this.key = await keyOf(encoder.encode(this.token));
    const proof = await hmac(this.key, "Initiator");
    return toBase64(new Uint8Array([...encoder.encode(this.user), 0, ...proof]));
  }

  async verify(additional) { return same(fromBase64(additional), await hmac(this.key, "Responder")); }
}
