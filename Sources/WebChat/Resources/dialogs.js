// Small windows: own presence, a new contact, a contact's details.

import { showText } from "./contacts.js";
import { h } from "./dom.js";
import { t } from "./texts.js";
import { address, domainOf } from "./xml.js";

/** Opens a dialog and takes it away when it is closed. */
function present(title, ...content) {
  const dialog = h("dialog", { "aria-labelledby": "dialog-title", onclose: () => dialog.remove() },
    h("h2", { id: "dialog-title" }, title), ...content);
  // A click beside it closes it.
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

const buttons = (...content) => h("div", { class: "buttons" }, ...content);

function cancel() {
  return h("button", { type: "button", onclick: (event) => event.target.closest("dialog").close() }, t("cancel"));
}

const field = (id, label, input) => h("div", { class: "field" }, h("label", { for: id }, label), input);

export function addContact(session, open) {
  const failure = h("p", { class: "failure", role: "alert" });
  failure.hidden = true;
  const domain = domainOf(session.account);
  const jid = h("input", {
    id: "contact-address", autocomplete: "off", autocapitalize: "none", spellcheck: "false", required: true, placeholder: `juliet@${domain}`,
  });
  const name = h("input", { id: "contact-name", autocomplete: "off", maxlength: "255" });
  const dialog = present(t("contact.add"), h("form", {
    onsubmit: async (event) => {
      event.preventDefault();
      const wanted = address(jid.value, domain);
      if (!wanted || wanted === session.account) {
        failure.textContent = t("contact.invalid");
        failure.hidden = false;
        return jid.focus();
      }
      try {
        await session.roster.add(wanted, name.value.trim());
        dialog.close();
        open(wanted);
      } catch (error) {
        failure.textContent = `${t("contact.failed")} ${error?.text || error?.condition || ""}`;
        failure.hidden = false;
      }
    },
  }, field("contact-address", t("contact.address"), jid), field("contact-name", t("contact.name"), name),
  h("p", { class: "soft" }, t("contact.add.text")), failure,
  buttons(cancel(), h("button", { class: "primary", type: "submit" }, t("contact.add")))));
}

export function contactDetails(session, jid, closed) {
  const { roster } = session;
  const item = roster.items.get(jid);
  const { show, status } = roster.state(jid);
  const about = h("dl", {},
    h("dt", {}, t("contact.address")), h("dd", {}, jid),
    h("dt", {}, t("presence")), h("dd", {}, [showText(show), status].filter(Boolean).join(" · ")),
    h("dt", {}, t("subscription")), h("dd", {}, t(`subscription.${item?.subscription ?? "absent"}`)),
    item?.groups.length ? [h("dt", {}, t("groups")), h("dd", {}, item.groups.join(", "))] : null);
  const close = h("button", { type: "button", onclick: () => dialog.close() }, t("close"));
  const name = h("input", { id: "rename", value: item?.name ?? "", maxlength: "255", autocomplete: "off" });
  const dialog = present(roster.name(jid), about, h("form", {
    onsubmit: async (event) => {
      event.preventDefault();
      const action = item ? roster.rename(jid, name.value.trim()) : roster.add(jid, name.value.trim());
      await action.catch(() => {});
      dialog.close();
    },
  }, field("rename", t("contact.name"), name),
  buttons(
    item && h("button", {
      type: "button", class: "danger", onclick: async () => {
        if (!confirm(t("contact.remove.sure", { name: roster.name(jid) }))) return;
        await roster.remove(jid).catch(() => {});
        dialog.close();
        closed();
      },
    }, t("contact.remove")),
    close, h("button", { class: "primary", type: "submit" }, item ? t("save") : t("contact.add")))));
}

export function ownPresence(session, { signOut }) {
  const { presence } = session;
  const status = h("input", { id: "status", value: presence.status, maxlength: "200", autocomplete: "off", placeholder: t("status.placeholder") });
  const choices = ["available", "away", "dnd"].map((show) => h("label", { class: "show" },
    h("input", { type: "radio", name: "show", value: show, checked: show === presence.show }),
    h("span", { class: `dot dot-${show}`, "aria-hidden": "true" }), showText(show)));
  const canNotify = "Notification" in window && Notification.permission === "default";
  const notify = canNotify && h("button", {
    type: "button", id: "notify", onclick: async () => {
      await Notification.requestPermission();
      notify.remove();
    },
  }, t("notify"));
  const dialog = present(session.account, h("form", {
    onsubmit: (event) => {
      event.preventDefault();
      const show = dialog.querySelector("input[name=show]:checked")?.value ?? "available";
      session.setPresence({ show, status: status.value.trim() });
      dialog.close();
    },
  }, h("fieldset", {}, h("legend", {}, t("presence")), choices), field("status", t("status"), status),
  buttons(cancel(), h("button", { class: "primary", type: "submit" }, t("save")))),
  h("div", { class: "buttons apart" }, notify,
    h("button", { type: "button", id: "sign-out", onclick: () => { dialog.close(); signOut(); } }, t("sign-out"))));
  dialog.id = "presence-menu";
}
