"""Chat: live, stored, copied."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

from slixmpp.exceptions import IqError

from .claims import claim
from .client import Client, Scene, expect


def delayed(message) -> datetime | None:
    """The delay stamp of a message (XEP-0203)."""
    element = message.xml.find("{urn:xmpp:delay}delay")
    return None if element is None else datetime.fromisoformat(element.get("stamp").replace("Z", "+00:00"))


@claim("two users chat both ways, and markup and other scripts arrive unchanged")
async def chat(scene: Scene) -> None:
    romeo, juliet = await scene.online(), await scene.online()
    texts = ["Art thou not Romeo?", "<b>&amp;</b> \"quotes\" 'apostrophes'", "Ελλάδα 日本語 🙂 é é", "a\nb\n  c"]
    for text in texts:
        romeo.send_message(mto=juliet.bare, mbody=text, mtype="chat")
        message = await juliet.body(text)
        expect(message["from"] == romeo.boundjid, f"from {message['from']}, not {romeo.boundjid}")
        expect(delayed(message) is None, "a live message carries a delay stamp")
        juliet.send_message(mto=message["from"], mbody=text + "!", mtype="chat")
        await romeo.body(text + "!")


@claim("a long message arrives whole")
async def long_message(scene: Scene) -> None:
    romeo, juliet = await scene.online(), await scene.online()
    text = "But soft, what light through yonder window breaks? " * 1000
    romeo.send_message(mto=juliet.bare, mbody=text, mtype="chat")
    await juliet.body(text)


@claim("a receipt request and its receipt pass through")
async def receipts(scene: Scene) -> None:
    romeo, juliet = await scene.online(), await scene.online()
    message = romeo.make_message(mto=juliet.bare, mbody="got it?", mtype="chat")
    message["id"] = "receipt-1"
    message["request_receipt"] = True
    message.send()
    asked = await juliet.body("got it?")
    expect(asked["request_receipt"], "the request is gone")
    expect(asked["id"] == "receipt-1", f"the id became {asked['id']}")
    juliet["xep_0184"].ack(asked)
    receipt = await romeo.wait("message", lambda m: m["receipt"] == "receipt-1", "receipt")
    expect(receipt["from"] == juliet.boundjid, f"receipt from {receipt['from']}")


@claim("chat states pass through and are not stored for an offline user")
async def chat_states(scene: Scene) -> None:
    romeo, juliet = await scene.online(), await scene.online()
    for state in ("composing", "paused", "active", "inactive", "gone"):
        message = romeo.make_message(mto=str(juliet.boundjid), mtype="chat")
        message["chat_state"] = state
        message.send()
        await juliet.wait("message", lambda m, state=state: m["chat_state"] == state, state)
    await juliet.log_out()
    message = romeo.make_message(mto=juliet.bare, mtype="chat")
    message["chat_state"] = "composing"
    message.send()
    romeo.send_message(mto=juliet.bare, mbody="last", mtype="chat")
    await romeo.barrier()
    again = await scene.online(juliet.user)
    await again.body("last")
    expect(not again.take("message", lambda m: m["chat_state"] == "composing" and not m["body"]),
           "a lone chat state was stored (XEP-0160 §3)")


@claim("messages to an offline user are delivered at login, in order, with delay stamps")
async def stored(scene: Scene) -> None:
    romeo, absent = await scene.online(), scene.user()
    for number in range(20):
        kind = "chat" if number % 2 else "normal"
        romeo.send_message(mto=f"{absent}@localhost", mbody=f"stored {number}", mtype=kind)
    await romeo.barrier()
    juliet = await scene.online(absent)
    await juliet.body("stored 19")
    # The last is already taken out; the others came before it.
    messages = juliet.take("message")
    bodies = [m["body"] for m in messages]
    expect(bodies == [f"stored {number}" for number in range(19)], f"order {bodies}")
    stamps = [delayed(m) for m in messages]
    expect(None not in stamps and stamps == sorted(stamps), f"delay stamps {stamps}")
    await juliet.log_out()
    again = await scene.online(absent)
    romeo.send_message(mto=again.bare, mbody="live", mtype="chat")
    await again.body("live")
    expect(not again.take("message"), "stored messages came twice")


@claim("the delay stamp of a stored message is the time of its sending, in UTC")
async def stamp(scene: Scene) -> None:
    romeo, absent = await scene.online(), scene.user()
    before = datetime.now(timezone.utc) - timedelta(seconds=2)
    romeo.send_message(mto=f"{absent}@localhost", mbody="when?", mtype="chat")
    await romeo.barrier()
    after = datetime.now(timezone.utc) + timedelta(seconds=2)
    message = await (await scene.online(absent)).body("when?")
    when = delayed(message)
    expect(when is not None, "no delay element")
    expect(before <= when <= after, f"stamp {when}, sent between {before} and {after}")
    expect(message["from"] == romeo.boundjid, f"from {message['from']}")


@claim("a message to a user who does not exist comes back as an error")
async def unknown(scene: Scene) -> None:
    romeo = await scene.online()
    romeo.send_message(mto="nobody-of-this-name@localhost", mbody="hello?", mtype="chat")
    error = await romeo.wait("message", lambda m: m["type"] == "error", "error")
    expect(error["error"]["condition"] in ("service-unavailable", "item-not-found"), f"{error['error']['condition']}")


@claim("a message to a full address that left goes to the user's other client")
async def full_address(scene: Scene) -> None:
    romeo, user = await scene.online(), scene.user()
    phone, desk = await scene.online(user, "phone"), await scene.online(user, "desk")
    await phone.log_out()
    romeo.send_message(mto=f"{user}@localhost/phone", mbody="still there?", mtype="chat")
    await desk.body("still there?")


@claim("a client of negative priority gets no message for the bare address")
async def negative_priority(scene: Scene) -> None:
    romeo, user = await scene.online(), scene.user()
    robot = await scene.client(user, "robot").log_in(presence=False)
    robot.send_presence(ppriority=-1)
    await robot.barrier()
    romeo.send_message(mto=f"{user}@localhost", mbody="for a person", mtype="chat")
    await romeo.barrier()
    person = await scene.online(user, "person")
    await person.body("for a person")
    await robot.barrier()
    expect(not robot.take("message", lambda m: m["body"] == "for a person"), "the robot got it")


async def carbon(client: Client, event: str, text: str):
    return await client.wait(event, lambda m: m[event]["body"] == text, f"{event} {text!r}")


@claim("carbons: the other client sees what is received and what is sent")
async def carbons(scene: Scene) -> None:
    romeo, user = await scene.online(), scene.user()
    phone, desk = await scene.online(user, "phone"), await scene.online(user, "desk")
    for client in (phone, desk):
        await client["xep_0280"].enable()
    romeo.send_message(mto=str(phone.boundjid), mbody="to the phone", mtype="chat")
    await phone.body("to the phone")
    copy = await carbon(desk, "carbon_received", "to the phone")
    expect(copy["carbon_received"]["from"] == romeo.boundjid, f"{copy['carbon_received']['from']}")
    expect(copy["from"].bare == desk.bare, f"the copy comes from {copy['from']}")
    phone.send_message(mto=romeo.bare, mbody="from the phone", mtype="chat")
    await romeo.body("from the phone")
    copy = await carbon(desk, "carbon_sent", "from the phone")
    expect(copy["carbon_sent"]["to"].bare == romeo.bare, f"{copy['carbon_sent']['to']}")


@claim("carbons: none for a client that did not ask, none when the message is marked private")
async def no_carbons(scene: Scene) -> None:
    romeo, user = await scene.online(), scene.user()
    phone, desk, quiet = [await scene.online(user, name) for name in ("phone", "desk", "quiet")]
    await phone["xep_0280"].enable()
    await desk["xep_0280"].enable()
    message = phone.make_message(mto=romeo.bare, mbody="between us", mtype="chat")
    message["carbon_private"] = True
    message.send()
    await romeo.body("between us")
    phone.send_message(mto=romeo.bare, mbody="for all to see", mtype="chat")
    await romeo.body("for all to see")
    await carbon(desk, "carbon_sent", "for all to see")
    await asyncio.gather(desk.barrier(), quiet.barrier())
    expect(not desk.take("carbon_sent"), "a private message was copied")
    expect(not quiet.take("message"), "a client without carbons got a copy")


@claim("stored messages are counted, listed, read, removed and purged instead of coming all at once (XEP-0013)")
async def retrieval(scene: Scene) -> None:
    sender, user = await scene.online(), scene.user()
    for text in ("one", "two", "three"):
        sender.send_message(mto=f"{user}@localhost", mbody=text, mtype="chat")
    await sender.barrier()
    reader = scene.client(user)
    reader.register_plugin("xep_0013")
    await reader.log_in(presence=False)
    offline = reader["xep_0013"]
    answer = await offline.get_count(timeout=10)
    count = answer.xml.find(".//{jabber:x:data}field[@var='number_of_messages']/{jabber:x:data}value").text
    expect(count == "3", f"{count} messages")
    items = (await offline.get_headers(timeout=10))["disco_items"]["items"]
    nodes = sorted(node for _, node, _ in items)
    expect({name for _, _, name in items} == {sender.boundjid.full}, f"{items}")
    reader.send_presence()
    await reader.barrier()
    expect(not reader.take("message"), "the flood came in spite of it")
    await offline.view([nodes[1]], timeout=10, callback=lambda iq: None)
    seen = await reader.body("two")
    expect(seen["offline"]["item"]["node"] == nodes[1], f"{seen}")
    await offline.remove([nodes[1]], timeout=10)
    try:
        await offline.remove([nodes[1]], timeout=10)
    except IqError as error:
        expect(error.condition == "item-not-found", f"refused with {error.condition}")
    else:
        expect(False, "removed twice")
    await offline.fetch(timeout=10, callback=lambda iq: None)
    await reader.body("one")
    await reader.body("three")
    await offline.purge(timeout=10)
    await reader.log_out()
    again = await scene.online(user)
    expect(not again.take("message"), "something was left")


@claim("bits of binary are fetched from the other client, and the server has none (XEP-0231)")
async def bits(scene: Scene) -> None:
    romeo, juliet = await scene.online(), await scene.online()
    for client in (romeo, juliet):
        client.register_plugin("xep_0231")
    cid = await romeo["xep_0231"].set_bob(b"a spot", "text/plain")
    answer = await juliet["xep_0231"].get_bob(romeo.boundjid, cid=cid, cached=False, timeout=10)
    expect(answer["bob"]["data"] == b"a spot", f"{answer}")
    for address in ("localhost", romeo.bare):
        try:
            await juliet["xep_0231"].get_bob(address, cid="sha1+0@bob.xmpp.org", cached=False, timeout=10)
        except IqError as error:
            expect(error.condition == "item-not-found", f"{address}: {error.condition}")
        else:
            expect(False, f"{address} has it")
