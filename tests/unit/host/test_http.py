"""The sockets of HTTP servers."""

from __future__ import annotations

import socket

import pytest

from shared.domain.errors import UsageError
from shared.host.http import bound


def test_a_socket_says_that_it_is_tcp() -> None:
    with bound("127.0.0.1", 0, what="a test", setting="GATEWAY") as sock:
        # else asyncio sets no TCP_NODELAY: an answer on a connection that stays open comes 40 ms late
        assert sock.proto == socket.IPPROTO_TCP


def test_an_address_in_use_is_refused_with_the_setting_to_change() -> None:
    with bound("127.0.0.1", 0, what="a test", setting="GATEWAY") as taken:
        taken.listen()
        with pytest.raises(UsageError, match="GATEWAY_PORT"):
            bound("127.0.0.1", taken.getsockname()[1], what="a test", setting="GATEWAY")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_an_address_of_no_machine_or_another_is_refused_with_that_setting(host: str) -> None:
    with pytest.raises(UsageError, match="GATEWAY_HOST"):
        bound(host, 0, what="a test", setting="GATEWAY")
