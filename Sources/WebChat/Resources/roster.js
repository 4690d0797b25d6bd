// Contacts, their presence, and requests of people who want to see ours (RFC 6121 §2 to §4).

import { NS, bare, child, children, el, local, textOf } from "./xml.js";

/** Better presence first; what somebody with several clients is shown as. */
const ORDER = ["chat", "available", "dnd", "away", "xa"];

export class Roster {
  constructor(session) {
    this.session = session;
    this.items = new Map();
    this.presences = new Map();
    this.requests = new Map();
  }

  async load() {
    const answer = await this.session.request("get", el("query", { xmlns: NS.roster }));
    this.items.clear();
    for (const item of children(child(answer, "query", NS.roster), "item")) this.take(item);
    this.session.changed();
  }

  take(item) {
    const jid = item.getAttribute("jid");
    const subscription = item.getAttribute("subscription") ?? "none";
    if (subscription === "remove") {
      this.items.delete(jid);
      this.presences.delete(jid);
      return;
    }
    this.items.set(jid, {
      jid, subscription, name: item.getAttribute("name") ?? "", isAsked: item.getAttribute("ask") === "subscribe",
      groups: children(item, "group").map((group) => group.textContent),
    });
    if (subscription === "from" || subscription === "both") this.requests.delete(jid);
    if (subscription !== "to" && subscription !== "both") this.presences.delete(jid);
  }

  /** A change that the server tells of; only the own account may (RFC 6121 §2.1.6). */
  pushed(iq) {
    const from = iq.getAttribute("from");
    if (from && bare(from) !== this.session.account) return false;
    for (const item of children(child(iq, "query", NS.roster), "item")) this.take(item);
    this.session.changed();
    return true;
  }

  present(stanza) {
    const from = stanza.getAttribute("from") ?? "";
    const type = stanza.getAttribute("type");
    const jid = bare(from);
    if (type === "subscribe") return this.asked(jid, textOf(stanza, "status", NS.client));
    if (type === "unsubscribe") this.requests.delete(jid);
    if (type === "unavailable" || type === "error") {
      const resources = this.presences.get(jid);
      if (from === jid) this.presences.delete(jid); else resources?.delete(from);
    } else if (!type) {
      const resources = this.presences.get(jid) ?? new Map();
      this.presences.set(jid, resources);
      resources.set(from, {
        show: textOf(stanza, "show", NS.client) || "available", status: textOf(stanza, "status", NS.client),
        priority: Number(textOf(stanza, "priority", NS.client)) || 0,
      });
    }
    this.session.changed();
  }

  /** Somebody whom we asked first is not held up by a question. */
  asked(jid, text) {
    const item = this.items.get(jid);
    if (item && (item.isAsked || item.subscription === "to")) return this.subscription(jid, "subscribed");
    this.requests.set(jid, { jid, text });
    this.session.changed();
    this.session.events.request(jid);
  }

  subscription(to, type) { this.session.send(el("presence", { xmlns: NS.client, to, type })); }

  accept(jid) {
    this.requests.delete(jid);
    this.subscription(jid, "subscribed");
    const item = this.items.get(jid);
    if (!item || (!item.isAsked && item.subscription !== "to" && item.subscription !== "both")) {
      this.subscription(jid, "subscribe");
    }
    this.session.changed();
  }

  decline(jid) {
    this.requests.delete(jid);
    this.subscription(jid, "unsubscribed");
    this.session.changed();
  }

  set(jid, attributes, groups = []) {
    return this.session.request("set", el("query", { xmlns: NS.roster },
      el("item", { jid, ...attributes }, groups.map((group) => el("group", {}, group)))));
  }

  async add(jid, name) {
    await this.set(jid, { name: name || null }, this.items.get(jid)?.groups);
    this.requests.delete(jid);
    this.subscription(jid, "subscribe");
    this.subscription(jid, "subscribed");
  }

  rename(jid, name) { return this.set(jid, { name: name || null }, this.items.get(jid)?.groups); }

  remove(jid) { return this.set(jid, { subscription: "remove" }); }

  name(jid) {
    if (jid === this.session.account) return this.session.text("yourself");
    return this.items.get(jid)?.name || (jid.includes("@") ? local(jid) : jid);
  }

  /** `{ show, status }`; show is `offline` without any client that we may see. */
  state(jid) {
    const all = [...(this.presences.get(jid)?.values() ?? [])];
    if (!all.length) return { show: "offline", status: "" };
    all.sort((one, other) => other.priority - one.priority || ORDER.indexOf(one.show) - ORDER.indexOf(other.show));
    return all[0];
  }

  maySeeUs(jid) {
    const subscription = this.items.get(jid)?.subscription;
    return subscription === "from" || subscription === "both";
  }
}
