"""Where a webhook may go. A rule's address must not be a way into the network that this machine stands in.

A name is resolved once, every address that it has is checked, and the connection goes to a checked address: a name that resolves
to another one a moment later leads nowhere else.
"""

import re
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from pipeline.domain.errors import Unavailable, Undeliverable

_PLAIN = re.compile(r"[!-~]+")  # what is none of it belongs into an address percent-encoded
_NAT64 = IPv6Network("64:ff9b::/96")
Address = IPv4Address | IPv6Address


class Target(NamedTuple):
    tls: bool
    host: str
    address: str  # that was checked
    port: int
    path: str  # with its query


def target_of(url: str, private_hosts: frozenset[str]) -> Target:
    """`private_hosts`: names that may have private addresses. Raises Undeliverable, and Unavailable where a name has none now."""
    try:
        parts = urlsplit(url)
        port = parts.port
        malformed = not _PLAIN.fullmatch(url)
    except ValueError:
        malformed = True
    if malformed:
        raise Undeliverable("webhook_url: expected an address like https://example.com/hook")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Undeliverable("webhook_url: expected http:// or https:// and a host")
    if parts.username or parts.password:
        raise Undeliverable("webhook_url: expected no user and no password in it")
    tls, host = parts.scheme == "https", parts.hostname
    port = port if port is not None else 443 if tls else 80
    addresses = _resolved(host, port)
    if host.lower() not in private_hosts and not all(is_public(address) for address in addresses):
        raise Undeliverable(f"webhook_url: {host} has a private address, which is refused")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(tls, host, str(addresses[0]), port, path)


def is_public(address: Address) -> bool:
    """Also what carries an IPv4 address inside is judged by that."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.scope_id:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _resolved(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unavailable(f"webhook: {host} is not found") from None
    return [ip_address(entry[4][0]) for entry in found]
