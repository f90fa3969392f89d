"""The sockets of a process's HTTP servers."""

from __future__ import annotations

import asyncio
import socket

from shared.host.http import bound


async def test_an_answers_body_does_not_wait_for_its_head_to_be_acknowledged() -> None:
    """A connection of it sends small packets at once."""
    accepted = asyncio.get_running_loop().create_future()
    sock = bound("127.0.0.1", 0, what="HTTP", setting="GATEWAY_PORT")
    server = await asyncio.start_server(lambda *ends: accepted.set_result(ends[1]), sock=sock)
    async with server:
        _, here = await asyncio.open_connection(*sock.getsockname())
        there: asyncio.StreamWriter = await accepted
        connection = there.get_extra_info("socket")
        sends_at_once = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        for writer in (here, there):
            writer.close()
            await writer.wait_closed()
    assert sends_at_once
