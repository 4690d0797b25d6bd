"""The web chat: rules it keeps to, for everybody to use it, and as administrators decide."""

from __future__ import annotations

import asyncio
import json

from support.servers import DOMAIN, set_yaml

from .chat_pages import ChatPage
from .claims import claim
from .client import Scene, expect, until
from .web_chat import chromium
from .web_client import HTTP


async def _audit(page: ChatPage, where: str) -> None:
    await page.settled()
    found = await page.run(AUDIT)
    expect(not found, f"{where}: {found}")


AUDIT = """(() => {
  const problems = [];
  const seen = (e) => e.checkVisibility({ visibilityProperty: true });
  const name = (e) => (e.getAttribute('aria-label') || (e.getAttribute('aria-labelledby') || '').split(' ')
    .map((id) => document.getElementById(id)?.textContent ?? '').join(' ').trim() ||
    (e.labels && [...e.labels].map((l) => l.textContent).join(' ')) || e.textContent || '').trim();
  for (const e of document.querySelectorAll('button, input, textarea, select, a, dialog, [role=log], nav')) {
    if (seen(e) && !name(e)) problems.push('no name: ' + e.outerHTML.slice(0, 120));
  }
  if (document.querySelectorAll('main').length !== 1) problems.push('not one main landmark');
  if ([...document.querySelectorAll('h1')].filter(seen).length > 1) problems.push('several h1');
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
  if (new Set(ids).size !== ids.length) problems.push('ids twice: ' + ids);
  for (const img of document.images) if (!img.hasAttribute('alt')) problems.push('image without alt');
  if (!document.documentElement.lang || !document.title) problems.push('no language or title');
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (color) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const ground = (e) => {
    const layers = [];
    for (let at = e; at; at = at.parentElement) layers.push(rgb(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((m, n) => n - m); return (x + 0.05) / (y + 0.05); };
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !seen(e) || e.closest('.visually-hidden, svg, :disabled, option')) continue;
    const under = ground(e);
    const ratio = contrast(over(rgb(getComputedStyle(e).color), under), under);
    if (ratio < 4.5) problems.push(`contrast ${ratio.toFixed(2)}: ${e.tagName}.${e.className} ${e.textContent.slice(0, 40)}`);
  }
  for (const e of document.querySelectorAll('button, input:not([type=radio], [type=checkbox]), select')) {
    const box = e.getBoundingClientRect();
    if (seen(e) && !e.classList.contains('plain') && (box.height < 24 || box.width < 24)) problems.push('too small: ' + e.outerHTML.slice(0, 90));
  }
  return problems;
})()"""


@claim("web chat: names, landmarks, contrast in light and dark, and every step of a chat with the keyboard alone")
async def accessibility(scene: Scene) -> None:
    romeo = await scene.online()
    async with chromium() as browser:
        page = await browser.page(scene.host)
        for dark in (False, True):
            await page.dark(dark)
            await page.shows("#user")
            await _audit(page, f"sign-in, dark: {dark}")
        await page.dark(False)
        await page.wait("document.activeElement.id === 'user'", "focus in the form")
        user = scene.user()
        page.user = f"{user}@{DOMAIN}"
        await page.call("Input.insertText", text=user)
        await page.tab()
        await page.call("Input.insertText", text="pencil-and-paper")
        await page.enter()
        await page.ready()

        async def focus_on(what: str) -> None:
            for _ in range(15):
                if await page.run(f"document.activeElement.matches({json.dumps(what)})"):
                    return
                await page.tab()
            raise AssertionError(f"the tab key does not reach {what}")

        await focus_on("#add")
        await page.enter()
        await page.shows("dialog")
        await _audit(page, "new contact")
        await focus_on("#contact-address")
        await page.call("Input.insertText", text=romeo.bare)
        await page.enter()
        await page.gone("dialog")
        await page.wait("document.activeElement.id === 'message'", "focus in the field")
        await page.call("Input.insertText", text="by keyboard")
        await page.enter()
        await romeo.body("by keyboard")
        romeo.send_message(mto=page.user, mbody="seen and heard", mtype="chat")
        await page.shows(".theirs", "seen and heard")
        romeo.send_presence(pto=page.user, ptype="subscribe")
        romeo.send_presence(pto=page.user, ptype="subscribed")
        carol = await scene.online()
        carol.send_presence(pto=page.user, ptype="subscribe")
        await page.shows("#requests .request", carol.bare)
        expect(await page.run("document.activeElement.id") == "message", "what arrives takes the focus away")
        for dark in (False, True):
            await page.dark(dark)
            await _audit(page, f"conversation, dark: {dark}")
            await page.picture("conversation-dark" if dark else "conversation-light")
        await page.escape()
        await page.wait("document.activeElement.matches('.person')", "focus back in the list")
        await page.run("document.querySelector('#search').focus()")
        await page.key("ArrowDown", 40)
        await page.wait("document.activeElement.matches('.person')", "focus in the list")
        await page.enter()
        await page.wait("document.activeElement.id === 'message'", "conversation opened by key")
        await page.run("document.querySelector('#me').focus()")
        await page.enter()
        await page.shows("#presence-menu")
        for dark in (False, True):
            await page.dark(dark)
            await _audit(page, f"presence, dark: {dark}")
        await page.escape()
        await page.gone("#presence-menu")


def _set(scene: Scene, user: str, key: str, value: str) -> None:
    """What the administrator decides for one user."""
    scene.host.run("settings", "set", key, value, "--user", f"{user}@{DOMAIN}", "--config", str(scene.host.config))


@claim("web chat: with history switched off nothing old is shown or kept, and what was stored for the user still comes")
async def no_history(scene: Scene) -> None:
    romeo, user = await scene.online(), scene.user()
    page_jid = f"{user}@{DOMAIN}"
    juliet = await scene.online(user, "before")
    romeo.send_message(mto=page_jid, mbody="read long ago", mtype="chat")
    await juliet.body("read long ago")
    await juliet.log_out()
    romeo.send_message(mto=page_jid, mbody="said while away", mtype="chat")
    await romeo.barrier()
    _set(scene, user, "messaging.allow_history", "off")
    async with chromium() as browser:
        page = await browser.page(scene.host)
        await (await page.sign_in(user, remember=True)).ready()
        await page.talk(romeo.bare)
        await page.shows(".theirs", "said while away")
        await page.shows("#policy", "does not allow keeping messages")
        await page.say("now")
        await romeo.body("now")
        await page.state("now", "sent")
        expect(await page.bodies() == ["said while away", "now"], f"{await page.bodies()}")
        kept = await page.run("JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")
        expect(romeo.bare not in kept and "said" not in kept, f"the browser keeps {kept}")


@claim("web chat: with cut and paste switched off text of messages cannot be selected or copied; otherwise it can")
async def no_copying(scene: Scene) -> None:
    async def copied(page: ChatPage) -> tuple[str, bool]:
        return await page.run("""(() => {
            const body = document.querySelector('.message .body');
            const selection = getSelection(); selection.removeAllRanges(); selection.selectAllChildren(body);
            const event = new ClipboardEvent('copy', { bubbles: true, cancelable: true });
            body.dispatchEvent(event);
            return [getComputedStyle(body).userSelect, event.defaultPrevented];
        })()""")

    romeo = await scene.online()
    async with chromium() as browser:
        for allowed in (True, False):
            user = scene.user()
            _set(scene, user, "messaging.allow_cut_paste", "on" if allowed else "off")
            page = await browser.page(scene.host)
            await (await page.sign_in(user)).ready()
            romeo.send_message(mto=page.user, mbody="a secret", mtype="chat")
            await page.talk(romeo.bare)
            await page.shows(".theirs", "a secret")
            expect(await copied(page) == (["auto", False] if allowed else ["none", True]), f"allowed {allowed}: {await copied(page)}")
            shown = await page.run("!document.querySelector('#policy').hidden")
            expect(shown != allowed, "the rule is not told")


@claim("web chat: switched off while the server runs, the page is gone and nobody is disconnected; switched on it is back")
async def switched(scene: Scene) -> None:
    async def status(path: str = "/chat/") -> int:
        link = await HTTP(scene.host, encrypted=False).connect()
        answer, _, _ = await link.ask("GET", path)
        link.cut()
        return answer

    async def becomes(wanted: int, value: str) -> None:
        scene.host.config.write_text(set_yaml(scene.host.config.read_text(), "web", "chat", value))
        await until(status, wanted, 10)

    async with chromium() as browser:
        page = await browser.page(scene.host)
        await (await page.sign_in(scene.user())).ready()
        await becomes(404, "off")
        expect(await status("/") == 404, "/ still leads somewhere")
        romeo = await scene.online()
        romeo.send_message(mto=page.user, mbody="still there?", mtype="chat")
        await page.shows(".person .under", "still there?")
        await becomes(200, "on")


@claim("web chat: banner and policies of the settings are honoured, also when they change while people are signed in")
async def live_policies(scene: Scene) -> None:
    def settings(section: str, key: str, value: str) -> None:
        scene.host.config.write_text(set_yaml(scene.host.config.read_text(), section, key, value))

    romeo, user = await scene.online(), scene.user()
    async with chromium() as browser:
        page = await browser.page(scene.host)
        try:
            await (await page.sign_in(user)).ready()
            romeo.send_message(mto=page.user, mbody="kept in the archive", mtype="chat")
            await page.talk(romeo.bare)
            await page.shows(".theirs", "kept in the archive")
            settings("authentication", "banner", '"Members only. <b>No guests</b>"')
            settings("messaging", "allow_cut_paste", "off")
            await page.shows("#policy", "does not allow copying")
            settings("messaging", "allow_history", "off")
            await page.shows("#policy", "does not allow keeping")
            await page.ready()
            romeo.send_message(mto=page.user, mbody="after the change", mtype="chat")
            await page.shows(".theirs", "after the change")
            await page.reload()
            await page.shows("#banner", "Members only. <b>No guests</b>")
            await (await page.sign_in(user)).ready()
            romeo.send_message(mto=page.user, mbody="after the reload", mtype="chat")
            await page.talk(romeo.bare)
            await page.shows(".theirs", "after the reload")
            expect("kept in the archive" not in await page.bodies(), f"{await page.bodies()}")
        finally:
            settings("authentication", "banner", '""')
            settings("messaging", "allow_cut_paste", "on")
            settings("messaging", "allow_history", "on")
