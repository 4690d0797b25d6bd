// What is said until a stream is ready: the extensible SASL profile (XEP-0388) with everything that goes inline.

import { HashedToken, Scram, SCRAM_MECHANISMS, TOKEN_MECHANISM } from "./sasl.js";
import { NS, child, children, el, textOf } from "./xml.js";

/** Why a login, or a session, has ended for good. `reason` is a key of the catalogue below `ended.`. */
export class Ended extends Error {
  constructor(reason, detail = "") {
    super(reason);
    this.reason = reason;
    this.detail = detail;
  }
}

/**
 * One login on one stream. `send` writes a frame; `identity` is the account with what proves it. `previous` is the
 * session to resume, `isInline` whether to bind in the same step, `invalidates` whether to give the token up.
 */
export class Login {
  constructor(identity, { previous = null, isInline = false, invalidates = false }, send) {
    this.identity = identity;
    this.previous = previous?.id ? previous : null;
    this.isInline = isInline;
    this.invalidates = invalidates;
    this.send = send;
  }

  /** Begins with the strongest thing that both sides have. */
  async begin(features) {
    const offer = child(features, "authentication", NS.sasl2);
    const inline = child(offer, "inline");
    const tokens = children(child(inline, "fast", NS.fast), "mechanism").map((one) => one.textContent);
    this.offersTokens = tokens.includes(TOKEN_MECHANISM);
    this.mechanisms = children(offer, "mechanism").map((one) => one.textContent);
    await this.attempt();
  }

  async attempt() {
    const { identity } = this;
    this.usesToken = this.offersTokens && Boolean(identity.token);
    let mechanism = TOKEN_MECHANISM;
    if (this.usesToken) {
      this.exchange = new HashedToken(identity.user, identity.token.text);
    } else {
      if (identity.password === undefined && !identity.key) throw new Ended("expired");
      mechanism = Object.keys(SCRAM_MECHANISMS).find((name) => this.mechanisms.includes(name));
      if (!mechanism) throw new Ended("mechanism");
      this.exchange = new Scram(mechanism, identity.user, identity);
    }
    const wantsToken = this.offersTokens && !this.usesToken;
    this.send(el("authenticate", { xmlns: NS.sasl2, mechanism },
      el("initial-response", {}, await this.exchange.initial()),
      el("user-agent", { id: identity.client },
        el("software", {}, "Roost web chat"), el("device", {}, browserName())),
      this.usesToken && el("fast", { xmlns: NS.fast, invalidate: this.invalidates && "true" }),
      wantsToken && el("request-token", { xmlns: NS.fast, mechanism: TOKEN_MECHANISM }),
      this.previous && el("resume", { xmlns: NS.sm, previd: this.previous.id, h: this.previous.handled }),
      this.isInline && el("bind", { xmlns: NS.bind2 },
        el("tag", {}, "web"),
        el("enable", { xmlns: NS.sm, resume: "true" }),
        el("enable", { xmlns: NS.carbons }))));
  }

  async challenge(element) {
    try {
      const response = await this.exchange.answer(element.textContent);
      this.send(el("response", { xmlns: NS.sasl2 }, response));
    } catch (error) {
      throw new Ended(error.message === "expired" ? "expired" : "protocol");
    }
  }

  /** A token that is refused is followed by the password, where there is one. */
  async failed(element, isFirst) {
    const condition = [...element.children].find((one) => one.namespaceURI === NS.sasl)?.localName ?? "";
    const text = textOf(element, "text", NS.sasl2);
    if (condition === "temporary-auth-failure") {
      if (isFirst) throw new Ended("later", text);
      throw new Error("try again");
    }
    if (this.usesToken) {
      this.identity.token = null;
      return this.attempt();
    }
    throw new Ended(condition === "not-authorized" ? "credentials" : "refused", text || condition);
  }

  /** What came with the success; throws when it does not come from somebody who knows the password. */
  async succeeded(element) {
    if (!await this.exchange.verify(textOf(element, "additional-data"))) throw new Ended("protocol");
    const token = child(element, "token", NS.fast);
    if (token) this.identity.token = { text: token.getAttribute("token"), expiry: token.getAttribute("expiry") };
    delete this.identity.password;
    const bound = child(element, "bound", NS.bind2);
    this.outcome = {
      address: textOf(element, "authorization-identifier"),
      resumed: child(element, "resumed", NS.sm),
      failed: child(element, "failed", NS.sm),
      enabled: child(bound, "enabled", NS.sm),
      bound,
    };
    return this.outcome;
  }
}

/** What the user calls this device, roughly. */
function browserName() {
  const agent = navigator.userAgent;
  const browser = ["Edg", "OPR", "Firefox", "Chrome", "Safari"].find((name) => agent.includes(`${name}/`));
  return { Edg: "Edge", OPR: "Opera" }[browser] ?? browser ?? "Browser";
}
