"""Contact lists and presence rules over XCAP (RFC 4825), with Python's own HTTP client and its digest authentication,
against XMPP clients of the same users."""

from __future__ import annotations

import asyncio
import base64
import http.client
import re
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

from support.servers import DOMAIN, PASSWORD

from .claims import claim
from .client import Scene, expect
from .sip_client import phone
from .sip_presence import shows, watch
from .web_client import http_port, https_port, tls

LISTS, RULES = "application/resource-lists+xml", "application/auth-policy+xml"
ELEMENT, ATTRIBUTE = "application/xcap-el+xml", "application/xcap-att+xml"
LIST_SPACE, RULE_SPACE = "urn:ietf:params:xml:ns:resource-lists", "urn:ietf:params:xml:ns:common-policy"
PRESENCE_SPACE = "urn:ietf:params:xml:ns:pres-rules"


class Answer:
    def __init__(self, status: int, headers, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body.decode()

    @property
    def tag(self) -> str:
        return self.headers.get("ETag", "")

    def root(self) -> ElementTree.Element:
        return ElementTree.fromstring(self.body)

    def conflict(self) -> str:
        """Name of what is wrong, out of the body of a 409."""
        expect(self.status == 409 and self.headers["Content-Type"] == "application/xcap-error+xml",
               f"no conflict: {self.status} {self.body}")
        return self.root()[0].tag.partition("}")[2]


class XCAP:
    """The tree of one user, with digest over plain HTTP or Basic over TLS."""

    def __init__(self, server, user: str, password: str = PASSWORD, encrypted: bool = False) -> None:
        scheme, port = ("https", https_port(server)) if encrypted else ("http", http_port(server))
        self.root, self.user = f"{scheme}://localhost:{port}/xcap-root", user
        self.lists = f"/resource-lists/users/sip:{user}@{DOMAIN}/index"
        self.rules = f"/pres-rules/users/sip:{user}@{DOMAIN}/index"
        self.headers = {}
        self.digest: urllib.request.HTTPDigestAuthHandler | None = None
        handlers = []
        if encrypted:
            handlers.append(urllib.request.HTTPSHandler(context=tls(server)))
            self.headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        else:
            passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
            passwords.add_password(None, self.root, user, password)
            self.digest = urllib.request.HTTPDigestAuthHandler(passwords)
            handlers.append(self.digest)
        self.opener = urllib.request.build_opener(*handlers)

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Answer:
        request = urllib.request.Request(self.root + path, None if body is None else body.encode(),
                                         {**self.headers, **headers}, method=method)
        if self.digest is not None:
            # It counts refusals of any kind as failed logins, and gives up after five.
            self.digest.reset_retry_count()
        try:
            with self.opener.open(request, timeout=15) as response:
                return Answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    async def ask(self, method: str, path: str, body: str | None = None, kind: str | None = None,
                  **headers: str) -> Answer:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if kind is not None:
            fields["Content-Type"] = kind
        return await asyncio.to_thread(self._ask, method, path, body, fields)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, **headers)

    async def put(self, path: str, body: str, kind: str, status: int = 200, **headers: str) -> Answer:
        answer = await self.ask("PUT", path, body, kind, **headers)
        expect(answer.status == status, f"PUT {path}: {answer.status} {answer.body}")
        return answer

    async def contacts(self) -> dict[str, tuple[str, list[str]]]:
        """Names and lists of the contacts, by address."""
        found: dict[str, tuple[str, list[str]]] = {}
        for group in (await self.get(self.lists)).root().iter(f"{{{LIST_SPACE}}}list"):
            for entry in group.findall(f"{{{LIST_SPACE}}}entry"):
                name = entry.findtext(f"{{{LIST_SPACE}}}display-name", "")
                lists = found.setdefault(entry.get("uri").partition(":")[2], (name, []))[1]
                if group.get("name"):
                    lists.append(group.get("name"))
        return found

    async def handled(self) -> dict[str, str]:
        """What becomes of addresses by the rules."""
        found = {}
        for rule in (await self.get(self.rules)).root().iter(f"{{{RULE_SPACE}}}rule"):
            handling = rule.findtext(f".//{{{PRESENCE_SPACE}}}sub-handling", "")
            for one in rule.iter(f"{{{RULE_SPACE}}}one"):
                found[one.get("id").partition(":")[2]] = handling
        return found


def step(name: str, attribute: str, value: str) -> str:
    return urllib.parse.quote(f'{name}[@{attribute}="{value}"]', safe="@=:")


def ruleset(*rules: tuple[str, str, str]) -> str:
    """Rules of (id, handling, address)."""
    inside = "".join(
        f'<cr:rule id="{name}"><cr:conditions><cr:identity><cr:one id="sip:{address}"/></cr:identity></cr:conditions>'
        f"<cr:actions><pr:sub-handling>{handling}</pr:sub-handling></cr:actions><cr:transformations/></cr:rule>"
        for name, handling, address in rules)
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n<cr:ruleset xmlns="{PRESENCE_SPACE}" xmlns:pr="{PRESENCE_SPACE}"'
            f' xmlns:cr="{RULE_SPACE}">{inside}</cr:ruleset>')


@claim("xcap: a client with digest finds the contact list of XMPP, with names and groups, and another tag after a change")
async def contacts(scene: Scene) -> None:
    juliet = await scene.online()
    client = XCAP(scene.host, juliet.user)
    first = await client.get(client.lists)
    expect(first.status == 200 and first.headers["Content-Type"] == LISTS, f"{first.status} {first.headers}")
    juliet.update_roster("romeo@example.net", name="Romeo & Co", groups=["Work", "Friends"])
    juliet.update_roster("nurse@example.net", name="", groups=[])
    await juliet.barrier()
    expect(await client.contacts() == {"romeo@example.net": ("Romeo & Co", ["Friends", "Work"]),
                                       "nurse@example.net": ("", [])}, f"{(await client.get(client.lists)).body}")
    second = await client.get(client.lists)
    expect(second.tag not in ("", first.tag), f"tags {first.tag} {second.tag}")
    expect((await client.get(client.lists, If_None_Match=second.tag)).status == 304, "the tag is not known")
    caps = await client.get("/xcap-caps/global/index")
    expect("<auid>resource-lists</auid>" in caps.body and "<auid>pres-rules</auid>" in caps.body, caps.body)


@claim("xcap: a contact that a SIP client adds, renames, moves and removes is pushed to the user's XMPP clients")
async def pushes(scene: Scene) -> None:
    juliet = await scene.online()
    client = XCAP(scene.host, juliet.user)
    group = f"{client.lists}/~~/resource-lists/{step('list', 'name', 'Friends & Foes')}"
    await client.put(group, '<list name="Friends &amp; Foes"/>', ELEMENT, 400)
    group = f"{client.lists}/~~/resource-lists/{step('list', 'name', 'Friends')}"
    await client.put(group, '<list name="Friends"/>', ELEMENT, 201)
    entry = f"{group}/{step('entry', 'uri', 'sip:tybalt@example.net')}"
    body = '<entry uri="sip:tybalt@example.net"><display-name>{}</display-name></entry>'
    await client.put(entry, body.format("Tybalt"), ELEMENT, 201)

    def pushed(check):
        def fits(iq):
            item = iq.xml.find(".//{jabber:iq:roster}item[@jid='tybalt@example.net']")
            return item is not None and check(item)
        return fits

    await juliet.wait("roster_update", pushed(lambda item: item.get("name") == "Tybalt"), "push of the new contact")
    await client.put(entry, body.format("King of cats"), ELEMENT)
    await juliet.wait("roster_update", pushed(lambda item: item.get("name") == "King of cats"), "push of the name")
    await client.put(f"{client.lists}/~~/resource-lists/list[1]/@name", "Foes", ATTRIBUTE)
    await juliet.wait("roster_update", pushed(lambda item: item.findtext("{jabber:iq:roster}group") == "Foes"),
                      "push of the group")
    lost = await client.ask("DELETE", f"{client.lists}/~~/resource-lists/list[1]/entry[1]")
    expect(lost.status == 200, f"{lost.status} {lost.body}")
    await juliet.wait("roster_update", pushed(lambda item: item.get("subscription") == "remove"), "push of the removal")
    expect(await juliet.fetch_roster() == {}, "the contact is still there")


@claim("xcap: somebody whom a SIP client blocks sees the user leave at once in XMPP, and come back at the end of the block")
async def block(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    await juliet["xep_0191"].get_blocked()
    client = XCAP(scene.host, juliet.user, encrypted=True)
    await client.put(client.rules, ruleset(("foes", "block", romeo.bare)), RULES)
    await romeo.wait("presence", lambda p: p["from"].bare == juliet.bare and p["type"] == "unavailable", "unavailable")
    await juliet.wait("blocked", what="block push")
    expect({str(jid) for jid in await juliet["xep_0191"].get_blocked_jids()} == {romeo.bare}, "the block list")
    romeo.send_message(mto=juliet.bare, mbody="can you hear me?", mtype="chat")
    await romeo.wait("message", lambda m: m["type"] == "error", "error")
    await juliet["xep_0191"].unblock(romeo.bare)
    await romeo.wait("presence", lambda p: p["from"].bare == juliet.bare and p["type"] == "available", "available")
    answer = await client.get(client.rules)
    expect("foes" not in answer.body, f"the rule is still there: {answer.body}")
    expect(await client.handled() == {romeo.bare: "allow"}, f"{await client.handled()}")


@claim("xcap: a block that an XMPP client makes is in the rules, and deleting it there unblocks")
async def blocked(scene: Scene) -> None:
    romeo, juliet = await scene.friends()
    client = XCAP(scene.host, juliet.user)
    before = await client.get(client.rules)
    await juliet["xep_0191"].block(romeo.bare)
    after = await client.get(client.rules)
    expect(await client.handled() == {romeo.bare: "block"}, f"{after.body}")
    late = await client.ask("PUT", client.rules, ruleset(), RULES, If_Match=before.tag)
    expect(late.status == 412, f"{late.status}")
    path = (f"{client.rules}/~~/cr:ruleset/{step('cr:rule', 'id', 'roost-blocked')}/cr:conditions/cr:identity/"
            f"{step('cr:one', 'id', f'sip:{romeo.bare}')}?xmlns(cr={RULE_SPACE})")
    romeo.take("presence")
    gone = await client.ask("DELETE", path)
    expect(gone.status == 200, f"{gone.status} {gone.body}")
    await romeo.wait("presence", lambda p: p["from"].bare == juliet.bare and p["type"] == "available", "available")
    expect(not await juliet["xep_0191"].get_blocked_jids(), "the block list is not empty")


@claim("xcap: a request that waits is approved by an allow rule, and taken back by its end")
async def allow(scene: Scene) -> None:
    romeo, juliet = await scene.online(), await scene.online()
    romeo.send_presence(pto=juliet.bare, ptype="subscribe")
    await juliet.wait("presence", lambda p: p["type"] == "subscribe", "request")
    client = XCAP(scene.host, juliet.user)
    await client.put(client.rules, ruleset(("friends", "allow", romeo.bare)), RULES)
    await romeo.wait("presence", lambda p: p["type"] == "subscribed", "approval")
    await romeo.wait("presence", lambda p: p["from"].bare == juliet.bare and p["type"] == "available", "presence")
    await client.put(client.rules, ruleset(("friends", "confirm", romeo.bare)), RULES)
    await romeo.wait("presence", lambda p: p["type"] == "unsubscribed", "the end of it")
    expect(await client.handled() == {romeo.bare: "confirm"}, f"{await client.handled()}")


@claim("xcap: a rule keeps a SIP watcher out politely, allowing brings the user back, and its end ends the subscription")
async def watcher(scene: Scene) -> None:
    juliet, device = await scene.online(), await phone(scene)
    juliet.send_presence(pstatus="on the balcony")
    subscription = await watch(device, juliet)
    client = XCAP(scene.host, juliet.user)
    await client.put(client.rules, ruleset(("foes", "polite-block", device.bare)), RULES)
    notify = await subscription.notified(shows("closed"), "gone for the blocked one")
    expect("active" in notify.get("subscription-state"), f"he is told of it: {notify}")
    await client.put(client.rules, ruleset(("friends", "allow", device.bare)), RULES)
    await subscription.notified(shows("open", note="on the balcony"), "back")
    # A block made over XMPP is the same one.
    await juliet["xep_0191"].block(device.bare)
    await subscription.notified(shows("closed"), "blocked over XMPP")
    expect((await client.handled()).get(device.bare) in ("block", "polite-block"), f"{await client.handled()}")
    await client.put(client.rules, ruleset(("friends", "allow", device.bare)), RULES)
    await subscription.notified(shows("open"), "let in over XCAP")
    expect(not await juliet["xep_0191"].get_blocked_jids(), "the block list is not empty")
    await client.put(client.rules, ruleset(("friends", "confirm", device.bare)), RULES)
    await subscription.state("terminated")


@claim("xcap: strangers get 401, users 403 in somebody else's tree, and what is wrong its own answer")
async def refusals(scene: Scene) -> None:
    user, other = scene.user(), scene.user()
    client = XCAP(scene.host, user)
    expect((await XCAP(scene.host, user, "wrong", encrypted=True).get(client.lists)).status == 401, "wrong password")
    link = http.client.HTTPConnection("localhost", http_port(scene.host), timeout=15)
    link.request("GET", "/xcap-root" + client.lists)
    answer = link.getresponse()
    challenges = answer.headers.get_all("WWW-Authenticate") or []
    expect(answer.status == 401
           and any(re.search(f'realm="{DOMAIN}".*algorithm=SHA-256', line) for line in challenges), f"{challenges}")
    link.close()
    for path, status in ((XCAP(scene.host, other).lists, 403), ("/foo/users/sip:x@y/index", 403),
                         (f"/foo/users/sip:{user}@{DOMAIN}/index", 404), (client.lists + "/~~/resource-lists/list[", 400),
                         (client.lists + "/~~/resource-lists/list[1]", 404)):
        expect((await client.get(path)).status == status, f"{path}: {(await client.get(path)).status}")
    expect((await client.ask("POST", client.lists, "x", LISTS)).status == 405, "POST")
    expect((await client.ask("DELETE", client.lists)).status == 405, "DELETE of the whole contact list")
    expect((await client.ask("PUT", client.lists, "x", "text/plain")).status == 415, "another type")
    expect((await client.ask("PUT", client.lists, "<resource-lists", LISTS)).conflict() == "not-well-formed", "broken")
    expect((await client.ask("PUT", client.lists, "<other/>", LISTS)).conflict() == "schema-validation-error", "other")
    same = f'<resource-lists xmlns="{LIST_SPACE}"><list name="a"/><list name="a"/></resource-lists>'
    expect((await client.ask("PUT", client.lists, same, LISTS)).conflict() == "uniqueness-failure", "twice")
    path = f"{client.lists}/~~/resource-lists/{step('list', 'name', 'x')}/entry[1]"
    expect((await client.ask("PUT", path, '<entry uri="sip:a@b"/>', ELEMENT)).conflict() == "no-parent", "no parent")


@claim("xcap: a body too large is refused before it is sent, and one without login not read at all")
async def large(scene: Scene) -> None:
    user = scene.user()
    path = f"/xcap-root/resource-lists/users/sip:{user}@{DOMAIN}/index"

    def send(login: bool) -> int:
        link = http.client.HTTPConnection("localhost", http_port(scene.host), timeout=15)
        try:
            link.putrequest("PUT", path)
            link.putheader("Content-Length", "100000000")
            if login:
                link.putheader("Authorization", 'Digest username="x"')
            link.endheaders()
            return link.getresponse().status
        finally:
            link.close()

    expect(await asyncio.to_thread(send, True) == 413, "a hundred megabytes")
    expect(await asyncio.to_thread(send, False) == 401, "without login")
