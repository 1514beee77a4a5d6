"""Signatures of SNS: what SNS signed passes, and nothing else, by messages that an authority of the tests' own vouches for."""

from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import ClassVar

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from pipeline.adapters.aws import fetching
from pipeline.adapters.aws.fetching import amazon_roots, fetched
from pipeline.adapters.aws.sns_signature import SnsSignatures
from pipeline.adapters.memory.clock import MemoryClock
from pipeline.domain.errors import Unavailable, Untrusted
from pipeline.domain.sns_messages import SnsMessage
from tests.support.servers import HOST, free_port
from tests.support.sns_signer import (
    CERTIFICATE_URL,
    NOW,
    Authority,
    Certificates,
    body,
    key,
    signed,
    signed_by,
    unsigned,
)

KINDS = ("Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation")
ISSUER_URL = "http://crt.r2m01.amazontrust.com/r2m01.cer"
ROOT = Authority()


@pytest.fixture
def certificates() -> Certificates:
    found = Certificates()
    found.at[CERTIFICATE_URL] = ROOT.issue()
    return found


@pytest.fixture
def signatures(certificates: Certificates) -> SnsSignatures:
    return SnsSignatures(MemoryClock(NOW), certificates.fetch, [ROOT.certificate])


def message(fields: dict[str, str]) -> SnsMessage:
    return SnsMessage.from_json(body(fields))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("more", [{}, {"Message": "déjà vu ✓"}, {"Message": ""}])
def test_what_sns_signed_passes(signatures: SnsSignatures, kind: str, more: dict[str, str]) -> None:
    signatures.check(message(signed(kind, **more)))


def test_a_subject_is_signed_too(signatures: SnsSignatures) -> None:
    with_subject = signed(Subject="bars")
    signatures.check(message(with_subject))
    del with_subject["Subject"]
    with pytest.raises(Untrusted, match="not of this message"):
        signatures.check(message(with_subject))
    with pytest.raises(Untrusted, match="not of this message"):
        signatures.check(message(signed() | {"Subject": "bars"}))


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in KINDS for name in ("Message", "MessageId", "Timestamp", "TopicArn", "Signature")]
    + [(kind, name) for kind in KINDS[1:] for name in ("SubscribeURL", "Token")]
    + [("Notification", "Subject")],
)
def test_a_field_that_was_tampered_with_is_found_out(signatures: SnsSignatures, kind: str, name: str) -> None:
    fields = signed(kind, **({"Subject": "bars"} if kind == "Notification" else {}))
    old = fields[name]
    new = old.replace("30.250Z", "30.251Z") if name == "Timestamp" else ("B" if old[0] == "A" else "A") + old[1:]
    assert new != old
    with pytest.raises(Untrusted, match="not of this message"):
        signatures.check(message(fields | {name: new}))


def test_a_confirmation_passes_for_no_other_kind(signatures: SnsSignatures) -> None:
    for kind, other in (KINDS[:2], KINDS[1:], (KINDS[2], KINDS[1]), (KINDS[1], KINDS[0])):
        fields = signed(kind) | {"Type": other, "Token": "secret-token", "SubscribeURL": "x"}
        with pytest.raises(Untrusted, match="not of this message"):
            signatures.check(message(fields))


@pytest.mark.parametrize("signature", ["", "!", "AAAA", "A" * 344])
def test_what_is_no_signature_is_refused(signatures: SnsSignatures, signature: str) -> None:
    with pytest.raises(Untrusted, match="not of this message"):
        signatures.check(message(signed() | {"Signature": signature}))


@pytest.mark.parametrize("version", ["1", "", "02", "3"])
def test_other_versions_are_refused_unread(signatures: SnsSignatures, certificates: Certificates, version: str) -> None:
    with pytest.raises(Untrusted, match="version 2"):
        signatures.check(message(signed(SignatureVersion=version)))
    assert certificates.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://sns.us-east-1.amazonaws.com/a.pem",
        "HTTPS://sns.us-east-1.amazonaws.com/a.pem",
        "https://sns.us-east-1.amazonaws.com/a.pem?x=1",
        "https://sns.us-east-1.amazonaws.com/a.pem#.pem",
        "https://sns.us-east-1.amazonaws.com/a.crt",
        "https://sns.us-east-1.amazonaws.com/a.pem/",
        "https://sns.us-east-1.amazonaws.com/",
        "https://sns.us-east-1.amazonaws.com/?Action=x&.pem",
        "https://sns.us-east-1.amazonaws.com/../a.pem",
        "https://sns.us-east-1.amazonaws.com//evil.example/a.pem",
        "https://sns.us-east-1.amazonaws.com:443/a.pem",
        "https://sns.us-east-1.amazonaws.com:8443/a.pem",
        "https://user@sns.us-east-1.amazonaws.com/a.pem",
        "https://sns.us-east-1.amazonaws.com@evil.example/a.pem",
        "https://sns.us-east-1.amazonaws.com\\@evil.example/a.pem",
        "https://sns.us-east-1.amazonaws.com.evil.example/a.pem",
        "https://sns.us-east-1.amazonaws.com.cn.evil.example/a.pem",
        "https://sns.us-east-1.amazonaws.com./a.pem",
        "https://sns.us-east-1.amazonaws.comcn/a.pem",
        "https://sns.us-east-1.amazonaws.com.co/a.pem",
        "https://evil.example/sns.us-east-1.amazonaws.com/a.pem",
        "https://evilsns.us-east-1.amazonaws.com/a.pem",
        "https://evil.sns.us-east-1.amazonaws.com/a.pem",
        "https://sns.us-east-1.s3.amazonaws.com/a.pem",
        "https://sns.s3.us-east-1.amazonaws.com/a.pem",
        "https://s3.amazonaws.com/sns.us-east-1.amazonaws.com/a.pem",
        "https://sns.amazonaws.com/a.pem",
        "https://sns.eu.amazonaws.com/a.pem",
        "https://sns.us_east_1.amazonaws.com/a.pem",
        "https://sns.us-east-1xamazonaws.com/a.pem",
        "https://sns.us-east-1.amazonaws.com%2f.evil.example/a.pem",
        "https://sns.us-east-1.amazonaws.com/a.pem ",
        " https://sns.us-east-1.amazonaws.com/a.pem",
        "https://sns.us-east-1.amazonaws.com/a.pem\x00",
        "https://sns.us-east-1.amazonaws.com/a.pem\r",
        "https://ѕns.us-east-1.amazonaws.com/a.pem",
        "https://169.254.169.254/latest/meta-data/a.pem",
        "file:///etc/ssl/a.pem",
    ],
)
def test_no_certificate_is_asked_for_elsewhere(signatures: SnsSignatures, certificates: Certificates, url: str) -> None:
    with pytest.raises(Untrusted, match="address"):
        signatures.check(message(signed(SigningCertURL=url)))
    assert certificates.asked == []


@pytest.mark.parametrize("host", ["sns.cn-north-1.amazonaws.com.cn", "sns.us-gov-west-1.amazonaws.com"])
def test_a_certificate_may_be_in_its_host_s_own_name(
    signatures: SnsSignatures, certificates: Certificates, host: str
) -> None:
    certificates.at[f"https://{host}/a.pem"] = ROOT.issue(host)
    signatures.check(message(signed(SigningCertURL=f"https://{host}/a.pem")))


@pytest.mark.parametrize("host", ["sns.---.amazonaws.com", "sns.us-west-2.amazonaws.com"])
def test_a_certificate_in_another_name_is_refused(
    signatures: SnsSignatures, certificates: Certificates, host: str
) -> None:
    for name in ("evil.example", "sns.us-east-1.amazonaws.com", "sns.amazonaws.com.evil.example"):
        url = f"https://{host}/{name}.pem"
        certificates.at[url] = ROOT.issue(name)
        with pytest.raises(Untrusted, match="not SNS'"):
            signatures.check(message(signed(SigningCertURL=url)))


@pytest.mark.parametrize(
    "pem",
    [
        ROOT.issue(until=NOW - timedelta(seconds=1)),
        ROOT.issue(since=NOW + timedelta(seconds=1)),
        Authority("other").issue(),
        Authority("unknown", ROOT).issue(),  # its own issuer is missing
    ],
    ids=["expired", "not yet valid", "another authority", "issuer unknown"],
)
def test_a_certificate_that_is_not_vouched_for_is_refused(
    signatures: SnsSignatures, certificates: Certificates, pem: bytes
) -> None:
    certificates.at[CERTIFICATE_URL] = pem
    with pytest.raises(Untrusted, match="not SNS', or not valid"):
        signatures.check(message(signed()))


def test_a_certificate_expires_though_it_is_kept(certificates: Certificates) -> None:
    clock = MemoryClock(NOW)
    signatures = SnsSignatures(clock, certificates.fetch, [ROOT.certificate])
    signatures.check(message(signed()))
    clock.sleep(timedelta(days=31).total_seconds())
    with pytest.raises(Untrusted, match="not valid"):
        signatures.check(message(signed()))


def test_a_weak_key_is_refused(signatures: SnsSignatures, certificates: Certificates) -> None:
    weak = key("weak", 1024)
    certificates.at[CERTIFICATE_URL] = ROOT.issue(public_key=weak.public_key())
    with pytest.raises(Untrusted, match="2048 bits"):
        signatures.check(message(signed_by(weak, unsigned())))


@pytest.mark.parametrize("pem", [b"", b"<html>", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_refused(signatures: SnsSignatures, certificates: Certificates, pem: bytes) -> None:
    certificates.at[CERTIFICATE_URL] = pem
    with pytest.raises(Untrusted, match="is none"):
        signatures.check(message(signed()))


def test_an_intermediate_authority_may_be_served_with_it(signatures: SnsSignatures, certificates: Certificates) -> None:
    middle = Authority("middle", ROOT)
    certificates.at[CERTIFICATE_URL] = middle.issue() + middle.certificate.public_bytes(Encoding.PEM)
    signatures.check(message(signed()))


def test_the_issuer_is_asked_for_where_amazon_keeps_it(signatures: SnsSignatures, certificates: Certificates) -> None:
    middle = Authority("middle", ROOT)
    certificates.at |= {CERTIFICATE_URL: middle.issue(issuer_url=ISSUER_URL), ISSUER_URL: middle.der()}
    signatures.check(message(signed()))
    signatures.check(message(signed()))
    assert certificates.asked == [CERTIFICATE_URL, ISSUER_URL]


def test_an_issuer_that_leads_nowhere_is_not_believed(signatures: SnsSignatures, certificates: Certificates) -> None:
    middle = Authority("middle", Authority("other"))
    certificates.at |= {CERTIFICATE_URL: middle.issue(issuer_url=ISSUER_URL), ISSUER_URL: middle.der()}
    with pytest.raises(Untrusted, match="not SNS'"):
        signatures.check(message(signed()))


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example/a.cer",
        "http://crt.x.amazontrust.com.evil.example/a.cer",
        "http://127.0.0.1/a.cer",
        "http://crt.r2m01.amazontrust.com/r2m01.cer?x=1",
    ],
)
def test_no_issuer_is_asked_for_elsewhere(signatures: SnsSignatures, certificates: Certificates, url: str) -> None:
    certificates.at[CERTIFICATE_URL] = Authority("middle", ROOT).issue(issuer_url=url)
    with pytest.raises(Untrusted, match="not SNS'"):
        signatures.check(message(signed()))
    assert certificates.asked == [CERTIFICATE_URL]


def test_few_certificates_are_kept(signatures: SnsSignatures, certificates: Certificates) -> None:
    urls = [f"https://sns.us-east-1.amazonaws.com/{number}.pem" for number in range(17)]
    for url in [*urls, urls[-1], urls[0]]:
        certificates.at[url] = ROOT.issue()
        signatures.check(message(signed(SigningCertURL=url)))
    assert certificates.asked == [*urls, urls[0]]


def test_amazon_s_roots_are_trusted_and_no_others() -> None:
    roots = amazon_roots()
    names = {root.subject.rfc4514_string() for root in roots}
    assert "CN=Amazon Root CA 1,O=Amazon,C=US" in names
    assert all("O=Amazon," in name for name in names)


class Files(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status, large = {"/moved": (302, False), "/large": (200, True), "/broken": (500, False)}.get(
            self.path, (200, False)
        )
        self.send_response(404 if self.path == "/none" else status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(b"x" * (fetching.LARGEST + 1 if large else 10))

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def files() -> Iterator[str]:
    Files.asked.clear()
    server = HTTPServer((HOST, 0), Files)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://{HOST}:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_is_fetched(files: str) -> None:
    assert fetched(f"{files}/a.pem") == b"x" * 10


@pytest.mark.parametrize(
    ("path", "error"), [("/moved", Untrusted), ("/none", Untrusted), ("/large", Untrusted), ("/broken", Unavailable)]
)
def test_no_redirect_is_followed_and_nothing_large_is_read(files: str, path: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        fetched(files + path)
    assert Files.asked == [path]


def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        fetched(f"http://{HOST}:{free_port()}/a.pem")
