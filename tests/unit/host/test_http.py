"""The sockets of HTTP servers."""

from __future__ import annotations

import socket

import pytest

from shared.domain.errors import UsageError
from shared.host.http import bound


def test_a_socket_says_that_it_is_tcp() -> None:
    with bound("127.0.0.1", 0, what="a test", setting="GATEWAY_PORT") as sock:
        # else asyncio sets no TCP_NODELAY: an answer on a connection that stays open comes 40 ms late
        assert sock.proto == socket.IPPROTO_TCP


def test_an_address_in_use_is_refused_with_the_setting_to_change() -> None:
    with bound("127.0.0.1", 0, what="a test", setting="GATEWAY_PORT") as taken:
        taken.listen()
        with pytest.raises(UsageError, match="GATEWAY_PORT"):
            bound("127.0.0.1", taken.getsockname()[1], what="a test", setting="GATEWAY_PORT")
