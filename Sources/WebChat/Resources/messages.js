// Conversations: what was said, in order, once each, and how far it has got.

import { NS, bare, child, el, freshId, stanzaError, textOf } from "./xml.js";

const STATES = ["composing", "paused", "active", "inactive", "gone"];
const PAUSE = 4_000;
const TYPING_IS_BELIEVED = 30_000;

/** How far an own message has got; it only moves on. `failed` comes from anywhere. */
const PROGRESS = ["waiting", "sent", "received"];

export class Conversation {
  constructor(jid) {
    this.jid = jid;
    /** By time: `{ key, id, sid, isMine, body, time, state, error, isArchived }`. */
    this.messages = [];
    this.sids = new Set();
    this.own = new Map();
    this.unread = 0;
    this.isComplete = false;
    this.isLoading = false;
    this.isTyping = false;
    this.draft = "";
  }

  get latest() { return this.messages.at(-1); }
}

let keys = 0;

export class Messages {
  constructor(session) {
    this.session = session;
    this.conversations = new Map();
    this.lastSid = null;
    this.hasWholeArchive = false;
  }

  conversation(jid) {
    let found = this.conversations.get(jid);
    if (!found) {
      found = new Conversation(jid);
      found.isComplete = this.hasWholeArchive;
      this.conversations.set(jid, found);
    }
    return found;
  }

  get unread() { return [...this.conversations.values()].reduce((sum, one) => sum + one.unread, 0); }

  // What comes in

  received(stanza) {
    const { account } = this.session;
    const from = stanza.getAttribute("from") ?? account;
    for (const direction of ["sent", "received"]) {
      const carbon = child(stanza, direction, NS.carbons);
      // Only the own account may speak for it (XEP-0280 §11).
      if (carbon) {
        const message = child(child(carbon, "forwarded", NS.forward), "message", NS.client);
        if (bare(from) === account && message) this.take(message, { isCarbon: true });
        return;
      }
    }
    this.take(stanza, {});
  }

  archived({ sid, time, message }, place = {}) { this.take(message, { sid, time, isArchived: true, ...place }); }

  take(stanza, { sid = null, time = null, isArchived = false, isNews = false, isEarlier = false, isCarbon = false }) {
    const { account } = this.session;
    const type = stanza.getAttribute("type") ?? "normal";
    if (type === "groupchat") return;
    const from = stanza.getAttribute("from") ?? account;
    const isMine = bare(from) === account;
    const jid = isMine ? bare(stanza.getAttribute("to") ?? account) : bare(from);
    if (type === "error") return this.failed(jid, stanza);
    const receipt = child(stanza, "received", NS.receipts);
    if (receipt && !isMine) this.progress(jid, receipt.getAttribute("id"), "received");
    if (!isMine && !isArchived && !isCarbon) this.typing(jid, stanza);
    const body = textOf(stanza, "body", NS.client);
    const own = [...stanza.children].find((one) => one.localName === "stanza-id" && one.namespaceURI === NS.stanzaId &&
      one.getAttribute("by") === account);
    const number = sid ?? own?.getAttribute("id") ?? null;
    if (number && (!isArchived || isNews)) this.lastSid = number;
    if (!body) return;
    const stamp = child(stanza, "delay", NS.delay)?.getAttribute("stamp");
    const message = {
      key: ++keys, id: stanza.getAttribute("id"), sid: number, isMine, body, isArchived,
      time: time ?? (Date.parse(stamp) || Date.now()), state: isMine ? "sent" : null, error: null,
    };
    const conversation = this.conversation(jid);
    if (!this.add(conversation, message, isEarlier)) return;
    const isNew = !isArchived || isNews;
    if (isMine) {
      // Whoever answers elsewhere has read what was there.
      if (isNew) this.read(conversation, message.time);
    } else if (isNew) {
      conversation.isTyping = false;
      this.news(conversation, message, stanza, { isCarbon });
    }
    this.session.changed();
  }

  news(conversation, message, stanza, { isCarbon }) {
    if (this.session.isLookingAt(conversation.jid)) this.read(conversation, message.time);
    else if (message.time > this.session.marks.of(conversation.jid)) conversation.unread += 1;
    if (!isCarbon) this.confirm(stanza);
    this.session.events.message(conversation, message);
  }

  /** Tells the sender that it is here (XEP-0184), if he may know that we are. */
  confirm(stanza) {
    const id = stanza.getAttribute("id");
    const from = stanza.getAttribute("from");
    if (!id || !child(stanza, "request", NS.receipts) || !this.session.roster.maySeeUs(bare(from))) return;
    this.session.send(el("message", { xmlns: NS.client, to: from, id: freshId(), type: stanza.getAttribute("type") },
      el("received", { xmlns: NS.receipts, id }), el("store", { xmlns: NS.hints })));
  }

  /** False when it is there already; what is known of it by now is added then. */
  add(conversation, message, isEarlier = false) {
    if (message.sid && conversation.sids.has(message.sid)) return false;
    const known = message.isMine && message.id ? conversation.own.get(message.id) : null;
    if (message.sid) conversation.sids.add(message.sid);
    if (known) {
      known.sid = known.sid ?? message.sid;
      this.advance(known, "sent");
      return false;
    }
    if (message.isMine && message.id) conversation.own.set(message.id, message);
    const { messages } = conversation;
    let place = isEarlier ? 0 : messages.length;
    if (isEarlier) while (place < messages.length && messages[place].time < message.time) place += 1;
    else while (place > 0 && messages[place - 1].time > message.time) place -= 1;
    messages.splice(place, 0, message);
    return true;
  }

  typing(jid, stanza) {
    const state = [...stanza.children].find((one) => one.namespaceURI === NS.chatStates)?.localName;
    if (!STATES.includes(state)) return;
    const conversation = this.conversations.get(jid);
    if (!conversation) return;
    conversation.isTyping = state === "composing";
    clearTimeout(conversation.typingTimer);
    if (conversation.isTyping) {
      conversation.typingTimer = setTimeout(() => {
        conversation.isTyping = false;
        this.session.changed();
      }, TYPING_IS_BELIEVED);
    }
    this.session.changed();
  }

  failed(jid, stanza) {
    const message = this.conversations.get(jid)?.own.get(stanza.getAttribute("id"));
    if (!message) return;
    message.state = "failed";
    message.error = stanzaError(stanza);
    this.session.changed();
  }

  advance(message, state) {
    if (message.state === "failed" && state === "waiting") return;
    if (PROGRESS.indexOf(state) > PROGRESS.indexOf(message.state)) message.state = state;
  }

  progress(jid, id, state) {
    const message = this.conversations.get(jid)?.own.get(id);
    if (!message) return;
    this.advance(message, state);
    this.session.changed();
  }

  // Reading

  read(conversation, time = conversation.latest?.time) {
    conversation.unread = 0;
    if (time) this.session.marks.set(conversation.jid, time);
  }

  /** What of the archive was not read: since the last visit, or at the first one since the own last word. */
  countUnread(found) {
    for (const conversation of this.conversations.values()) {
      let mark = this.session.marks.of(conversation.jid);
      if (this.session.marks.isFirstVisit) mark = conversation.messages.findLast((one) => one.isMine)?.time ?? 0;
      const news = conversation.messages.filter((one) => !one.isMine && one.isArchived && one.time > mark);
      conversation.unread = Math.max(conversation.unread, news.length);
      const numbers = new Set(news.map((one) => one.sid));
      for (const one of found) if (numbers.has(one.sid)) this.confirm(one.message);
    }
  }

  // What goes out

  say(jid, body) {
    const conversation = this.conversation(jid);
    const message = {
      key: ++keys, id: freshId(), sid: null, isMine: true, body, isArchived: false, time: Date.now(), state: "waiting",
      error: null,
    };
    this.add(conversation, message);
    this.read(conversation, message.time);
    this.stopTyping(conversation, { isQuiet: true });
    this.dispatch(conversation, message);
    this.session.changed();
  }

  dispatch(conversation, message) {
    message.state = "waiting";
    message.error = null;
    this.session.send(el("message", { xmlns: NS.client, to: conversation.jid, type: "chat", id: message.id },
      el("body", {}, message.body), el("active", { xmlns: NS.chatStates }), el("request", { xmlns: NS.receipts }),
      el("origin-id", { xmlns: NS.stanzaId, id: message.id })), { message: { jid: conversation.jid, id: message.id } });
  }

  again(jid, message) {
    // Who asks for it wants it delivered now: as another message, after all others.
    const conversation = this.conversation(jid);
    conversation.messages.splice(conversation.messages.indexOf(message), 1);
    conversation.own.delete(message.id);
    this.say(jid, message.body);
  }

  /**
   * Messages of a session that could not be resumed: those that the archive has were sent, the others are sent now.
   * Without an archive nobody knows, and the user decides.
   */
  settle(items, isArchiveRead) {
    for (const { jid, id } of items) {
      const conversation = this.conversations.get(jid);
      const message = conversation?.own.get(id);
      if (!message || message.state !== "waiting") continue;
      if (isArchiveRead) {
        this.dispatch(conversation, message);
      } else {
        message.state = "failed";
        message.error = { condition: "unsure", text: "" };
      }
    }
    this.session.changed();
  }

  // Typing (XEP-0085)

  noteTyping(jid) {
    const conversation = this.conversation(jid);
    if (!conversation.isComposing) this.tellState(conversation, "composing");
    clearTimeout(conversation.composingTimer);
    conversation.composingTimer = setTimeout(() => this.stopTyping(conversation), PAUSE);
  }

  stopTyping(conversation, { isQuiet = false } = {}) {
    clearTimeout(conversation.composingTimer);
    if (!conversation.isComposing) return;
    if (isQuiet) conversation.isComposing = false; else this.tellState(conversation, "paused");
  }

  tellState(conversation, state) {
    conversation.isComposing = state === "composing";
    if (this.session.roster.state(conversation.jid).show === "offline") return;
    this.session.send(el("message", { xmlns: NS.client, to: conversation.jid, type: "chat", id: freshId() },
      el(state, { xmlns: NS.chatStates }), el("no-store", { xmlns: NS.hints })), { fleeting: true });
  }

  /** With history switched off, what came from the archive goes. */
  dropArchived() {
    for (const conversation of this.conversations.values()) {
      conversation.messages = conversation.messages.filter((one) => !one.isArchived);
      conversation.isComplete = false;
    }
  }
}
