// One conversation: who it is with, what was said, and the field to answer.

import { showText } from "./contacts.js";
import { face, h, hidden, icon, linked, reconcile } from "./dom.js";
import { clock, dayName, has, moment, t } from "./texts.js";

/** Messages of one person within this time stand together. */
const TOGETHER = 5 * 60_000;
const NEAR = 80;
const LONGEST = 10_000;

const ICONS = { waiting: "clock", sent: "check", received: "twice", failed: "warning" };

export class ConversationView {
  constructor(session, { back, details }) {
    this.session = session;
    this.jid = null;
    this.title = h("h1", { id: "with" });
    this.state = h("p", { class: "soft", id: "with-state" });
    this.picture = h("span", {});
    this.log = h("div", { class: "log", id: "log", role: "log", tabindex: "0", onscroll: () => this.scrolled() });
    this.field = h("textarea", {
      id: "message", rows: "1", maxlength: String(LONGEST), autocomplete: "off", enterkeyhint: "send",
      oninput: () => this.typed(), onkeydown: (event) => this.key(event),
    });
    this.button = h("button", { class: "primary round", id: "send", type: "submit", "aria-label": t("send"), title: t("send") }, icon("send"));
    this.notice = h("p", { class: "soft notice-line", id: "policy" });
    this.open = h("div", { class: "open" },
      h("header", {},
        h("button", { class: "round back", id: "back", "aria-label": t("back"), onclick: back }, icon("back")),
        this.picture, h("div", { class: "lines" }, this.title, this.state),
        h("button", { class: "round", id: "details", "aria-haspopup": "dialog", "aria-label": t("contact.details"), title: t("contact.details"), onclick: () => details(this.jid) }, icon("more"))),
      this.notice, this.log,
      h("form", { class: "composer", onsubmit: (event) => { event.preventDefault(); this.send(); } }, this.field, this.button));
    this.closed = h("div", { class: "closed" }, h("p", { class: "soft" }, t("conversation.none")));
    this.element = h("main", { class: "talk" }, this.open, this.closed);
    for (const kind of ["copy", "cut", "dragstart"]) {
      this.log.addEventListener(kind, (event) => {
        if (session.policy.allow_cut_paste) return;
        event.preventDefault();
        getSelection()?.removeAllRanges();
      });
    }
  }

  get conversation() { return this.session.messages.conversation(this.jid); }

  /** Another conversation, or none. */
  show(jid, { focuses = true } = {}) {
    if (this.jid) this.conversation.draft = this.field.value;
    this.jid = jid;
    this.log.replaceChildren();
    this.log.kept = null;
    this.wasAtEnd = true;
    if (jid) {
      this.field.value = this.conversation.draft;
      this.fit();
    }
    this.render();
    if (jid && focuses) this.field.focus();
  }

  render() {
    const { session, jid } = this;
    this.open.hidden = !jid;
    this.closed.hidden = Boolean(jid);
    if (!jid) return;
    const { roster, policy } = session;
    const name = roster.name(jid);
    const { show, status } = roster.state(jid);
    const { conversation } = this;
    const words = conversation.isTyping ? t("typing", { name }) : [showText(show), status].filter(Boolean).join(" · ");
    if (this.headline !== `${jid}\n${name}\n${show}`) {
      this.headline = `${jid}\n${name}\n${show}`;
      this.title.textContent = name;
      this.picture.replaceChildren(face(jid, name, show));
      this.log.setAttribute("aria-label", t("conversation.with", { name }));
      this.field.placeholder = t("write.to", { name });
      this.field.setAttribute("aria-label", t("write.to", { name }));
    }
    if (this.state.textContent !== words) this.state.textContent = words;
    this.state.classList.toggle("typing", conversation.isTyping);
    this.notice.textContent = [
      !policy.allow_history && t("policy.history"), !policy.allow_cut_paste && t("policy.copy"),
    ].filter(Boolean).join(" ");
    this.notice.hidden = !this.notice.textContent;
    this.log.toggleAttribute("data-guarded", !policy.allow_cut_paste);
    this.renderLog(conversation);
  }

  renderLog(conversation) {
    const { log } = this;
    const fromEnd = log.scrollHeight - log.scrollTop;
    const first = log.kept && [...log.kept.keys()].find((key) => typeof key === "number");
    reconcile(log, this.rows(conversation));
    const hasGrownAbove = first !== undefined && first !== null && conversation.messages[0]?.key !== first &&
      conversation.messages.some((message) => message.key === first);
    if (this.wasAtEnd) log.scrollTop = log.scrollHeight;
    else if (hasGrownAbove) log.scrollTop = log.scrollHeight - fromEnd;
  }

  rows(conversation) {
    const rows = [];
    if (conversation.isLoading) rows.push(this.line("loading", t("history.loading"), "soft middle"));
    else if (conversation.isComplete && this.session.policy.allow_history) {
      rows.push(this.line("begin", conversation.messages.length ? t("history.begin") : t("history.none"), "soft middle"));
    }
    let before = null;
    for (const message of conversation.messages) {
      const day = dayName(message.time);
      if (!before || dayName(before.time) !== day) rows.push(this.line(`day ${day}`, day, "day"));
      const isFollowing = before !== null && before.isMine === message.isMine && message.time - before.time < TOGETHER &&
        dayName(before.time) === day;
      rows.push(this.message(message, isFollowing));
      before = message;
    }
    return rows;
  }

  line(key, text, style) {
    return {
      key, signature: text, make: () => h("p", { class: style }, h("span", {})),
      fill: (element) => { element.firstChild.textContent = text; },
    };
  }

  message(message, isFollowing) {
    const who = message.isMine ? t("you") : this.session.roster.name(this.jid);
    return {
      key: message.key,
      signature: `${message.state} ${message.error?.condition} ${isFollowing}`,
      make: () => {
        const state = h("span", { class: "state" });
        const element = h("article", { class: message.isMine ? "message mine" : "message theirs" },
          h("div", { class: "bubble" }, hidden(`${who}: `), h("span", { class: "body", dir: "auto" }, linked(message.body)),
            h("span", { class: "meta" },
              h("time", { datetime: new Date(message.time).toISOString(), title: moment(message.time) }, clock(message.time)), state)));
        element.state = state;
        return element;
      },
      fill: (element) => {
        element.classList.toggle("following", isFollowing);
        element.dataset.state = message.state ?? "";
        if (!message.isMine) return;
        const words = t(`state.${message.state}`);
        element.state.replaceChildren(icon(ICONS[message.state]), hidden(words));
        element.state.title = words;
        element.querySelector(".trouble")?.remove();
        if (message.state === "failed") element.append(this.trouble(message));
      },
    };
  }

  trouble(message) {
    const { condition, text } = message.error;
    const words = has(`error.${condition}`) ? t(`error.${condition}`) : t("error.other");
    return h("p", { class: "trouble" }, text && condition !== "unsure" ? `${words} (${text})` : words, " ",
      h("button", { class: "plain", onclick: () => this.session.messages.again(this.jid, message) }, t("send.again")));
  }

  // What the user does

  scrolled() {
    const { log } = this;
    this.wasAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
    if (log.scrollTop < NEAR && this.jid) this.session.archive.earlier(this.conversation);
  }

  fit() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight + 2, 180)}px`;
  }

  typed() {
    this.fit();
    const { messages } = this.session;
    if (this.field.value.trim()) messages.noteTyping(this.jid); else messages.stopTyping(this.conversation);
  }

  key(event) {
    // Enter that ends a choice of characters (Japanese, Chinese) is not one that sends.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
      event.preventDefault();
      this.send();
    }
  }

  send() {
    const text = this.field.value.trim();
    if (!text || !this.jid) return;
    this.field.value = "";
    this.conversation.draft = "";
    this.fit();
    this.wasAtEnd = true;
    this.session.messages.say(this.jid, text);
    this.field.focus();
  }
}
