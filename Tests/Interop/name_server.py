"""A name server on loopback that knows what a test tells it: addresses, and servers of a service."""

from __future__ import annotations

import asyncio
import struct

_A, _SRV = 1, 33


def _name(text: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


class NameServer(asyncio.DatagramProtocol):
    """Answers A and SRV over UDP; everything else does not exist."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, int], list[bytes]] = {}
        self.port = 0
        self._transport = None

    async def open(self) -> "NameServer":
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    async def close(self) -> None:
        self._transport.close()

    def address(self, name: str, ip: str = "127.0.0.1") -> None:
        self.records.setdefault((name, _A), []).append(bytes(int(part) for part in ip.split(".")))

    def service(self, name: str, priority: int, port: int, target: str) -> None:
        """`name` with its prefix: `_sip._udp.example.test`."""
        self.records.setdefault((name, _SRV), []).append(struct.pack("!HHH", priority, 0, port) + _name(target))

    def datagram_received(self, data: bytes, address) -> None:
        labels, place = [], 12
        while data[place]:
            labels.append(data[place + 1:place + 1 + data[place]].decode().lower())
            place += 1 + data[place]
        kind = struct.unpack("!H", data[place + 1:place + 3])[0]
        name = ".".join(labels)
        found = self.records.get((name, kind), [])
        known = any(known == name for known, _ in self.records)
        answer = data[:2] + bytes([0x81, 0x80 if known else 0x83]) + struct.pack("!HHHH", 1, len(found), 0, 0)
        answer += data[12:place + 5]
        for content in found:
            answer += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 300, len(content)) + content
        self._transport.sendto(answer, address)
