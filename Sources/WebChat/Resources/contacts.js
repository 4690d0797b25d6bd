// The column of contacts: own presence, search, requests, people and conversations.

import { face, h, hidden, icon, reconcile } from "./dom.js";
import { shortTime, t } from "./texts.js";

const RANK = { chat: 0, available: 0, dnd: 1, away: 1, xa: 2, offline: 3 };

export const showText = (show) => t(`show.${show}`);

export class Contacts {
  constructor(session, { open, add, menu }) {
    this.session = session;
    this.open = open;
    this.search = h("input", {
      id: "search", type: "search", placeholder: t("search"), "aria-label": t("search"), autocomplete: "off",
      oninput: () => this.render(), onkeydown: (event) => this.searchKey(event),
    });
    this.me = h("button", { class: "me", id: "me", "aria-haspopup": "dialog", onclick: menu });
    this.link = h("p", { class: "link", id: "link", role: "status" });
    this.requests = h("ul", { class: "requests", id: "requests", "aria-label": t("requests") });
    this.list = h("ul", { class: "contacts", id: "contacts", "aria-label": t("contacts"), onkeydown: (event) => this.listKey(event) });
    this.empty = h("div", { class: "empty", id: "no-contacts" }, h("p", {}, t("contacts.none")),
      h("button", { class: "primary", onclick: add }, t("contact.add")));
    this.element = h("nav", { class: "side", "aria-label": t("contacts") },
      h("header", {}, this.me,
        h("button", { class: "round", id: "add", "aria-label": t("contact.add"), title: t("contact.add"), onclick: add }, icon("add"))),
      h("div", { class: "search" }, icon("search"), this.search), this.link, this.requests, this.list, this.empty);
  }

  render() {
    const { session } = this;
    this.renderMe();
    const { state } = session.link;
    this.link.textContent = state === "online" ? "" : t(state === "connecting" ? "link.connecting" : "link.waiting");
    this.link.hidden = state === "online";
    reconcile(this.requests, [...session.roster.requests.values()].map((request) => this.request(request)));
    this.requests.hidden = session.roster.requests.size === 0;
    const people = this.people();
    reconcile(this.list, people.map((jid) => this.person(jid)));
    const nobody = people.length === 0 && !session.roster.requests.size;
    this.empty.hidden = !nobody || !session.isReady;
    this.empty.firstChild.textContent = this.search.value ? t("search.none") : t("contacts.none");
  }

  renderMe() {
    const { account, presence, isOnline } = this.session;
    const name = account.split("@")[0];
    const show = isOnline ? presence.show : "offline";
    const signature = `${account} ${show} ${presence.status}`;
    if (this.shown === signature) return;
    this.shown = signature;
    this.me.replaceChildren(face(account, name, show),
      h("span", { class: "lines" }, h("strong", {}, name), h("span", { class: "soft" }, presence.status || showText(show))),
      hidden(t("presence.change")));
    this.me.title = account;
  }

  /** Contacts and everybody else with a conversation: unread and recent first, then who is there, then by name. */
  people() {
    const { roster, messages } = this.session;
    const wanted = this.search.value.trim().toLowerCase();
    const all = new Set(roster.items.keys());
    for (const conversation of messages.conversations.values()) {
      if (conversation.latest || conversation.jid === this.session.openJid) all.add(conversation.jid);
    }
    const found = [...all].filter((jid) => !wanted || jid.toLowerCase().includes(wanted) ||
      roster.name(jid).toLowerCase().includes(wanted));
    const time = (jid) => messages.conversations.get(jid)?.latest?.time ?? 0;
    return found.sort((one, other) => time(other) - time(one) ||
      RANK[roster.state(one).show] - RANK[roster.state(other).show] ||
      roster.name(one).localeCompare(roster.name(other)));
  }

  person(jid) {
    const { roster, messages, openJid } = this.session;
    const name = roster.name(jid);
    const { show, status } = roster.state(jid);
    const conversation = messages.conversations.get(jid);
    const latest = conversation?.latest;
    const unread = conversation?.unread ?? 0;
    const isTyping = conversation?.isTyping ?? false;
    const item = roster.items.get(jid);
    const isOpen = jid === openJid;
    const asked = item && item.isAsked && item.subscription === "none";
    const under = isTyping ? t("typing.short") : latest ? (latest.isMine ? t("you.said", { text: latest.body }) : latest.body)
      : asked ? t("contact.asked") : status || showText(show);
    const when = latest ? shortTime(latest.time) : "";
    return {
      key: jid,
      signature: [name, show, under, when, unread, isOpen, isTyping].join("\n"),
      make: () => h("li", {}, h("button", { class: "person", "data-jid": jid, onclick: () => this.open(jid) })),
      fill: (element) => {
        const button = element.firstChild;
        button.toggleAttribute("data-unread", unread > 0);
        if (isOpen) button.setAttribute("aria-current", "true"); else button.removeAttribute("aria-current");
        button.replaceChildren(face(jid, name, show),
          h("span", { class: "lines" },
            h("span", { class: "line" }, h("strong", {}, name), hidden(`, ${showText(show)}`),
              h("span", { class: "soft when" }, when)),
            h("span", { class: "line" }, h("span", { class: isTyping ? "under typing" : "under soft" }, under),
              unread > 0 && h("span", { class: "badge" }, unread > 99 ? "99+" : String(unread), hidden(` ${t("unread")}`)))));
        button.title = jid;
      },
    };
  }

  request({ jid, text }) {
    const { roster } = this.session;
    return {
      key: jid, signature: text,
      make: () => h("li", { class: "request", "data-jid": jid }),
      fill: (element) => element.replaceChildren(
        h("div", { class: "line" }, face(jid, roster.name(jid)), h("div", { class: "lines" },
          h("strong", {}, jid), h("span", { class: "soft" }, text || t("request.text")))),
        h("div", { class: "buttons" },
          h("button", { class: "primary", "aria-label": t("request.accept.of", { name: jid }), onclick: () => roster.accept(jid) }, t("request.accept")),
          h("button", { "aria-label": t("request.decline.of", { name: jid }), onclick: () => roster.decline(jid) }, t("request.decline")))),
    };
  }

  searchKey(event) {
    if (event.key === "Escape" && this.search.value) {
      this.search.value = "";
      this.render();
      event.preventDefault();
    } else if (event.key === "ArrowDown" || event.key === "Enter") {
      const first = this.list.querySelector("button");
      if (event.key === "Enter") first?.click(); else first?.focus();
      event.preventDefault();
    }
  }

  listKey(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (!(event.key in steps)) return;
    const buttons = [...this.list.querySelectorAll("button")];
    const place = buttons.indexOf(document.activeElement) + steps[event.key];
    if (place < 0) this.search.focus(); else buttons[Math.min(place, buttons.length - 1)]?.focus();
    event.preventDefault();
  }
}
