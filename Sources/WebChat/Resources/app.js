// The page as a whole: signs in, shows what there is, and tells of what happens.

import { Contacts } from "./contacts.js";
import { revoke } from "./connection.js";
import { ConversationView } from "./conversation.js";
import { addContact, contactDetails, ownPresence } from "./dialogs.js";
import { h } from "./dom.js";
import { forgetLogin, rememberedLogin, rememberLogin } from "./memory.js";
import { Session } from "./session.js";
import { reasonText, replacedPage, signInPage } from "./signin.js";
import { bestLanguage, loadTexts, t } from "./texts.js";
import { freshId } from "./xml.js";

/** Milliseconds between two looks at what the administrator allows. */
const POLICY_INTERVAL = 60_000;

const page = document.getElementById("page");
let config;
let session = null;
let views = null;
let remembers = false;

async function loadConfig() {
  const answer = await fetch("config.json", { cache: "no-store" });
  if (!answer.ok) throw new Error(`config: ${answer.status}`);
  config = await answer.json();
}

const webSocketURL = () => new URL(config.websocket, location.href).href.replace(/^http/, "ws");

const policyOf = (domain) => config.domains.find((one) => one.name === domain) ?? { allow_history: true, allow_cut_paste: true };

// Signing in and out

function showSignIn(ended = null, remembered = null) {
  views = null;
  document.title = t("title");
  page.replaceChildren(signInPage(config, {
    ended, remembered,
    signIn: (typed) => {
      remembers = typed.remembers;
      begin({ user: typed.user, password: typed.password, client: freshId() }, typed.domain);
    },
  }));
}

function begin(identity, domain) {
  session = new Session({
    url: webSocketURL(), domain, identity, policy: policyOf(domain), keeps: remembers, text: t,
    presence: { show: "available", status: "" },
    events: {
      changed: () => changed(),
      message: (conversation, message) => notify(conversation.jid, session.roster.name(conversation.jid), message.body),
      request: (jid) => notify(jid, jid, t("request.text")),
      token: (token) => {
        if (remembers) rememberLogin({ user: identity.user, domain, client: identity.client, token });
      },
      ended: (reason, detail) => ended(identity, domain, reason, detail),
    },
  });
  session.start();
}

function ended(identity, domain, reason, detail) {
  const wasIn = session?.isReady;
  closeDialogs();
  session = null;
  if (reason === "conflict" && wasIn) {
    views = null;
    page.replaceChildren(replacedPage({
      again: () => begin(identity, domain),
      signOut: () => { forgetLogin(); showSignIn(); },
    }));
    return;
  }
  if (reason !== "unreachable") forgetLogin();
  const asked = document.getElementById("failure");
  // The form stays as it is when the first attempt fails.
  if (asked && !wasIn) {
    asked.textContent = reasonText(reason, detail);
    asked.hidden = false;
    const button = document.querySelector(".entry button[type=submit]");
    button.disabled = false;
    button.textContent = t("sign-in");
    if (reason === "credentials") document.getElementById("password").select();
    return;
  }
  showSignIn({ reason, detail }, identity.user);
}

function signOut() {
  const { identity, domain, url } = session.connection;
  if (remembers) session.marks.forget();
  forgetLogin();
  session.close();
  if (identity.token) revoke(url, domain, identity);
}

// The chat

function showChat() {
  const current = session;
  const contacts = new Contacts(current, {
    open: (jid) => open(jid), add: () => addContact(current, open), menu: () => ownPresence(current, { signOut }),
  });
  const conversation = new ConversationView(current, {
    back: () => open(null), details: (jid) => contactDetails(current, jid, () => open(null)),
  });
  views = { contacts, conversation, chat: h("div", { class: "chat", id: "chat" }, contacts.element, conversation.element) };
  page.replaceChildren(views.chat);
  history.replaceState({ jid: null }, "");
  show(null);
}

function changed() {
  if (!session) return;
  if (!views) {
    // The form stays until it is known that the password is right.
    if (session.link.state !== "online" && !session.connection.identity.mayWait) return;
    showChat();
  }
  session.look();
  views.contacts.render();
  views.conversation.render();
  const { unread } = session.messages;
  document.title = unread ? `(${unread}) ${t("title")}` : t("title");
}

/** Opens a conversation; the way back of the browser leads to the list. */
function open(jid) {
  if (!jid && history.state?.jid) return history.back();
  if (jid === session.openJid) return show(jid);
  if (history.state?.jid) history.replaceState({ jid }, ""); else history.pushState({ jid }, "");
  show(jid);
}

function show(jid) {
  const before = session.openJid;
  session.open(jid);
  views.chat.dataset.pane = jid ? "talk" : "list";
  views.conversation.show(jid);
  if (!jid && before) views.contacts.list.querySelector(`[data-jid="${CSS.escape(before)}"]`)?.focus();
  changed();
}

function closeDialogs() { for (const dialog of document.querySelectorAll("dialog")) dialog.close(); }

function notify(jid, title, body) {
  if (!("Notification" in window) || Notification.permission !== "granted" || session.isLookingAt(jid)) return;
  const notification = new Notification(title, { body: body.slice(0, 200), tag: jid, icon: "icon.svg" });
  notification.onclick = () => {
    window.focus();
    if (session) open(jid);
    notification.close();
  };
}

addEventListener("popstate", (event) => { if (session && views) show(event.state?.jid ?? null); });
addEventListener("focus", () => session?.look());
document.addEventListener("visibilitychange", () => session?.look());
addEventListener("keydown", (event) => {
  if (!views || document.querySelector("dialog")) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "k") {
    event.preventDefault();
    views.contacts.search.focus();
  } else if (event.key === "Escape" && session.openJid && !event.isComposing && !views.contacts.element.contains(event.target)) {
    open(null);
  }
});

setInterval(async () => {
  if (!session || document.visibilityState !== "visible") return;
  await loadConfig().catch(() => {});
  session?.follow(policyOf(session.account.split("@").pop()));
}, POLICY_INTERVAL);

async function start() {
  await loadConfig();
  await loadTexts(bestLanguage(config.languages));
  const login = window.isSecureContext && crypto.subtle ? rememberedLogin() : null;
  if (!login || !config.domains.some((domain) => domain.name === login.domain)) return showSignIn();
  remembers = true;
  begin({ user: login.user, client: login.client, token: login.token, mayWait: true }, login.domain);
}

start().catch((error) => {
  console.error(error);
  page.replaceChildren(h("main", { class: "entry" }, h("p", { class: "failure", role: "alert" },
    "The server does not answer. Reload the page to try again. / サーバーが応答しません。ページを再読み込みしてください。")));
});
