"""Addresses of what a key, a person's id or their text is sent to: web services, a database."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

NO_ADDRESS = "an address that cannot be read"
_HOST = re.compile(r"[\w.:%-]+")
_SERVER = re.compile(r"[^\s@/?#,]+")
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")


def goes_in_clear(address: str, private: Collection[str] = ()) -> bool:
    """Whether what is sent there can be read on the way: by http to another machine, but not to one of
    `private`, hosts of a network of one's own."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False  # no address at all, which is told elsewhere
    return parts.scheme.lower() == "http" and not is_this_machine(host) and host not in private


def host_name(text: str) -> str:
    """The name or number of a host as addresses have it, in small letters. Raises ValueError."""
    host = text.lower().removeprefix("[").removesuffix("]")
    try:
        found = urlsplit(f"http://[{host}]" if ":" in host else f"http://{host}").hostname
    except ValueError:
        found = None
    if not host or found != host or _UNSAFE.search(host) or "*" in host:
        raise ValueError("must be names of hosts such as kong, without scheme, port or *")
    return host


def server_address(text: str) -> str:
    """The address without slashes at its end. Raises ValueError, which says what it must be and repeats
    nothing of it."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if not host or _UNSAFE.search(text) or parts.scheme not in ("http", "https"):
        raise ValueError("must be a web address such as https://example.com")
    if parts.username is not None or "?" in text or "#" in text:
        raise ValueError("must be an address alone, without name, password, ? or #")
    return text.rstrip("/")


def shown_address(text: str) -> str:
    """An address as it may be shown: scheme, host and port. A name and a password, a path and a query may be
    keys."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return NO_ADDRESS
    # An @ further on ends a password with an unwritten / ? or #, whose beginning looks like a host.
    if not parts.scheme or not _HOST.fullmatch(host) or "@" in f"{parts.path}{parts.query}{parts.fragment}":
        return NO_ADDRESS
    named = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{named}" + ("" if port is None else f":{port}")


def kafka_servers(text: str) -> str:
    """The addresses of Kafka as they are. Raises ValueError, which repeats nothing of them."""
    if not all(_SERVER.fullmatch(each.strip()) for each in text.split(",") if each.strip()):
        raise ValueError("must be host:port, several separated by commas, without a name or password")
    return text


def wrong_in_dsn(text: str) -> str:
    """What is wrong with a database's address, in words that repeat nothing of it; empty if nothing is seen.
    One that is wrong would be waited for as a database that is not there."""
    if not text.startswith(("postgresql://", "postgres://")):
        return "must begin with postgresql://"
    try:
        parts = urlsplit(text)
        _ = "," in parts.netloc or parts.port  # of several hosts each has its own
    except ValueError:
        return "has no number as its port: in a name or password # / ? [ ] are written %23 %2F %3F %5B %5D"
    return ""


def is_this_machine(host: str) -> bool:
    """Whether what is sent to this host stays on the machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
