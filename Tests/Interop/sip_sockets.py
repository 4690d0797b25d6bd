"""The sockets of the SIP face: UDP, TCP and TLS, moved while the server runs, and what is thrown at them."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import ssl
import uuid

from support.servers import RoostServer

from .claims import claim
from .client import Scene, expect
from .settings import refused, settings, with_server


def options(transport: str) -> bytes:
    return (f"OPTIONS sip:localhost SIP/2.0\r\nVia: SIP/2.0/{transport} 127.0.0.1:9;branch=z9hG4bK{uuid.uuid4().hex};rport\r\n"
            f"From: <sip:user0@localhost>;tag=1\r\nTo: <sip:localhost>\r\nCall-ID: {uuid.uuid4()}\r\nCSeq: 1 OPTIONS\r\n"
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n").encode()


def ask_udp(port: int, host: str = "127.0.0.1", seconds: float = 2.0) -> bytes | None:
    """The answer to OPTIONS, or None."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        one.settimeout(seconds)
        one.connect((host, port))
        one.send(options("UDP"))
        try:
            return one.recv(65_536)
        except OSError:
            return None


def ask_stream(port: int, tls: bool) -> bytes | None:
    try:
        one: socket.socket = socket.create_connection(("127.0.0.1", port), timeout=2)
    except OSError:
        return None
    with one:
        if tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            one = context.wrap_socket(one, server_hostname="localhost")
        one.settimeout(2)
        one.sendall(options("TLS" if tls else "TCP"))
        return one.recv(65_536)


@claim("OPTIONS are answered over UDP, TCP and TLS, with the port that they came from")
async def answered(scene: Scene) -> None:
    port = scene.host.sip_port
    for answer in [await asyncio.to_thread(ask_udp, port), await asyncio.to_thread(ask_stream, port, False),
                   await asyncio.to_thread(ask_stream, port + 1, True)]:
        expect(answer is not None and answer.startswith(b"SIP/2.0 200 "), f"{answer}")
        expect(b";received=127.0.0.1" in answer and b";rport=" in answer, f"{answer}")


@claim("listeners of SIP move while the server runs; one that cannot be bound changes nothing")
async def moved(scene: Scene) -> None:
    async def body(server: RoostServer) -> None:
        port = server.sip_port
        expect(ask_udp(port) is not None, "UDP is not there")
        other = port + 3
        settings(server, "set", "listen.sip_udp", f"{{ address: 127.0.0.1, port: {other} }}")
        expect(ask_udp(other) is not None, "the new port does not answer")
        expect(ask_udp(port, seconds=0.3) is None, "the old port still answers")
        expect(ask_stream(port, False) is not None, "TCP has gone with UDP")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            told = refused(
                server, "settings", "set", "listen.sip_udp", f"{{ address: 127.0.0.1, port: {taken.getsockname()[1]} }}")
            # Two sockets may share a UDP port only if both say so.
            expect("cannot listen" in told, told)
        expect(ask_udp(other) is not None, "a failed move has closed the listener")
        settings(server, "set", "sip.enabled", "off")
        expect(ask_udp(other, seconds=0.3) is None and ask_stream(port, False) is None, "SIP is off and answers")
        settings(server, "set", "sip.enabled", "on")
        expect(ask_udp(other) is not None, "SIP is on again and does not answer")

    await with_server(scene, 730, body)


@claim("garbage over UDP and TCP, oversize messages and half messages leave the server as it was")
async def garbage(scene: Scene) -> None:
    port = scene.host.sip_port

    def throw() -> None:
        generator = random.Random(5)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            # Another machine than those of the other tests: who throws garbage is not listened to for a while.
            one.bind(("127.0.0.9", 0))
            one.connect(("127.0.0.1", port))
            for number in range(2_000):
                message = bytearray(options("UDP"))
                for _ in range(generator.randrange(1, 20)):
                    message[generator.randrange(len(message))] = generator.randrange(256)
                one.send(bytes(message) if number % 3 else os.urandom(generator.randrange(1, 1_400)))
            one.send(b"MESSAGE sip:localhost SIP/2.0\r\n" + b"X: y\r\n" * 9_000)
        for text in [b"A" * 200_000, options("TCP")[:-2] + b"x" * 100, b"\r\n" * 5_000,
                     options("TCP").replace(b"Content-Length: 0", b"Content-Length: 99999999"),
                     options("TCP").replace(b"Content-Length: 0", b"Content-Length: -1")]:
            with socket.create_connection(("127.0.0.1", port), timeout=5, source_address=("127.0.0.9", 0)) as one:
                try:
                    one.sendall(text)
                    one.settimeout(0.2)
                    one.recv(4_096)
                except OSError:
                    pass

    await asyncio.to_thread(throw)
    answer = await asyncio.to_thread(ask_udp, port)
    expect(answer is not None and answer.startswith(b"SIP/2.0 200 "), f"{answer}")
    answer = await asyncio.to_thread(ask_stream, port, False)
    expect(answer is not None and answer.startswith(b"SIP/2.0 200 "), f"{answer}")
