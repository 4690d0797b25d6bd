"""TLS, passwords, resources."""

from __future__ import annotations

from .claims import claim
from .client import Scene, expect


@claim("slixmpp logs in over STARTTLS with a verified certificate")
async def starttls(scene: Scene) -> None:
    client = await scene.online()
    expect("starttls" in client.features, f"negotiated {client.features}")
    expect(client.boundjid.resource != "", "no resource bound")


@claim("slixmpp logs in over direct TLS")
async def direct_tls(scene: Scene) -> None:
    client = await scene.online(direct_tls=True)
    expect("starttls" not in client.features, "STARTTLS was negotiated on the direct TLS port")


@claim("a requested resource is the one that is bound")
async def resource(scene: Scene) -> None:
    client = await scene.online(resource="desk")
    expect(client.boundjid.resource == "desk", f"bound {client.boundjid}")


@claim("a second client with the same resource either replaces the first or gets another resource")
async def conflict(scene: Scene) -> None:
    user = scene.user()
    first = await scene.online(user, "desk")
    second = await scene.online(user, "desk")
    if second.boundjid.resource == "desk":
        error = await first.wait("stream_error", what="conflict")
        expect(error["condition"] == "conflict", f"stream error {error['condition']}")
    else:
        await first.barrier()
    await second.barrier()


@claim("a wrong password is refused with not-authorized, and the right one works at once afterwards")
async def wrong_password(scene: Scene) -> None:
    user = scene.user()
    for _ in range(3):
        condition = await scene.client(user, password="not-the-password").refusal()
        expect(condition == "not-authorized", f"refused with {condition}")
    await scene.online(user)


@claim("an unregistered user is refused exactly as a wrong password is")
async def unregistered(scene: Scene) -> None:
    unknown = await scene.client("nobody-of-this-name").refusal()
    known = await scene.client(scene.user(), password="not-the-password").refusal()
    expect(unknown == known == "not-authorized", f"unknown user: {unknown}; wrong password: {known}")


@claim("STARTTLS is required before authentication")
async def tls_required(scene: Scene) -> None:
    import asyncio

    reader, writer = await asyncio.open_connection("127.0.0.1", scene.host.port)
    try:
        writer.write(b"<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client'"
                     b" xmlns:stream='http://etherx.jabber.org/streams'>")
        features = await asyncio.wait_for(reader.readuntil(b"</stream:features>"), 10)
        expect(b"urn:ietf:params:xml:ns:xmpp-tls" in features, f"STARTTLS not offered: {features!r}")
        expect(b"<required" in features, f"STARTTLS not required: {features!r}")
        expect(b"<mechanism>" not in features, f"mechanisms offered before TLS: {features!r}")
    finally:
        writer.close()
