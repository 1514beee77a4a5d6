"""Where a webhook may go: nowhere inside, whatever its name says, and only to an address that was checked."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pipeline.adapters.webhook.addresses import is_public, target_of
from pipeline.adapters.webhook.notifier import WebhookNotifier
from pipeline.domain.alerts import Rule, RuleKind
from pipeline.domain.errors import Unavailable, Undeliverable

NOWHERE: frozenset[str] = frozenset()


def resolve(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Each look-up gets the next answer, the last one for ever; returns the names that are looked up."""
    asked: list[str] = []

    def look_up(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254",
        "224.0.0.1", "255.255.255.255", "240.0.0.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254",
        "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::10.0.0.1", "64:ff9b::7f00:1",
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    ],
)  # fmt: skip
def test_an_inner_address_is_none_for_the_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])
def test_a_public_address_is_one(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "ftp://example.com/", "file:///etc/passwd", "http://", "http://user:pw@example.com/",
        "http://exa mple.com/", "http://example.com/\r\nX: y", "http://example.com/ü", "http://example.com:99999/",
        "http://[::1", "gopher://127.0.0.1:6379/_FLUSHALL",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_webhook_is_never_looked_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolve(monkeypatch, ["8.8.8.8"])
    with pytest.raises(Undeliverable, match="webhook_url: expected"):
        target_of(url, NOWHERE)
    assert asked == []


@pytest.mark.parametrize(
    "url", ["http://2130706433/", "http://0x7f.1/", "http://127.1/", "http://localhost/", "http://[::1]/"]
)
def test_other_ways_to_write_loopback_are_refused(url: str) -> None:
    with pytest.raises((Undeliverable, Unavailable)):
        target_of(url, NOWHERE)


def test_one_private_address_among_several_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(Undeliverable, match="private"):
        target_of("https://hooks.example/x", NOWHERE)


def test_a_named_host_may_be_private(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, ["10.0.0.1"])
    target = target_of("https://HOOKS.example:8443/x?y=1", frozenset({"hooks.example"}))
    assert target == (True, "hooks.example", "10.0.0.1", 8443, "/x?y=1")


def test_a_name_that_is_not_found_may_be_found_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: Any, **__: Any) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    with pytest.raises(Unavailable, match="is not found"):
        target_of("https://hooks.example/", NOWHERE)


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that has a private address a moment later leads nowhere else."""
    asked = resolve(monkeypatch, ["8.8.8.8"], ["127.0.0.1"])
    connected: list[Any] = []

    def connect(address: Any, *_: Any) -> None:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    rule = Rule("1", "High", RuleKind.ABOVE, "IBM", 2, 1, webhook_url="http://hooks.example/")
    with pytest.raises(Unavailable):
        WebhookNotifier("a secret of sixteen").send(rule, {"type": "alert.fired", "alert": "1:IBM:1"})
    assert (asked, connected) == (["hooks.example"], [("8.8.8.8", 80)])


def certificate(folder: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "certificate.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize("name", ["hooks.example", "other.example"])
def test_tls_is_checked_by_the_name_though_the_connection_is_to_the_address(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = certificate(tmp_path, "hooks.example")
    offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    offered.load_cert_chain(path)
    heard: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        try:
            with offered.wrap_socket(listener.accept()[0], server_side=True) as one:
                received = b""
                while not received.endswith(b"}"):  # head and body may come apart; who closes with some unread resets
                    received += one.recv(65536)
                heard.append(received)
                one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except OSError:
            pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        resolve(monkeypatch, ["127.0.0.1"])
        trusted = ssl.create_default_context(cafile=str(path))
        notifier = WebhookNotifier("a secret of sixteen", frozenset({name}), trusted)
        rule = Rule("1", "High", RuleKind.ABOVE, "IBM", 2, 1, webhook_url=f"https://{name}:{port}/x")
        message = {"type": "alert.fired", "alert": "1:IBM:1"}
        if name == "hooks.example":
            notifier.send(rule, message)
            assert f"Host: hooks.example:{port}\r\n".encode() in heard[0]
        else:
            with pytest.raises(Unavailable, match="SSLCertVerificationError"):
                notifier.send(rule, message)
        thread.join(5)
