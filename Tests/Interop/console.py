"""The console in a real browser against the real server."""

from __future__ import annotations

import re
import urllib.parse

from support.servers import DOMAIN, RoostServer

from .claims import claim
from .client import Scene, expect, until
from .console_pages import DESKTOP, PASSWORD, PHONE, administrator, api, console, console_port, setup_code
from .sip_client import phone, presence

_PAGES = [
    ("/console/", "dashboard"), ("/console/users", "users"), (f"/console/users/user1%40{DOMAIN}", "user"),
    ("/console/users/new", "new-user"), ("/console/users/import", "import"), ("/console/diagnostics/sessions", "sessions"),
    ("/console/diagnostics/services", "services"), ("/console/diagnostics/troubleshooter", "troubleshooter"),
    ("/console/diagnostics/logs?level=trace", "logs"), ("/console/certificates", "certificates"), ("/console/jobs", "jobs"),
    (f"/console/diagnostics/explain?what=presence&viewer=user2%40{DOMAIN}&target=user1%40{DOMAIN}", "explain"),
    (f"/console/certificates/{DOMAIN}", "replace-certificate"), ("/console/settings", "settings"), ("/console/settings/presence", "presence"),
    ("/console/settings/messaging", "messaging"), ("/console/settings/listen", "listeners"),
    ("/console/settings/server", "domains"), ("/console/settings/changed", "changed"),
    ("/console/settings/history", "history"), ("/console/administrators", "administrators"),
    ("/console/administrators/new", "new-administrator"), ("/console/administrators/tokens/new", "new-token"),
    ("/console/sip", "sip"), ("/console/sip/subscriptions", "sip-subscriptions"),
    ("/console/sip/publications", "sip-publications"), ("/console/settings/sip", "sip-settings"),
    (f"/console/trunks?uri=sip%3Auser1%40{DOMAIN}", "trunks"),
    ("/console/audit", "audit"), ("/console/api", "api"), ("/console/search?q=availability", "search"),
    ("/console/search?q=nothing-like-this", "search-empty"), (f"/console/settings/for/user/user1%40{DOMAIN}", "policy"),
]


@claim("console: the first run leads from the setup code to a server with users and a policy")
async def first_run(scene: Scene) -> None:
    server = RoostServer(scene.host.offset + 300)
    server.prepare([])
    await server.start()
    try:
        async with console(server) as browser:
            page = await browser.visit()
            await page.open("/console/setup")
            await page.accessible("setup code")
            await page.picture("setup-code")
            for field, text in (("code", setup_code(server)), ("name", "juliet"), ("password", PASSWORD), ("again", "wrong")):
                await page.type(f"#{field}", text)
            await page.submit("button.primary")
            await page.shows("#again-problem", "differ")
            for field, text in (("password", PASSWORD), ("again", PASSWORD)):
                await page.type(f"#{field}", text)
            await page.submit("button.primary")
            await page.arrived("/console/setup/domain")
            await page.shows("dd", DOMAIN)
            await page.accessible("setup domain")
            await page.submit("button.primary")
            await page.arrived("/console/setup/users")
            await page.type("#rows", f"alice, {PASSWORD}, Alice\nbob, {PASSWORD}")
            await page.accessible("setup users")
            await page.submit("button.primary")
            await page.arrived("/console/setup/policy")
            await page.accessible("setup policy")
            await page.picture("setup-policy")
            await page.submit("button.primary")
            await page.arrived("/console/setup/done")
            await page.accessible("setup done")
            await page.picture("setup-done")
            await page.open("/console/users")
            await page.shows("tbody th", f"alice@{DOMAIN}")
            page.is_clean()
    finally:
        server.remove()


@claim("console: every page is accessible (axe: WCAG 2.1 AA, landmarks, headings), in light and dark, wide and narrow")
async def accessibility(scene: Scene) -> None:
    await scene.online()
    # Something to show on the pages about SIP.
    device = await phone(scene)
    await device.subscribe(f"user1@{DOMAIN}")
    await device.publish(presence(device.uri, "open", "away"))
    async with console(scene.host) as browser:
        administrator(scene.host)
        page = await browser.visit()
        await page.open("/console/sign-in")
        await page.accessible("sign-in")
        await page.picture("sign-in")
        await page.sign_in()
        for path, name in _PAGES:
            await page.open(path)
            await page.accessible(name)
            await page.picture(name)
            await page.dark(True)
            await page.accessible(f"{name}, dark")
            await page.picture(f"{name}-dark")
            await page.resize(PHONE)
            await page.accessible(f"{name}, dark, narrow")
            await page.narrow(name)
            await page.picture(f"{name}-phone")
            await page.resize(DESKTOP)
            await page.dark(False)


@claim("console: a setting changed after its review is in force at once, and its history leads back")
async def settings(scene: Scene) -> None:
    romeo = await scene.online()
    async with console(scene.host) as browser:
        page = await browser.visit()
        await page.sign_in(path="/console/settings/messaging")
        await page.shows("[data-unsaved]", "No unsaved changes")
        await page.run("document.getElementById('s-messaging-enabled-value').click()")
        await page.shows("[data-unsaved]", "1 change")
        await page.submit(".savebar button.primary")
        await page.shows("del", "on")
        await page.shows("ins", "off")
        await page.accessible("review")
        await page.picture("review")
        await page.type("#comment", "a quiet moment")
        await page.submit("main button.primary")
        await page.shows(".notice.good", "Saved as version")
        await page.picture("saved")
        try:
            romeo.send_message(mto=romeo.bare, mbody="anybody?", mtype="chat")
            error = await romeo.wait("message", lambda stanza: stanza["type"] == "error")
            expect("policy-violation" in str(error), f"refused with {error['error']}")
        finally:
            await page.open("/console/settings/history")
            await page.shows("main", "a quiet moment")
            await page.picture("history-of-changes")
            await page.submit("tbody tr:nth-child(2) th a" if await page.run(
                "document.querySelectorAll('tbody tr').length > 1") else "tbody tr th a")
            await page.open("/console/settings/messaging")
            await page.run("document.getElementById('s-messaging-enabled-value').click()")
            await page.submit(".savebar button.primary")
            await page.submit("main button.primary")
        romeo.send_message(mto=romeo.bare, mbody="here again", mtype="chat")
        await romeo.body("here again")


@claim("console: a value that is not allowed is told beside its field, and what was typed stays")
async def problems(scene: Scene) -> None:
    async with console(scene.host) as browser:
        page = await browser.visit()
        await page.sign_in(path="/console/settings/presence")
        await page.type("#s-presence-contacts_max-value", "7000000")
        await page.submit(".savebar button.primary")
        await page.shows("#s-presence-contacts_max-problem")
        value = await page.run("document.getElementById('s-presence-contacts_max-value').value")
        expect(value == "7000000", f"the field shows {value}")
        described = await page.run("document.getElementById('s-presence-contacts_max-value').ariaInvalid")
        expect(described == "true", "the field is not marked")
        await page.accessible("problem")
        await page.picture("problem")
        await page.run("document.querySelector('[data-limitless=s-presence-contacts_max-value]').click()")
        await page.wait("document.getElementById('s-presence-contacts_max-value').disabled", "disabled number")
        await page.submit(".savebar button.primary")
        await page.shows("ins", "No limit")


@claim("console: each role finds what it may do and nothing else")
async def roles(scene: Scene) -> None:
    expected = {
        "help-desk": ({"/console/users", "/console/diagnostics/sessions"}, {"/console/settings", "/console/administrators"}),
        "auditor": ({"/console/users", "/console/settings", "/console/audit", "/console/administrators"}, set()),
        "administrator": ({"/console/users", "/console/settings", "/console/audit"}, {"/console/administrators"}),
        "superuser": ({"/console/users", "/console/settings", "/console/audit", "/console/administrators"}, set()),
    }
    async with console(scene.host) as browser:
        for role, (shown, hidden) in expected.items():
            page = await browser.visit()
            await page.sign_in(role)
            links = set(await page.run("[...document.querySelectorAll('#navigation a')].map(e => e.getAttribute('href'))"))
            expect(shown <= links, f"{role} does not find {shown - links}")
            expect(not hidden & links, f"{role} finds {hidden & links}")
            for path in hidden:
                await page.open(path)
                await page.shows("h1", "Your role does not allow this")
            await page.open("/console/users")
            may = await page.run("!!document.querySelector('a[href$=\"/users/new\"]')")
            expect(may == (role in ("superuser", "administrator")), f"{role}: adding users is {may}")
            # A refused page is an error of the network in the log of the browser, and none of the page.
            page.problems = [one for one in page.problems if "403" not in one]


@claim("console: Japanese by the browser's wish or by choice, with the titles of the source documents")
async def language(scene: Scene) -> None:
    async with console(scene.host) as browser:
        page = await browser.visit(language="ja")
        await page.sign_in(path="/console/settings/presence")
        expect(await page.run("document.documentElement.lang") == "ja", "not Japanese")
        for title in ("アベイラビリティの共有を有効にする", "連絡先リストの最大サイズ", "ウォッチャの最大数",
                      "アドホック プレゼンス サブスクリプションを有効にする", "制限なし"):
            await page.shows("main", title)
        await page.picture("presence-ja")
        await page.menu(1)
        await page.submit("button[name=language][value=en]")
        await page.shows("h1", "Presence")
        expect(await page.run("document.documentElement.lang") == "en", "not English")
        await page.open("/console/search?q=" + urllib.parse.quote("連絡先リストの最大サイズ"))
        await page.shows(".results a", "Maximum contact list size")


@claim("console: the appearance follows the system until somebody chooses, and stays as chosen")
async def appearance(scene: Scene) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    async with console(scene.host) as browser:
        page = await browser.visit()
        await page.sign_in()
        light = await page.run(background)
        await page.dark(True)
        dark = await page.run(background)
        expect(light != dark, "the same in the dark")
        await page.menu(1)
        await page.submit("button[name=theme][value=light]")
        expect(await page.run(background) == light, "light was chosen")
        await page.dark(False)
        await page.menu(1)
        await page.submit("button[name=theme][value=dark]")
        expect(await page.run(background) == dark, "dark was chosen")
        await page.open("/console/users")
        expect(await page.run(background) == dark, "the choice is forgotten")


@claim("console: keys alone lead through it: skip link, search, menus, forms; the focus is always to be seen")
async def keyboard(scene: Scene) -> None:
    async with console(scene.host) as browser:
        page = await browser.visit()
        await page.sign_in()
        await page.tab()
        expect(await page.focused() == "#content", f"first comes {await page.focused()}, not the skip link")
        await page.shows(".skip:focus")
        await page.enter()
        expect(await page.focused() == "content", "the skip link leads nowhere")
        await page.key("/", 191, "/")
        expect(await page.focused() == "find", "the slash does not lead to the search")
        await page.call("Input.insertText", text="ad-hoc")
        await page.enter()
        await page.arrived("/console/search")
        await page.shows(".results a", "ad-hoc")
        await page.open("/console/settings/presence")
        seen: list[str] = []
        await page.run("document.body.focus()")
        for _ in range(150):
            await page.tab()
            outline = await page.run("(e => e === document.body ? 'body' : getComputedStyle(e).outlineStyle)"
                                     "(document.activeElement)")
            if outline == "body":
                break
            name = await page.focused()
            expect(outline not in ("none", ""), f"{name} has the focus and does not show it")
            seen.append(name)
        for wanted in ("find", "s-presence-sharing-value", "s-presence-contacts_max-value"):
            expect(wanted in seen, f"{wanted} is not reached with the tab key: {seen}")
        expect(len(set(seen)) > 25, f"a trap: {seen}")
        await page.run("document.querySelector('details.menu summary').focus()")
        await page.key(" ", 32, " ")
        await page.wait("document.querySelector('details.menu').open", "open menu")
        await page.escape()
        await page.wait("!document.querySelector('details.menu').open", "closed menu")


@claim("console: a session is seen and ended; the dashboard shows it within seconds, without loading again")
async def sessions(scene: Scene) -> None:
    async with console(scene.host) as browser:
        page = await browser.visit()
        await page.sign_in()
        await page.run("window.kept = true")
        value = "document.querySelector('[data-figure=sessions] [data-value]').textContent"
        before = int(await page.run(value))
        romeo = await scene.online()
        await page.wait(f"Number({value}) > {before}", "one session more")
        expect(await page.run("window.kept") is True, "the page was loaded again")
        await page.open(f"/console/diagnostics/sessions?q={romeo.user}%40")
        await page.shows("tbody th", romeo.boundjid.full)
        await page.picture("session")
        await page.submit("td form button.danger")
        await page.shows(".notice.good", "Sessions ended: 1")
        await romeo.wait("disconnected")


@claim("console: a user is created, signs in, gets a policy of his own, and is removed after a confirmation")
async def users(scene: Scene) -> None:
    name = f"rosaline@{DOMAIN}"
    async with console(scene.host) as browser:
        page = await browser.visit()
        await page.sign_in(path="/console/users/new")
        await page.type("#jid", name)
        await page.type("#name", "Rosaline <b>")
        await page.type("#password", PASSWORD)
        await page.submit("main button.primary")
        await page.shows(".notice.good", name)
        await page.shows("dd", "Rosaline <b>")
        await page.open(f"/console/settings/for/user/rosaline%40{DOMAIN}")
        await page.run("document.getElementById('s-presence-sharing-value').click()")
        await page.submit(".savebar button.primary")
        await page.submit("main button.primary")
        await page.shows(".notice.good", "Saved")
        status, found = api(scene.host, "GET", f"/settings?scope=user&subject={name}")
        sharing = next(one["value"] for one in found["items"] if one["key"] == "presence.sharing")
        expect(status == 200 and sharing is False, f"sharing is {sharing}")
        await page.open(f"/console/users/rosaline%40{DOMAIN}/remove")
        await page.type("#confirmation", "somebody else")
        await page.submit("main button.danger")
        await page.shows(".problem", "not the address")
        await page.type("#confirmation", name)
        await page.submit("main button.danger")
        await page.shows(".notice.good", "removed")
        expect(api(scene.host, "GET", f"/users/{name}")[0] == 404, "the account is still there")


@claim("console: a trace shows stanzas as they pass, without texts; an explanation says what a message became")
async def tracing(scene: Scene) -> None:
    romeo, juliet = await scene.online(), await scene.online()
    async with console(scene.host) as browser:
        page = await browser.visit()
        await page.sign_in(path="/console/diagnostics/logs")
        await page.type("#jid", juliet.bare)
        await page.submit("form[action$='/traces'] button")
        await page.shows("h1", f"Trace of {juliet.bare}")
        romeo.send_message(mto=juliet.bare, mbody="wherefore", mtype="chat")
        message = await juliet.body("wherefore")
        await page.shows(".trace .text", "<message")
        text = await page.run("document.querySelector('.trace').textContent")
        expect("wherefore" not in text, f"the text is shown: {text}")
        await page.accessible("trace")
        await page.picture("trace")
        await page.submit("main form button.danger")
        await page.arrived("/console/diagnostics/logs")
        ids = [one.get("id") for one in message.xml.iter("{urn:xmpp:sid:0}stanza-id")] or [message["id"]]
        await page.open("/console/diagnostics/explain")
        await page.type("#id", ids[0])
        await page.submit("#message + * button, section[aria-labelledby=message] button")
        await page.shows(".steps", romeo.bare)
        await page.picture("explain-message")


@claim("console: a job shows how far it is and which rows had a problem")
async def jobs(scene: Scene) -> None:
    owner = scene.user()
    text = f"User ID,Contact ID\n{owner}@{DOMAIN},somebody\n"
    status, job = api(scene.host, "POST", "/contacts/import", {"csv": text})
    expect(status == 201, f"{status} {job}")
    async with console(scene.host) as browser:
        page = await browser.visit()
        await page.sign_in(path="/console/jobs")
        await page.shows("tbody th", f"#{job['id']}")
        await page.submit("tbody th a")
        await page.shows("h1", f"Job {job['id']}")
        await page.accessible("job")


@claim("console: contacts are imported and exported from forms, and stand in the user's list")
async def contact_jobs(scene: Scene) -> None:
    owner = f"{scene.user()}@{DOMAIN}"
    async with console(scene.host) as browser:
        page = await browser.visit()
        await page.sign_in(path="/console/jobs/new/import")
        await page.accessible("import")
        name, domain = owner.split("@")
        await page.type("#rows", "User ID,User Domain,Contact ID,Contact Domain,Nickname,Group Name"
                        f"\n{name},{domain},nurse,{DOMAIN},The Nurse,House")
        await page.submit("main button.primary")
        await page.shows(".notice.good", "started")
        number = int((await page.run("location.pathname")).rsplit("/", 1)[1])
        await finished(scene.host, number)
        await page.open(f"/console/users/{name}%40{domain}")
        await page.shows("section[aria-labelledby=roster] tbody th", f"nurse@{DOMAIN}")
        await page.shows("section[aria-labelledby=roster] tbody td", "House")
        await page.open("/console/jobs/new/export")
        await page.submit("main button.primary")
        await page.shows(".notice.good", "started")
        job = await page.run("location.pathname")
        await finished(scene.host, int(job.rsplit("/", 1)[1]))
        text = await page.run(f"fetch('{job}/file').then(answer => answer.text())")
        expect(f"{name},{domain},nurse,{DOMAIN},The Nurse,House" in text, text[:500])


async def finished(server, number: int) -> None:
    """Until a job is over."""
    await until(lambda: api(server, "GET", f"/jobs/{number}")[1]["state"], "done", 20)


@claim("console: administrators change their own password, and the one so far is asked for")
async def own_password(scene: Scene) -> None:
    name, fresh = "the-changer", "another horse, another battery"
    expect(api(scene.host, "POST", "/administrators",
               {"name": name, "password": PASSWORD, "role": "auditor"})[0] == 201, "no administrator")
    try:
        async with console(scene.host) as browser:
            page = await browser.visit()
            await page.sign_in("auditor", "/console/password", name=name)
            await page.accessible("own password")
            await page.type("#current", "wrong")
            await page.type("#new", fresh)
            await page.submit("main .actions button")
            await page.shows(".problem", "wrong")
            await page.type("#current", PASSWORD)
            await page.type("#new", fresh)
            await page.submit("main .actions button")
            await page.shows(".notice.good", "changed")
            again = await browser.visit()
            await again.open("/console/sign-in")
            await again.type("#name", name)
            await again.type("#password", fresh)
            await again.submit("button.primary")
            await again.arrived("/console/")
    finally:
        api(scene.host, "DELETE", f"/administrators/{name}")


@claim("console: nothing comes from elsewhere, nothing runs or styles inside a page, cookies are closed to scripts")
async def closed(scene: Scene) -> None:
    async with console(scene.host) as browser:
        page = await browser.visit()
        await page.sign_in()
        for path, _ in _PAGES[:8]:
            await page.open(path)
            inside = await page.run("document.querySelectorAll('script:not([src]), style, [style], [onclick]').length")
            expect(inside == 0, f"{path} has {inside} scripts or styles inside")
        expect(await page.run("document.cookie") == "", "a script can read cookies")
        strangers = [one for one in page.addresses if not re.match(r"https://localhost:|about:|data:", one)]
        expect(not strangers, f"asked elsewhere: {strangers}")
        await page.run("fetch('/console/sign-out', {method: 'POST', body: new URLSearchParams({csrf: 'x'})}).then(r => r.status)")
        await page.open("/console/users")
        await page.shows("h1", "Users")
        page.problems = [one for one in page.problems if "403" not in one]


@claim("console: signing out and waiting at the sign-in; a wrong password says no more than that")
async def signing_in(scene: Scene) -> None:
    async with console(scene.host) as browser:
        administrator(scene.host)
        page = await browser.visit()
        await page.call("Page.navigate", url=f"https://localhost:{console_port(scene.host)}/console/audit")
        await page.arrived("/console/sign-in?return=%2Fconsole%2Faudit")
        await page.type("#name", "nobody")
        await page.type("#password", "nothing at all")
        await page.submit("button.primary")
        await page.shows("#problem", "Name or password is wrong.")
        await page.sign_in()
        await page.menu(2)
        await page.submit("form[action$='/sign-out'] button")
        await page.shows(".notice.good", "signed out")
        await page.call("Page.navigate", url=f"https://localhost:{console_port(scene.host)}/console/users")
        await page.arrived("/console/sign-in")
        page.problems = [one for one in page.problems if "401" not in one]
