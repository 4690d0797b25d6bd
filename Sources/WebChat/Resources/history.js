// The archive on the server (XEP-0313).

import { NS, child, el, freshId, textOf } from "./xml.js";

const PAGE = 50;
const RECENT = 200;
const CATCH_UP_PAGES = 20;

const field = (name, value, type = null) => value && el("field", { var: name, type }, el("value", {}, value));

export class Archive {
  constructor(session) {
    this.session = session;
    this.queries = new Map();
  }

  /** Takes a message that belongs to a query; anything else is not for the archive. */
  takes(stanza) {
    const result = child(stanza, "result", NS.mam);
    if (!result) return false;
    const from = stanza.getAttribute("from");
    const found = this.queries.get(result.getAttribute("queryid"));
    if (!found || (from && from !== this.session.account)) return true;
    const forwarded = child(result, "forwarded", NS.forward);
    const message = child(forwarded, "message", NS.client);
    const stamp = child(forwarded, "delay", NS.delay)?.getAttribute("stamp");
    if (message) found.push({ sid: result.getAttribute("id"), time: Date.parse(stamp) || Date.now(), message });
    return true;
  }

  /** One page, oldest first: `{ found, isComplete, last }`. */
  async page({ contact = null, before = null, after = null, max = PAGE }) {
    const id = freshId();
    const found = [];
    this.queries.set(id, found);
    try {
      const answer = await this.session.request("set", el("query", { xmlns: NS.mam, queryid: id },
        el("x", { xmlns: NS.form, type: "submit" }, field("FORM_TYPE", NS.mam, "hidden"), field("with", contact)),
        el("set", { xmlns: NS.rsm }, el("max", {}, max),
          before !== null && el("before", {}, before), after && el("after", {}, after))));
      const fin = child(answer, "fin", NS.mam);
      return {
        found, isComplete: fin?.getAttribute("complete") === "true", last: textOf(child(fin, "set", NS.rsm), "last"),
      };
    } finally {
      this.queries.delete(id);
    }
  }

  /** The latest messages with everybody. */
  async recent() {
    const { messages } = this.session;
    const page = await this.page({ before: "", max: RECENT });
    for (const one of page.found) messages.archived(one);
    messages.lastSid ??= page.found.at(-1)?.sid ?? null;
    messages.countUnread(page.found);
    if (page.isComplete) for (const conversation of messages.conversations.values()) conversation.isComplete = true;
    messages.hasWholeArchive = page.isComplete;
    this.session.changed();
  }

  /** What came while there was no session. */
  async since(sid) {
    const { messages } = this.session;
    let after = sid;
    for (let count = 0; count < CATCH_UP_PAGES; count++) {
      const page = await this.page({ after, max: RECENT });
      for (const one of page.found) messages.archived(one, { isNews: true });
      this.session.changed();
      if (page.isComplete || !page.last) return;
      after = page.last;
    }
  }

  /** The page before what is shown of a conversation. */
  async earlier(conversation) {
    if (conversation.isComplete || conversation.isLoading || !this.session.policy.allow_history) return;
    conversation.isLoading = true;
    this.session.changed();
    try {
      const oldest = conversation.messages.find((message) => message.sid)?.sid ?? "";
      const page = await this.page({ contact: conversation.jid, before: oldest });
      // From the latest to the earliest, each before what is there: many may have the same time.
      for (const one of page.found.reverse()) this.session.messages.archived(one, { isEarlier: true });
      conversation.isComplete = page.isComplete;
    } catch {
      // Asked again with the next scroll; an archive that is switched off has nothing.
      conversation.isComplete = !this.session.isOnline ? conversation.isComplete : true;
    } finally {
      conversation.isLoading = false;
      this.session.changed();
    }
  }
}
