// The page before signing in.

import { h } from "./dom.js";
import { chooseLanguage } from "./memory.js";
import { has, languageName, t } from "./texts.js";
import { address, domainOf, local } from "./xml.js";

export function logo() {
  return h("img", { src: "icon.svg", alt: "", class: "logo", width: "48", height: "48" });
}

/** Why a session has ended, in words. */
export function reasonText(reason, detail) {
  const key = `ended.${reason}`;
  const words = has(key) ? t(key) : t("ended.other");
  return detail && !["credentials", "unreachable", "signed-out"].includes(reason) ? `${words} (${detail})` : words;
}

function languagePicker(config) {
  const select = h("select", {
    id: "language", onchange: () => {
      chooseLanguage(select.value);
      location.reload();
    },
  }, config.languages.map((tag) =>
    h("option", { value: tag, lang: tag, selected: tag === document.documentElement.lang }, languageName(tag))));
  return h("p", { class: "language" }, h("label", { for: "language" }, t("language")), select);
}

/** Without cryptography in the browser there is no login that keeps the password from the network. */
function insecure(config) {
  const target = config.https_port
    ? `https://${location.hostname}${config.https_port === 443 ? "" : `:${config.https_port}`}/chat/` : null;
  return h("div", { class: "notice", role: "alert", id: "insecure" },
    h("h2", {}, t("insecure.title")), h("p", {}, t("insecure.text")),
    target && h("p", {}, h("a", { href: target }, target)));
}

/**
 * The form. `signIn({ user, domain, password, remembers })` is called with what was typed; `ended` is why the last
 * session is over.
 */
export function signInPage(config, { ended = null, remembered = null, signIn }) {
  const domains = config.domains.map((domain) => domain.name);
  const one = domains.length === 1 ? domains[0] : null;
  const isSecure = window.isSecureContext && crypto.subtle;
  const failure = h("p", { class: "failure", role: "alert", id: "failure" }, ended ? reasonText(ended.reason, ended.detail) : "");
  failure.hidden = !ended || ended.reason === "signed-out";
  const user = h("input", {
    id: "user", name: "username", autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: true,
    placeholder: one ? t("user.placeholder") : `${t("user.placeholder")}@${domains[0] ?? ""}`, value: remembered ?? "",
    "aria-describedby": "failure",
  });
  const password = h("input", {
    id: "password", name: "password", type: "password", autocomplete: "current-password", required: true,
    "aria-describedby": "failure",
  });
  const remembers = h("input", { id: "remember", type: "checkbox" });
  const submit = h("button", { class: "primary", type: "submit" }, t("sign-in"));
  const fail = (text) => {
    failure.textContent = text;
    failure.hidden = false;
    submit.disabled = false;
    submit.textContent = t("sign-in");
  };
  const form = h("form", {
    onsubmit: (event) => {
      event.preventDefault();
      const jid = address(user.value, domains[0]);
      if (!jid || !domains.includes(domainOf(jid))) {
        user.focus();
        return fail(jid ? t("ended.host-unknown") : t("user.invalid"));
      }
      failure.hidden = true;
      submit.disabled = true;
      submit.textContent = t("signing-in");
      signIn({ user: local(jid), domain: domainOf(jid), password: password.value, remembers: remembers.checked });
    },
  },
  h("div", { class: "field" }, h("label", { for: "user" }, t("user")),
    h("div", { class: "input" }, user, one && h("span", { class: "suffix", "aria-hidden": "true" }, `@${one}`))),
  h("div", { class: "field" }, h("label", { for: "password" }, t("password")), password),
  h("p", { class: "choice" }, remembers, h("label", { for: "remember" }, t("remember"))),
  failure, submit);
  const page = h("main", { class: "entry" },
    h("div", { class: "card" },
      h("header", {}, logo(), h("h1", {}, t("title")), h("p", { class: "soft" }, one ?? t("tagline"))),
      config.banner && h("p", { class: "banner", role: "note", id: "banner" }, config.banner),
      isSecure ? form : insecure(config),
      languagePicker(config)));
  queueMicrotask(() => { if (isSecure) (remembered ? password : user).focus(); });
  return page;
}

/** Another window has taken the session. */
export function replacedPage({ again, signOut }) {
  const here = h("button", { class: "primary", onclick: again }, t("replaced.here"));
  queueMicrotask(() => here.focus());
  return h("main", { class: "entry" }, h("div", { class: "card" },
    h("header", {}, logo(), h("h1", {}, t("replaced.title"))),
    h("p", {}, t("replaced.text")), here, h("button", { onclick: signOut }, t("sign-out"))));
}
