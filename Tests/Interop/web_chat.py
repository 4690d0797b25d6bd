"""The web chat in a real browser against the real server."""

from __future__ import annotations

import asyncio
import contextlib
import json

from support.servers import DOMAIN

from .chat_pages import PHONE, ChatPage, Chromium
from .claims import claim
from .client import Scene, expect
from .web_client import HTTP, http_port


@contextlib.asynccontextmanager
async def chromium():
    browser = await Chromium().start()
    try:
        yield browser
        for page in browser.pages.values():
            page.is_clean()
    finally:
        await browser.stop()


async def _befriend(one: ChatPage, other: ChatPage) -> None:
    """Two pages that see each other's presence: asked for in one, accepted in the other."""
    await one.click("#add")
    await one.type("#contact-address", other.user)
    await one.enter()
    await other.shows("#requests .request", one.user)
    await other.click("#requests .request button.primary")
    for page, friend in ((one, other), (other, one)):
        await page.shows(f".person[data-jid='{friend.user}'] .dot-available")


async def _couple(scene: Scene, browser: Chromium, **options) -> tuple[ChatPage, ChatPage]:
    pages = []
    for _ in range(2):
        page = await browser.page(scene.host, **options)
        await (await page.sign_in(scene.user())).ready()
        pages.append(page)
    await _befriend(*pages)
    return pages[0], pages[1]


@claim("web chat: the address of the server leads to the page; everything it loads comes from the server itself")
async def entrance(scene: Scene) -> None:
    link = await HTTP(scene.host, encrypted=False).connect()
    status, headers, _ = await link.ask("GET", "/")
    expect((status, headers["location"]) == (302, "/chat/"), f"{status} {headers}")
    status, headers, _ = await link.ask("GET", "/chat/")
    policy = headers["content-security-policy"]
    expect(status == 200 and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, f"{headers}")
    expect(headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer", f"{headers}")
    link.cut()
    async with chromium() as browser:
        page = await browser.page(scene.host, path="/")
        await (await page.sign_in(scene.user())).ready()
        await page.shows("#no-contacts")
        own = (f"http://localhost:{http_port(scene.host)}/", f"ws://localhost:{http_port(scene.host)}/")
        strangers = [address for address in page.addresses if not address.startswith(own)]
        expect(not strangers, f"the page asks {strangers}")


@claim("web chat: a wrong password is refused in words, an unknown domain too, and the right one is tried again")
async def wrong_password(scene: Scene) -> None:
    user = scene.user()
    async with chromium() as browser:
        page = await browser.page(scene.host)
        await page.sign_in(user, "not-the-password")
        await page.shows("#failure", "User name or password is wrong")
        await page.sign_in(f"{user}@elsewhere.example")
        await page.shows("#failure", "not served here")
        await (await page.sign_in(user)).ready()
        kept = await page.run("JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")
        expect("pencil" not in kept and "token" not in kept, f"the browser keeps {kept}")


@claim("web chat: a contact request is made, shown and accepted; two people on two pages chat, with receipts and typing")
async def two_people(scene: Scene) -> None:
    async with chromium() as browser:
        anna, bob = await _couple(scene, browser)
        await anna.talk(bob.user)
        await bob.talk(anna.user)
        await anna.type("#message", "Hello")
        await bob.shows("#with-state", "is typing")
        await anna.say("Hello <b>Bob</b> & co\nsecond line https://example.com/x?a=1.")
        wanted = "Hello <b>Bob</b> & co\nsecond line https://example.com/x?a=1."
        await bob.shows(".theirs", "second line")
        expect(await bob.bodies() == [wanted], f"bob reads {await bob.bodies()}")
        expect(await bob.run("document.querySelector('.body a').href") == "https://example.com/x?a=1", "the link is wrong")
        await anna.state(wanted, "received")
        for number in range(4):
            await bob.say(f"answer {number}")
        await anna.shows(".theirs", "answer 3")
        expect(await anna.bodies() == [wanted] + [f"answer {number}" for number in range(4)], f"{await anna.bodies()}")
        await bob.state("answer 3", "received")


@claim("web chat: a request can be declined, a contact renamed and removed")
async def contacts(scene: Scene) -> None:
    async with chromium() as browser:
        anna, bob = await _couple(scene, browser)
        await anna.talk(bob.user)
        await anna.click("#details")
        await anna.type("#rename", "Bob the Builder")
        await anna.enter()
        await anna.shows(".person strong", "Bob the Builder")
        await anna.shows("#with", "Bob the Builder")
        await anna.run("window.confirm = () => true")
        await anna.click("#details")
        await anna.click("dialog .danger")
        await anna.gone(f".person[data-jid='{bob.user}']")
        await bob.shows(f".person[data-jid='{anna.user}'] .dot-offline")
        carol = await scene.online()
        carol.send_presence(pto=anna.user, ptype="subscribe")
        await anna.shows("#requests .request", carol.bare)
        await anna.run("[...document.querySelectorAll('#requests button')].pop().click()")
        await carol.wait("presence", lambda p: p["type"] == "unsubscribed", "refusal")
        await anna.gone("#requests")


@claim("web chat: presence and its text are chosen in the page and seen by contacts, and theirs are seen")
async def presence(scene: Scene) -> None:
    async with chromium() as browser:
        anna, bob = await _couple(scene, browser)
        await anna.click("#me")
        await anna.click("input[name=show][value=dnd]")
        await anna.type("#status", "writing <report>")
        await anna.enter()
        await bob.shows(f".person[data-jid='{anna.user}'] .dot-dnd")
        await bob.shows(f".person[data-jid='{anna.user}'] .under", "writing <report>")
        await bob.talk(anna.user)
        await bob.shows("#with-state", "Do not disturb · writing <report>")
        await bob.click("#me")
        await bob.click("#sign-out")
        await bob.shows("#user")
        await anna.shows(f".person[data-jid='{bob.user}'] .dot-offline")


@claim("web chat: with a client of another kind, receipts go both ways and what another device sends and reads shows")
async def another_client(scene: Scene) -> None:
    romeo, user = await scene.online(), scene.user()
    async with chromium() as browser:
        page = await browser.page(scene.host)
        await (await page.sign_in(user)).ready()
        await page.click("#add")
        await page.type("#contact-address", romeo.bare)
        await page.enter()
        await romeo.wait("presence", lambda p: p["type"] == "subscribe", "request")
        romeo.send_presence(pto=page.user, ptype="subscribed")
        romeo.send_presence(pto=page.user, ptype="subscribe")
        await romeo.wait("presence", lambda p: p["type"] == "subscribed", "approval")
        await page.shows(f".person[data-jid='{romeo.bare}'] .dot-available")
        await page.talk(romeo.bare)
        await page.say("from the page")
        message = await romeo.body("from the page")
        await page.state("from the page", "sent")
        expect(message["request_receipt"], "no receipt is asked for")
        receipt = romeo.make_message(mto=message["from"], mtype="chat")
        receipt["receipt"] = message["id"]
        receipt.send()
        await page.state("from the page", "received")
        asking = romeo.make_message(mto=page.user, mtype="chat", mbody="to the page")
        asking["request_receipt"] = True
        asking.send()
        await page.shows(".theirs", "to the page")
        await romeo.wait("message", lambda m: m["receipt"] == asking["id"], "receipt of the page")
        desk = await scene.online(user, "desk")
        desk.send_message(mto=romeo.bare, mbody="from the desk", mtype="chat")
        await page.shows(".mine", "from the desk")
        await page.escape()
        await page.gone("#message")
        romeo.send_message(mto=page.user, mbody="unread one", mtype="chat")
        await page.shows(".badge", "1")
        expect((await page.run("document.title")).startswith("(1)"), "the title does not count")
        desk.send_message(mto=romeo.bare, mbody="answered at the desk", mtype="chat")
        await page.gone(".badge")


@claim("web chat: history is there after a reload of a remembered sign-in, older pages come with scrolling, in order, once each")
async def history(scene: Scene) -> None:
    romeo, user = await scene.online(), scene.user()
    page_jid = f"{user}@{DOMAIN}"
    juliet = await scene.online(user, "before")
    texts = [f"line {number}" for number in range(330)]
    for text in texts:
        romeo.send_message(mto=page_jid, mbody=text, mtype="chat")
    await juliet.body(texts[-1], 30)
    await juliet.log_out()
    async with chromium() as browser:
        page = await browser.page(scene.host)
        await (await page.sign_in(user, remember=True)).ready()
        await page.talk(romeo.bare)
        await page.shows(".theirs", texts[-1])
        await page.reload()
        await page.ready()
        await page.talk(romeo.bare)
        await page.shows(".theirs", texts[-1])
        at_end = await page.run("(l => l.scrollHeight - l.scrollTop - l.clientHeight < 4)(document.querySelector('#log'))")
        expect(at_end, "the page does not show the latest message")
        for _ in range(8):
            if len(await page.bodies()) == len(texts):
                break
            seen = len(await page.bodies())
            await page.run("document.querySelector('#log').scrollTop = 0")
            await page.wait(f"document.querySelectorAll('.message').length > {seen}", "earlier messages")
        expect(await page.bodies() == texts, "the history is not complete and in order")
        await page.shows("#log .middle", "begins here")
        await page.click("#me")
        await page.click("#sign-out")
        await page.shows("#user")
        expect(await page.run("localStorage.getItem('roost.login')") is None, "the sign-in is still remembered")
        await page.reload()
        await page.shows("#user")


@claim("web chat: when links die, nothing is lost and nothing comes twice, on a resumed session and on a new one")
async def reconnect(scene: Scene) -> None:
    # A dead network in place of the real one: Chromium itself slows down after refused connections.
    keep = """window.links = []; const Original = WebSocket;
        window.WebSocket = function (...a) {
            if (window.blocked) { const dead = { readyState: 3, close() {} }; setTimeout(() => dead.onclose?.(), 5); return dead; }
            const link = new Original(...a); links.push(link); return link; };
        window.WebSocket.OPEN = Original.OPEN;"""
    async with chromium() as browser:
        anna, bob = await _couple(scene, browser, before=keep)
        await anna.talk(bob.user)
        await bob.talk(anna.user)

        async def cut(page: ChatPage, blocked: bool) -> None:
            await page.run(f"window.blocked = {json.dumps(blocked)}; links.at(-1).close()")
            if blocked:
                await page.shows("#link")

        sent = {anna: [], bob: []}

        async def say(page: ChatPage, text: str) -> None:
            await page.say(text)
            sent[page].append(text)

        for number in range(3):
            await cut(anna, True)
            await say(anna, f"anna offline {number}")
            await say(bob, f"bob to the absent {number}")
            await anna.state(f"anna offline {number}", "waiting")
            await anna.run("window.blocked = false; dispatchEvent(new Event('online'))")
            await bob.shows(".theirs", f"anna offline {number}")
            await anna.shows(".theirs", f"bob to the absent {number}")
        # The server forgets the session: it cannot be resumed.
        await cut(anna, True)
        await say(anna, "anna before the restart")
        listed = json.loads(scene.host.run("session", "list", "--json", "--config", str(scene.host.config)))
        for session in listed:
            if session["jid"].startswith(anna.user):
                scene.host.run("session", "end", session["jid"], "--config", str(scene.host.config))
        await say(bob, "bob to nobody")
        await anna.run("window.blocked = false; dispatchEvent(new Event('online'))")
        await bob.shows(".theirs", "anna before the restart")
        await anna.shows(".theirs", "bob to nobody")
        for page, other in ((anna, bob), (bob, anna)):
            expect(await page.bodies(".mine") == sent[page], f"{page.user} said {await page.bodies('.mine')}")
            expect(sorted(await page.bodies(".theirs")) == sorted(sent[other]), f"{page.user}: {await page.bodies('.theirs')}")


@claim("web chat: a session that another window takes over says so, and can be taken back")
async def replaced(scene: Scene) -> None:
    user = scene.user()
    async with chromium() as browser:
        page = await browser.page(scene.host)
        await (await page.sign_in(user, remember=True)).ready()
        await page.run("window.second = document.body.appendChild(document.createElement('iframe')), 0")
        target = (await browser.call("Target.createTarget", url="about:blank", browserContextId=page.context))["targetId"]
        session = (await browser.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        other = ChatPage(browser, session, target, page.context)
        browser.pages[session] = other
        await other.call("Emulation.setFocusEmulationEnabled", enabled=True)
        await other.call("Page.navigate", url=page.url)
        await other.ready()
        await page.shows("h1", "open elsewhere")
        await page.click(".card .primary")
        await page.ready()
        await other.shows("h1", "open elsewhere")


@claim("web chat: Japanese by the language of the browser, at the width of a phone: one pane at a time, nothing cut off")
async def japanese(scene: Scene) -> None:
    async with chromium() as browser:
        page = await browser.page(scene.host, language="ja-JP", size=PHONE)
        await page.shows("button[type=submit]", "サインイン")
        expect(await page.run("document.documentElement.lang") == "ja", "the page does not say that it is Japanese")
        await page.picture("sign-in-ja-phone")
        await (await page.sign_in(scene.user())).ready()
        romeo = await scene.online()
        await page.click("#add")
        await page.type("#contact-address", romeo.bare)
        await page.type("#contact-name", "ロミオ")
        await page.enter()
        await page.shows("#with", "ロミオ")
        await page.gone("#search")
        await page.say("こんにちは。" * 40)
        await romeo.body("こんにちは。" * 40)
        romeo.send_message(mto=page.user, mbody="元気ですか？\nhttps://example.com/" + "a" * 200, mtype="chat")
        await page.shows(".theirs", "元気ですか")
        wide = await page.run("document.documentElement.scrollWidth > innerWidth || "
                              "document.querySelector('#log').scrollWidth > document.querySelector('#log').clientWidth")
        expect(not wide, "the page is wider than the phone")
        await page.picture("conversation-ja-phone")
        await page.click("#back")
        await page.shows("#search")
        await page.gone("#message")
        await page.picture("contacts-ja-phone")


@claim("web chat: without a secure context the page says why it does not sign in")
async def insecure(scene: Scene) -> None:
    async with chromium() as browser:
        page = await browser.page(
            scene.host, before="Object.defineProperty(window, 'isSecureContext', { value: false })")
        await page.shows("#insecure", "not secure")
        expect(await page.run("document.querySelector('#password') === null"), "there is a field for the password")
        expect(":" in (await page.run("document.querySelector('#insecure a').href")), "no way to https is shown")


@claim("web chat: contacts are ordered by what is new, counted, searched, and a message in a closed conversation is announced")
async def overview(scene: Scene) -> None:
    name, friends = "juliet", []
    scene.host.run("user", "add", f"{name}@{DOMAIN}", "--password-stdin", "--config", str(scene.host.config),
                   stdin="pencil-and-paper\n")
    juliet = await scene.online(name, "garden")
    for title in ("Romeo Montague", "Nurse", "Mercutio", "Friar Laurence"):
        friend = await scene.online()
        friends.append(friend)
        await juliet.update_roster(friend.bare, name=title)
        for one, other in ((juliet, friend), (friend, juliet)):
            one.send_presence(pto=other.bare, ptype="subscribe")
            await other.wait("presence", lambda p, one=one: p["type"] == "subscribe" and p["from"].bare == one.bare, "request")
            other.send_presence(pto=one.bare, ptype="subscribed")
    romeo, nurse, mercutio, _ = friends
    nurse.send_presence(pshow="away", pstatus="At the market")
    mercutio.send_presence(pshow="dnd", pstatus="Fencing until four")
    await friends[3].log_out()
    announced = "window.announced = []; window.Notification = class { constructor(title, more) " \
                "{ announced.push([title, more.body]); } static permission = 'granted'; };"
    async with chromium() as browser:
        page = await browser.page(scene.host, before=announced)
        await (await page.sign_in(name)).ready()
        await page.shows(f".person[data-jid='{mercutio.bare}'] .dot-dnd")
        await page.talk(romeo.bare)
        for text, back in (("Good morrow! Are you coming tonight?", "Good morrow, Juliet. I am: at nine, below the balcony."),
                           ("Bring the ladder", "I have it here. Wherefore do you ask?"),
                           ("Because of last time :)", None)):
            await page.say(text)
            message = await romeo.body(text)
            receipt = romeo.make_message(mto=message["from"], mtype="chat")
            receipt["receipt"] = message["id"]
            receipt.send()
            await page.state(text, "received")
            if back:
                romeo.send_message(mto=page.user, mbody=back, mtype="chat")
                await page.shows(".theirs", back)
        nurse.send_message(mto=page.user, mbody="Madam! Your mother is looking for you.", mtype="chat")
        nurse.send_message(mto=page.user, mbody="Come at once, please", mtype="chat")
        await page.shows(f".person[data-jid='{nurse.bare}'] .badge", "2")
        first = await page.run("document.querySelector('.person strong').textContent")
        expect(first == "Nurse", f"{first} stands first")
        told = await page.run("announced")
        expect(told == [["Nurse", "Madam! Your mother is looking for you."], ["Nurse", "Come at once, please"]], f"{told}")
        await page.picture("overview-light")
        await page.dark(True)
        await page.picture("overview-dark")
        await page.type("#search", "merc")
        await page.gone(f".person[data-jid='{nurse.bare}']")
        expect(await page.run("document.querySelectorAll('.person').length") == 1, "the search finds others")
        await page.escape()
        await page.shows(f".person[data-jid='{nurse.bare}']")
