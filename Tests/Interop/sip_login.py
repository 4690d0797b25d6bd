"""SIP devices register, and those that may not are refused."""

from __future__ import annotations

import re

from support.servers import DOMAIN

from .claims import claim
from .client import Expectation, Scene, expect
from .sip_client import SIPClient, phone


@claim("a SIP device registers with MD5 and SHA-256 over UDP, TCP and TLS, and is listed with what it asked for")
async def registers(scene: Scene) -> None:
    for transport in ("udp", "tcp", "tls"):
        for algorithm in ("MD5", "SHA-256"):
            client = await phone(scene, transport=transport, registers=False, algorithm=algorithm)
            answer = await client.register(600)
            contacts = answer.all("contact")
            expect(any(f":{client.local_port}" in contact for contact in contacts), f"contacts {contacts}")
            found = re.search(r"expires=(\d+)", "".join(contacts))
            expect(found is not None and 540 <= int(found.group(1)) <= 600, f"{contacts}")
            gone = await client.register(0)
            expect(not gone.all("contact"), f"still {gone.all('contact')}")


@claim("MD5 is offered for devices that know nothing else, SHA-256 for the others")
async def offers(scene: Scene) -> None:
    client = await phone(scene, registers=False)
    answer = await client.request("REGISTER", f"sip:{DOMAIN}", [("Contact", client.contact)], to=f"<{client.uri}>",
                                  answers_challenge=False)
    offered = answer.all("www-authenticate")
    expect(answer.status == 401 and len(offered) == 2, f"{answer}")
    for algorithm in ("MD5", "SHA-256"):
        expect(any(f"algorithm={algorithm}" in value.replace('"', "") for value in offered), f"{offered}")


@claim("a wrong password, a sender who is somebody else, and a counter used again do not get in")
async def refused(scene: Scene) -> None:
    wrong = await phone(scene, registers=False, password="wrong")
    try:
        await wrong.register()
    except Expectation as refusal:
        expect(" 401 " in str(refusal) or " 403 " in str(refusal), str(refusal))
    else:
        raise Expectation("a wrong password registers")
    client = await phone(scene)
    forged = await client.request("MESSAGE", f"sip:{scene.user()}@{DOMAIN}", [("Content-Type", "text/plain")], "x",
                                  sender=f"sip:{scene.user()}@{DOMAIN}")
    expect(forged.status == 403, f"a forged sender: {forged.start}")
    offer, _ = client._nonce
    client._counts[offer["nonce"]] = 0
    replayed = await client.request("REGISTER", f"sip:{DOMAIN}", [("Contact", client.contact)], to=f"<{client.uri}>",
                                    call=client.call, answers_challenge=True)
    # A fresh nonce may be given; the used count itself must not be good.
    expect(replayed.status in (200, 401), replayed.start)
    client._counts[client._nonce[0]["nonce"]] = 0
    again = await SIPClient.transact(client, *_with_credentials(client))
    expect(again.status == 401, f"the same count twice: {again.start}")


def _with_credentials(client: SIPClient) -> tuple[bytes, str]:
    uri = f"sip:{DOMAIN}"
    headers = [("Contact", client.contact), client._credentials("REGISTER", uri)]
    branch = f"z9hG4bKagain{client.tag}"
    return client.build("REGISTER", uri, f"<{client.uri}>", headers, b"", branch, client.call, next(client.cseq)), branch


@claim("what a SIP server does not know it says: events, extensions, methods, hops")
async def unknown(scene: Scene) -> None:
    client = await phone(scene)
    other = f"{scene.user()}@{DOMAIN}"
    answer = (await client.subscribe(other, event="weather")).answer
    expect(answer.status == 489 and "presence" in answer.get("allow-events"), f"{answer}")
    answer = await client.request("OPTIONS", f"sip:{DOMAIN}", [("Require", "telepathy")])
    expect(answer.status == 420 and "telepathy" in answer.get("unsupported"), f"{answer}")
    answer = await client.request("OPTIONS", f"sip:{DOMAIN}")
    expect(answer.status == 200 and "MESSAGE" in answer.get("allow"), f"{answer}")
    answer = await client.request("DANCE", f"sip:{DOMAIN}")
    expect(answer.status in (405, 501), answer.start)
    answer = await client.publish("", etag="unknown", expires=60)
    expect(answer.status == 412, answer.start)
