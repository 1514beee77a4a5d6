"""Which pages may talk to us, by the Origin header that every browser sends along."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


def is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _host_and_port(origin: str) -> tuple[str, int] | None:
    """None for anything that is not http(s)://host[:port], 'null' among them."""
    try:
        parts = urlsplit(origin)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.username is not None:
        return None
    return parts.hostname, port


def may_read(origins: list[str], peer: str) -> bool:
    """Whether a WebSocket may read: with one Origin of a host of ours, or with none, from this machine itself.

    A container's peer is never loopback, also where its port is published on the host's loopback alone: hence OPEN_LIVE.
    """
    if not origins:
        return settings.OPEN_LIVE or is_loopback(peer)
    found = _host_and_port(origins[0]) if len(origins) == 1 else None
    if found is None:
        return False
    host = f"[{found[0]}]" if ":" in found[0] else found[0]
    return found[0] in LOOPBACK_HOSTS or validate_host(host, settings.ALLOWED_HOSTS)


def may_write(origin: str | None, host: str) -> bool:
    """Whether a request may change something: no Origin (no browser), our own, or one of our ports on loopback.

    `host` is the request's Host header, checked already.
    """
    if origin is None:
        return True
    found = _host_and_port(origin)
    if found is None:
        return False
    if urlsplit(origin).netloc.lower() == host.lower():
        return True
    return found[0] in LOOPBACK_HOSTS and found[1] in (settings.API_PORT, settings.DASHBOARD_PORT)
