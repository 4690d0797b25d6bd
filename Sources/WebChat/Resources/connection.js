// One user's session over WebSocket (RFC 7395), with stream management (XEP-0198): links come and go, the session stays.

import { Ended, Login } from "./login.js";
import { NS, child, el, freshId, parse, stanzaError, textOf } from "./xml.js";

const MODULUS = 2 ** 32;
/** Milliseconds: how long a silent link is believed, an answer awaited, and the pause between attempts. */
const SILENCE = 50_000;
const PATIENCE = 15_000;
const BINDING = "binding";
const FIRST_PAUSE = 400;
const LONGEST_PAUSE = 30_000;

/**
 * `handlers`: state(state, detail), fresh(), resumed(), stanza(element), acknowledged(ids), unsure(messages),
 * token(token), ended(reason, detail), bindsAlone() -> whether to bind without Bind 2. States are connecting, online and waiting.
 */
export class Connection {
  constructor(url, domain, identity, handlers) {
    this.url = url;
    this.domain = domain;
    this.identity = identity;
    this.handlers = handlers;
    this.session = null;
    this.isOnline = false;
    this.isOver = false;
    this.pause = FIRST_PAUSE;
    this.requests = new Map();
    // A good moment to try: the network is there, or somebody looks.
    this.hurry = () => {
      const isStuck = this.socket?.readyState === WebSocket.CONNECTING && Date.now() - this.heard > 2_000;
      if (isStuck) this.drop();
      if (!this.socket) this.open();
    };
    addEventListener("online", this.hurry);
    document.addEventListener("visibilitychange", this.hurry);
    this.watch = setInterval(() => this.check(), 5_000);
  }

  // Links

  open() {
    clearTimeout(this.timer);
    if (this.socket || this.isOver) return;
    this.handlers.state("connecting");
    const socket = new WebSocket(this.url, "xmpp");
    this.socket = socket;
    this.login = new Login(
      this.identity, { previous: this.session, isInline: !this.handlers.bindsAlone() }, (frame) => this.write(frame));
    this.heard = Date.now();
    // Frames are handled one after the other, although some of them take cryptography.
    let turn = Promise.resolve();
    socket.onopen = () => this.write(el("open",
      { xmlns: NS.framing, to: this.domain, version: "1.0", "xml:lang": document.documentElement.lang }));
    socket.onmessage = (event) => {
      this.heard = Date.now();
      turn = turn.then(() => (this.socket === socket ? this.received(event.data) : null)).catch((error) => this.broken(error));
    };
    socket.onclose = () => turn.then(() => { if (this.socket === socket) this.lost(); });
  }

  write(frame) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(String(frame));
  }

  broken(error) {
    if (error instanceof Ended) return this.finish(error.reason, error.detail);
    if (error?.message !== "try again") console.error(error);
    this.lost();
  }

  /** The link is gone; the session may be there still. */
  lost() {
    this.drop();
    if (this.isOver) return;
    if (!this.session && !this.identity.mayWait) return this.finish("unreachable");
    const pause = this.pause * (0.7 + Math.random() * 0.6);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
    this.handlers.state("waiting", pause);
    this.timer = setTimeout(() => this.open(), pause);
  }

  drop() {
    const socket = this.socket;
    this.socket = null;
    this.isOnline = false;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  /** A link that says nothing is asked; one that does not answer is given up. */
  check() {
    if (!this.socket) return;
    const silence = Date.now() - this.heard;
    if (silence > (this.isOnline ? SILENCE : 0) + PATIENCE) return this.lost();
    if (this.isOnline && silence > SILENCE) this.write(el("r", { xmlns: NS.sm }));
  }

  finish(reason, detail = "") {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.timer);
    clearInterval(this.watch);
    removeEventListener("online", this.hurry);
    document.removeEventListener("visibilitychange", this.hurry);
    this.drop();
    this.refuseRequests();
    this.handlers.ended(reason, detail);
  }

  /** Begins another session; what this one has not sent goes with it. */
  renew() {
    const before = this.session;
    if (!this.isOnline) return;
    this.write(el("close", { xmlns: NS.framing }));
    this.drop();
    this.session = null;
    this.refuseRequests();
    this.handlers.unsure(before.queue.filter((item) => item.message).map((item) => item.message));
    this.open();
  }

  /** Says goodbye. */
  close() {
    this.write(el("close", { xmlns: NS.framing }));
    this.finish("signed-out");
  }

  // What comes in

  async received(data) {
    if (!data.trim()) return;
    const element = parse(data);
    switch (`${element.namespaceURI} ${element.localName}`) {
      case `${NS.framing} open`: return;
      case `${NS.framing} close`: return this.lost();
      case `${NS.stream} features`: return this.offered(element);
      case `${NS.stream} error`: return this.streamFailed(element);
      case `${NS.sasl2} challenge`: return this.login.challenge(element);
      case `${NS.sasl2} failure`: return this.login.failed(element, !this.session && !this.identity.mayWait);
      case `${NS.sasl2} success`: {
        const outcome = await this.login.succeeded(element);
        return outcome.resumed || outcome.bound ? this.ready(outcome) : null;
      }
      case `${NS.sm} r`: return this.session && this.write(el("a", { xmlns: NS.sm, h: this.session.handled }));
      case `${NS.sm} a`: return this.acknowledged(Number(element.getAttribute("h")));
      case `${NS.sm} enabled`: return this.ready({ ...this.login.outcome, address: this.bound, enabled: element });
      case `${NS.sm} failed`: return this.lost();
      default:
    }
    if (element.localName === "iq" && element.getAttribute("id") === BINDING) return this.boundAlone(element);
    if (element.namespaceURI !== NS.client || !this.session) return;
    this.session.handled = (this.session.handled + 1) % MODULUS;
    if (element.localName === "iq" && this.answered(element)) return;
    try {
      this.handlers.stanza(element);
    } catch (error) {
      // One stanza that is not understood must not end the session.
      console.error(error);
    }
  }

  streamFailed(element) {
    const condition = [...element.children].find((one) => one.namespaceURI === NS.streamErrors)?.localName;
    const text = textOf(element, "text", NS.streamErrors);
    if (["conflict", "not-authorized", "policy-violation", "host-unknown", "host-gone"].includes(condition)) {
      return this.finish(condition, text);
    }
    this.lost();
  }

  async offered(features) {
    if (this.isOnline) return;
    if (!this.login.outcome) return this.login.begin(features);
    this.write(el("iq", { xmlns: NS.client, type: "set", id: BINDING }, el("bind", { xmlns: NS.bind })));
  }

  /** Binding as a step of its own (RFC 6120 §7), with which stored messages are delivered. */
  boundAlone(iq) {
    this.bound = textOf(child(iq, "bind", NS.bind), "jid");
    if (!this.bound) throw new Ended("protocol");
    this.write(el("enable", { xmlns: NS.sm, resume: "true" }));
  }

  /** The login is complete: the old session goes on, or there is a new one. */
  ready(outcome) {
    this.isOnline = true;
    this.pause = FIRST_PAUSE;
    this.identity.mayWait = true;
    if (this.identity.token) this.handlers.token(this.identity.token);
    if (outcome.resumed) {
      this.acknowledged(Number(outcome.resumed.getAttribute("h")));
      for (const item of this.session.queue) this.write(item.source);
      this.ask();
      this.handlers.state("online");
      return this.handlers.resumed();
    }
    const before = this.session;
    if (before && outcome.failed?.hasAttribute("h")) this.acknowledged(Number(outcome.failed.getAttribute("h")));
    this.refuseRequests();
    const enabled = outcome.enabled;
    this.session = {
      id: enabled?.getAttribute("id") ?? null, address: outcome.address, handled: 0, sent: 0, queue: [],
    };
    this.handlers.state("online");
    this.handlers.fresh(outcome);
    if (before) this.handlers.unsure(before.queue.filter((item) => item.message).map((item) => item.message));
  }

  acknowledged(h) {
    const { session } = this;
    if (!session || !Number.isInteger(h)) return;
    const count = (h - session.sent + MODULUS) % MODULUS;
    if (count === 0 || count > session.queue.length) return;
    session.sent = h;
    const ids = session.queue.splice(0, count).flatMap((item) => (item.message ? [item.message] : []));
    if (ids.length) this.handlers.acknowledged(ids);
  }

  // What goes out

  /**
   * Sends a stanza, or keeps it until there is a link again. `message` is handed back when it is acknowledged.
   * Something `fleeting` is of no use later and is left out when there is no link.
   */
  send(stanza, { message = null, fleeting = false } = {}) {
    if (!this.session || (fleeting && !this.isOnline)) return;
    const source = String(stanza);
    this.session.queue.push({ source, message });
    if (!this.isOnline) return;
    this.write(source);
    if (message || this.session.queue.length > 20) this.ask();
  }

  /** Asks how far the server is, once for everything that is sent in a moment. */
  ask() {
    if (this.asking) return;
    this.asking = setTimeout(() => {
      this.asking = null;
      if (this.isOnline && this.session?.queue.length) this.write(el("r", { xmlns: NS.sm }));
    }, 60);
  }

  /** The answer to a question, as a promise; it fails with `{ condition, text }`. */
  request(type, payload, to = null) {
    return new Promise((resolve, reject) => {
      const id = freshId();
      this.requests.set(id, { resolve, reject, to });
      this.send(el("iq", { xmlns: NS.client, type, id, to }, payload));
    });
  }

  answered(iq) {
    const type = iq.getAttribute("type");
    if (type !== "result" && type !== "error") return false;
    const request = this.requests.get(iq.getAttribute("id"));
    const from = iq.getAttribute("from");
    const own = this.session.address;
    // Only whoever was asked may answer (RFC 6120 §8.1.2.1).
    if (!request || ((request.to ?? own.split("/")[0]) !== (from ?? own.split("/")[0]) && from !== own)) return true;
    this.requests.delete(iq.getAttribute("id"));
    if (type === "result") request.resolve(iq); else request.reject(stanzaError(iq));
    return true;
  }

  refuseRequests() {
    const waiting = [...this.requests.values()];
    this.requests.clear();
    for (const request of waiting) request.reject({ condition: "disconnected", text: "" });
  }
}

/** Gives a token up, so that nobody can use it any more (XEP-0484 §3.6). Whoever is offline cannot; it then expires. */
export function revoke(url, domain, identity) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, "xmpp");
    const over = () => { socket.close(); resolve(); };
    setTimeout(over, 4_000);
    socket.onerror = over;
    socket.onopen = () => socket.send(String(el("open", { xmlns: NS.framing, to: domain, version: "1.0" })));
    const login = new Login({ ...identity }, { invalidates: true }, (frame) => socket.send(String(frame)));
    socket.onmessage = async (event) => {
      const element = parse(event.data);
      if (element.localName === "features" && child(element, "authentication", NS.sasl2)) {
        await login.begin(element).catch(over);
      } else if (element.namespaceURI === NS.sasl2) over();
    };
  });
}
