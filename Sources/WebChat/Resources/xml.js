// Stanzas: written as text with everything escaped, read with the browser's own parser.

export const NS = {
  client: "jabber:client",
  framing: "urn:ietf:params:xml:ns:xmpp-framing",
  stream: "http://etherx.jabber.org/streams",
  streamErrors: "urn:ietf:params:xml:ns:xmpp-streams",
  stanzaErrors: "urn:ietf:params:xml:ns:xmpp-stanzas",
  sasl: "urn:ietf:params:xml:ns:xmpp-sasl",
  sasl2: "urn:xmpp:sasl:2",
  bind: "urn:ietf:params:xml:ns:xmpp-bind",
  bind2: "urn:xmpp:bind:0",
  fast: "urn:xmpp:fast:0",
  sm: "urn:xmpp:sm:3",
  carbons: "urn:xmpp:carbons:2",
  forward: "urn:xmpp:forward:0",
  roster: "jabber:iq:roster",
  mam: "urn:xmpp:mam:2",
  rsm: "http://jabber.org/protocol/rsm",
  form: "jabber:x:data",
  delay: "urn:xmpp:delay",
  stanzaId: "urn:xmpp:sid:0",
  receipts: "urn:xmpp:receipts",
  chatStates: "http://jabber.org/protocol/chatstates",
  hints: "urn:xmpp:hints",
  policy: "urn:roost:policy:0",
  ping: "urn:xmpp:ping",
  version: "jabber:iq:version",
  discoInfo: "http://jabber.org/protocol/disco#info",
  caps: "http://jabber.org/protocol/caps",
};

/** XML that is written already. Anything else that gets into an element is text, and escaped. */
class Markup {
  constructor(source) { this.source = source; }
  toString() { return this.source; }
}

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&apos;", "\"": "&quot;" };

/** Text as XML wants it; characters that XML 1.0 §2.2 forbids are left out. */
function escape(text) {
  return String(text)
    .replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD")
    .replace(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, "")
    .replace(/[&<>'"]/g, (character) => ENTITIES[character]);
}

/** An element. Attributes and children that are null or false are left out. */
export function el(name, attributes = {}, ...children) {
  let source = `<${name}`;
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) source += ` ${key}='${escape(value)}'`;
  }
  const inside = children
    .flat()
    .filter((part) => part !== null && part !== undefined && part !== false)
    .map((part) => (part instanceof Markup ? part.source : escape(part)))
    .join("");
  return new Markup(inside ? `${source}>${inside}</${name}>` : `${source}/>`);
}

/** The root element of a frame. Throws when it is no XML. */
export function parse(text) {
  const root = new DOMParser().parseFromString(text, "text/xml").documentElement;
  if (root.localName === "parsererror" || root.getElementsByTagName("parsererror").length) throw new Error("no XML");
  return root;
}

/** The first child with this name and namespace; without a name, the first with the namespace. */
export function child(element, name, namespace = element?.namespaceURI) {
  if (!element) return null;
  for (const one of element.children) {
    if ((!name || one.localName === name) && one.namespaceURI === namespace) return one;
  }
  return null;
}

export function children(element, name, namespace = element?.namespaceURI) {
  return element ? [...element.children].filter((one) => one.localName === name && one.namespaceURI === namespace) : [];
}

export const textOf = (element, name, namespace) => child(element, name, namespace)?.textContent ?? "";

/** The address without its resource. */
export const bare = (jid) => (jid ?? "").split("/")[0];
export const local = (jid) => (jid.includes("@") ? jid.split("@")[0] : jid);
export const domainOf = (jid) => bare(jid).split("@").pop();

/** What somebody typed as an address; null when it cannot be one (RFC 7622 §3, roughly: the server decides). */
export function address(typed, domain) {
  let text = typed.trim().normalize("NFC").toLowerCase();
  if (text.startsWith("xmpp:")) text = text.slice(5).split("?")[0];
  if (!text.includes("@") && domain) text += `@${domain}`;
  return /^[^\s@/"&'<>:]{1,256}@[^\s@/"&'<>]{1,256}$/u.test(text) ? text : null;
}

/** Condition and words of a stanza error (RFC 6120 §8.3). */
export function stanzaError(stanza) {
  const error = child(stanza, "error", NS.client);
  const parts = error ? [...error.children].filter((one) => one.namespaceURI === NS.stanzaErrors) : [];
  return {
    condition: parts.find((one) => one.localName !== "text")?.localName ?? "undefined-condition",
    text: parts.find((one) => one.localName === "text")?.textContent ?? "",
  };
}

let count = 0;
const origin = Math.random().toString(36).slice(2, 8);

/** An id that no other stanza has, in this page or another. */
export function freshId() {
  return crypto.randomUUID ? crypto.randomUUID() : `${origin}-${Date.now().toString(36)}-${++count}`;
}
