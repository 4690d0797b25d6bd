// One signed-in user: the connection and everything that is known through it. Views look at it and are told of changes.

import { Connection } from "./connection.js";
import { Archive } from "./history.js";
import { ReadMarks } from "./memory.js";
import { Messages } from "./messages.js";
import { Roster } from "./roster.js";
import { toBase64 } from "./sasl.js";
import { NS, bare, child, children, el } from "./xml.js";

const NODE = "urn:roost:web-chat";
const FEATURES = [NS.carbons, NS.chatStates, NS.discoInfo, NS.ping, NS.receipts, NS.version].sort();

/**
 * `events`: changed(), message(conversation, message), request(jid), token(token), ended(reason, detail).
 * `policy` is the domain's entry of config.json.
 */
export class Session {
  constructor({ url, domain, identity, policy, keeps, presence, text, events }) {
    this.account = `${identity.user}@${domain}`;
    this.policy = policy;
    this.keeps = keeps;
    this.text = text;
    this.events = events;
    this.presence = presence;
    this.link = { state: "connecting", pause: 0 };
    this.isReady = false;
    this.openJid = null;
    /** Messages of sessions that are gone, of which nobody knows yet whether they arrived. */
    this.unsure = [];
    this.roster = new Roster(this);
    this.messages = new Messages(this);
    this.archive = new Archive(this);
    this.marks = new ReadMarks(this.account, keeps && policy.allow_history);
    this.connection = new Connection(url, domain, identity, {
      state: (state, pause = 0) => { this.link = { state, pause }; this.changed(); },
      fresh: (outcome) => this.began(outcome),
      resumed: () => this.changed(),
      stanza: (stanza) => this.received(stanza),
      acknowledged: (items) => {
        for (const { jid, id } of items) this.messages.progress(jid, id, "sent");
      },
      unsure: (items) => { this.unsure.push(...items); },
      bindsAlone: () => !this.policy.allow_history,
      token: (token) => this.events.token(token),
      ended: (reason, detail) => this.events.ended(reason, detail),
    });
  }

  start() { this.connection.open(); }

  get isOnline() { return this.connection.isOnline; }

  send(stanza, options) { this.connection.send(stanza, options); }
  request(type, payload, to) { return this.connection.request(type, payload, to); }

  /** Views are told once for everything that happens in one go. */
  changed() {
    if (this.isTelling) return;
    this.isTelling = true;
    queueMicrotask(() => {
      this.isTelling = false;
      this.events.changed();
    });
  }

  /** A new session: it knows nothing of what happened before it. */
  began(outcome) {
    this.account = bare(outcome.address) || this.account;
    this.roster.presences.clear();
    this.roster.requests.clear();
    this.isBoundAlone = !outcome.bound;
    this.catchUp(!outcome.bound).catch((error) => {
      if (error?.condition !== "disconnected") console.error(error);
    });
  }

  async catchUp(isBoundAlone) {
    const { messages, connection: { session } } = this;
    if (isBoundAlone) this.request("set", el("enable", { xmlns: NS.carbons })).catch(() => {});
    // What is decided for this user alone; whoever asks hears of changes too. Asked before anything is
    // delivered: with other rules the session begins anew.
    await this.request("get", el("policy", { xmlns: NS.policy })).then(
      (answer) => this.heed(child(answer, "policy", NS.policy)), () => {});
    if (this.connection.session !== session) return;
    const roster = this.roster.load();
    await this.announce();
    await roster;
    let isArchiveRead = false;
    if (this.policy.allow_history) {
      try {
        if (messages.lastSid) await this.archive.since(messages.lastSid); else await this.archive.recent();
        isArchiveRead = true;
      } catch (error) {
        // Lost again: the next session settles it.
        if (error?.condition === "disconnected") throw error;
        messages.hasWholeArchive = true;
      }
    }
    messages.settle(this.unsure.splice(0), isArchiveRead);
    this.isReady = true;
    this.changed();
  }

  // What comes in

  received(stanza) {
    switch (stanza.localName) {
      case "message": return this.messaged(stanza);
      case "presence": return this.roster.present(stanza);
      case "iq": return this.asked(stanza);
      default:
    }
  }

  messaged(stanza) {
    if (this.archive.takes(stanza)) return;
    const policy = child(stanza, "policy", NS.policy);
    const from = stanza.getAttribute("from");
    if (policy && (!from || bare(from) === this.account)) return this.heed(policy);
    this.messages.received(stanza);
  }

  asked(iq) {
    const type = iq.getAttribute("type");
    if (type !== "get" && type !== "set") return;
    const payload = iq.firstElementChild;
    const space = payload?.namespaceURI;
    const answer = (result, ...children) => this.send(el("iq",
      { xmlns: NS.client, type: result, id: iq.getAttribute("id"), to: iq.getAttribute("from") }, ...children));
    if (type === "set" && space === NS.roster) return this.roster.pushed(iq) && answer("result");
    if (type === "get" && space === NS.ping) return answer("result");
    if (type === "get" && space === NS.version) {
      return answer("result", el("query", { xmlns: NS.version }, el("name", {}, "Roost web chat")));
    }
    if (type === "get" && space === NS.discoInfo) {
      return answer("result", el("query", { xmlns: NS.discoInfo, node: payload.getAttribute("node") },
        el("identity", { category: "client", type: "web", name: "Roost web chat" }),
        FEATURES.map((feature) => el("feature", { var: feature }))));
    }
    answer("error", el("error", { type: "cancel" }, el("service-unavailable", { xmlns: NS.stanzaErrors })));
  }

  // Own presence

  /** What we can (XEP-0115 §5.1), so that nobody has to ask every client. */
  async capabilities() {
    const text = `client/web//Roost web chat<${FEATURES.map((feature) => `${feature}<`).join("")}`;
    const hash = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(text));
    return toBase64(new Uint8Array(hash));
  }

  async announce() {
    this.version ??= await this.capabilities();
    const { show, status } = this.presence;
    this.send(el("presence", { xmlns: NS.client },
      show !== "available" && el("show", {}, show), status && el("status", {}, status),
      el("c", { xmlns: NS.caps, hash: "sha-1", node: NODE, ver: this.version })));
    this.changed();
  }

  setPresence(presence) {
    this.presence = presence;
    return this.announce();
  }

  // Which conversation is open

  isLookingAt(jid) { return this.openJid === jid && document.visibilityState === "visible" && document.hasFocus(); }

  look() {
    const conversation = this.openJid && this.messages.conversations.get(this.openJid);
    if (!conversation || !this.isLookingAt(this.openJid) || !conversation.unread) return;
    this.messages.read(conversation);
    this.changed();
  }

  open(jid) {
    this.openJid = jid;
    if (jid) {
      const conversation = this.messages.conversation(jid);
      this.messages.read(conversation);
      if (conversation.messages.length < 20) this.archive.earlier(conversation);
    }
    this.changed();
  }

  /** Settings of this user (docs/user-policy.md): they go before those of the domain. */
  heed(policy) {
    const own = {};
    for (const setting of children(policy, "setting")) {
      const name = { "messaging.allow_history": "allow_history", "messaging.allow_cut_paste": "allow_cut_paste" }[setting.getAttribute("key")];
      if (name) own[name] = setting.getAttribute("value") === "on";
    }
    this.own = own;
    this.follow(this.policy);
  }

  /** What clients may do has changed. */
  follow(policy) {
    const had = this.policy.allow_history;
    this.policy = { ...policy, ...this.own };
    if (had && !this.policy.allow_history) {
      this.messages.dropArchived();
      this.marks.keeps = false;
      this.marks.forget();
      // Only a session that was begun without the archive is delivered what was stored.
      if (!this.isBoundAlone) this.connection.renew();
    }
    this.changed();
  }

  close() { this.connection.close(); }
}
