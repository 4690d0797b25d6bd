"""A page in Chromium with Strophe.js, from an origin of its own: WebSocket, BOSH and host-meta across origins."""

from __future__ import annotations

import json

from support.servers import DOMAIN, PASSWORD

from .browser_client import Browser, PageServer
from .claims import claim
from .client import Scene, expect
from .web_client import https_port


async def _chat(scene: Scene, kind: str, path: str) -> None:
    romeo, user = await scene.online(), scene.user()
    pages = await PageServer().start()
    browser = Browser()
    try:
        await browser.start(f"http://127.0.0.1:{pages.port}/")
        base = f"https://{DOMAIN}:{https_port(scene.host)}"
        arguments = ", ".join(json.dumps(text) for text in (base, kind, f"{user}@{DOMAIN}/page", PASSWORD))
        address = await browser.run(f"begin({arguments})")
        expect(address == f"{'wss' if kind == 'websocket' else 'https'}{base[5:]}{path}", f"host-meta says {address}")
        await browser.wait("isConnected()", "login")
        texts = [f"to the page {number} <&> é" for number in range(5)]
        for text in texts:
            romeo.send_message(mto=f"{user}@{DOMAIN}/page", mbody=text, mtype="chat")
        await browser.wait(f"received.length >= {len(texts)}", "messages")
        got = await browser.run("received")
        expect(got == [[romeo.boundjid.full, text] for text in texts], f"the page received {got}")
        for number in range(5):
            await browser.run(f"say({json.dumps(romeo.bare)}, 'from the page {number}')")
        for number in range(5):
            message = await romeo.body(f"from the page {number}")
            expect(message["from"].full == f"{user}@{DOMAIN}/page", f"from {message['from']}")
        expect(await browser.run(f"ping({json.dumps(DOMAIN)})") == "result", "the server does not answer a ping")
        await browser.run("connection.disconnect()")
        await browser.wait("isDisconnected()", "end of the session")
    finally:
        await browser.stop()
        pages.stop()


@claim("browser: Strophe.js in Chromium finds the server by host-meta, logs in and chats over WebSocket")
async def over_websocket(scene: Scene) -> None:
    await _chat(scene, "websocket", "/xmpp-websocket")


@claim("browser: Strophe.js in Chromium finds the server by host-meta, logs in and chats over BOSH")
async def over_bosh(scene: Scene) -> None:
    await _chat(scene, "xbosh", "/http-bind")
