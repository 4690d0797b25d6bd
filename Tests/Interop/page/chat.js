// The least that a chat in a web page does: finds the server by host-meta, logs in, sends and receives.
"use strict";

window.told = [];
window.received = [];
window.phase = null;

/** Addresses of WebSocket and BOSH as host-meta names them (XEP-0156). */
async function discover(base) {
  const answer = await fetch(base + "/.well-known/host-meta.json");
  const found = {};
  for (const link of (await answer.json()).links) found[link.rel.split(":").pop()] = link.href;
  return found;
}

/** Logs in with Strophe.js over "websocket" or "xbosh". */
window.begin = async function (base, kind, jid, password) {
  const address = (await discover(base))[kind];
  const connection = new Strophe.Connection(address);
  window.connection = connection;
  connection.addHandler((message) => {
    const body = message.getElementsByTagName("body")[0];
    if (body) window.received.push([message.getAttribute("from"), body.textContent]);
    return true;
  }, null, "message");
  connection.connect(jid, password, (status, condition) => {
    window.phase = status;
    window.told.push(status + " " + (condition || ""));
    if (status === Strophe.Status.CONNECTED) connection.send($pres());
  });
  return address;
};

window.isConnected = () => window.phase === Strophe.Status.CONNECTED;
window.isDisconnected = () => window.phase === Strophe.Status.DISCONNECTED;

window.say = (to, text) => window.connection.send($msg({ to, type: "chat" }).c("body").t(text));

/** Asks a question of the server; the type of the answer. */
window.ping = (to) => new Promise((answered) => {
  const iq = $iq({ type: "get", to }).c("ping", { xmlns: "urn:xmpp:ping" });
  window.connection.sendIQ(iq, (answer) => answered(answer.getAttribute("type")), () => answered("error"), 10000);
});
