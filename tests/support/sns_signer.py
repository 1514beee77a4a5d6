"""SNS as it signs: an authority of the tests' own, certificates in SNS' name, and messages signed as AWS does."""

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)  # as the memory clock starts
TOPIC = "arn:aws:sns:us-east-1:123456789012:tickerline-bars"
CERTIFICATE_URL = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
SUBSCRIBE_URL = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=secret-token"
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_SIGNED["UnsubscribeConfirmation"] = _SIGNED["SubscriptionConfirmation"]


@cache
def key(name: str, bits: int = 2048) -> RSAPrivateKey:
    return generate_private_key(65537, bits)


class Authority:
    """Issues certificates; an `issuer` makes it an intermediate one."""

    def __init__(self, name: str = "root", issuer: "Authority | None" = None) -> None:
        self._key = key(name)
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        above = issuer or self
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = _builder(
            self._name, above._name, self._key.public_key(), NOW - timedelta(days=900), NOW + timedelta(days=900)
        )
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(usage, critical=True)
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False
        )
        self.certificate = builder.add_extension(above.key_identifier(), critical=False).sign(above._key, SHA256())

    def key_identifier(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())

    def issue(
        self, name: str = "sns.amazonaws.com", since: datetime = NOW - timedelta(days=30),
        until: datetime = NOW + timedelta(days=30), issuer_url: str | None = None, public_key: RSAPublicKey | None = None,
    ) -> bytes:  # fmt: skip
        """A certificate as PEM, of the key `sns` if of no other."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject, self._name, public_key or key("sns").public_key(), since, until)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        builder = builder.add_extension(self.key_identifier(), critical=False)
        if issuer_url:
            place = x509.UniformResourceIdentifier(issuer_url)
            access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM)

    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


def _builder(
    subject: x509.Name, issuer: x509.Name, subject_key: RSAPublicKey, since: datetime, until: datetime
) -> x509.CertificateBuilder:
    names = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(subject_key)
    return names.serial_number(x509.random_serial_number()).not_valid_before(since).not_valid_after(until)


class Certificates:
    """What is at which address, in place of the network; `asked` are the addresses that were."""

    def __init__(self) -> None:
        self.at: dict[str, bytes] = {}
        self.asked: list[str] = []

    def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        return self.at[url]


def unsigned(kind: str = "Notification", **fields: str) -> dict[str, str]:
    message = {
        "Type": kind,
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Message": "a message of two\nlines",
        "Timestamp": "2026-11-20T21:59:30.250Z",
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE_URL,
    }
    if kind == "Notification":
        message["UnsubscribeURL"] = "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe"
    else:
        message |= {"Token": "secret-token", "SubscribeURL": SUBSCRIBE_URL}
    return message | fields


def signed(kind: str = "Notification", **fields: str) -> dict[str, str]:
    return signed_by(key("sns"), unsigned(kind, **fields))


def signed_by(signer: RSAPrivateKey, message: dict[str, str]) -> dict[str, str]:
    text = "".join(f"{name}\n{message[name]}\n" for name in _SIGNED[message["Type"]] if name in message)
    algorithm = SHA1() if message["SignatureVersion"] == "1" else SHA256()  # noqa: S303 — version 1 is that
    signature = signer.sign(text.encode(), PKCS1v15(), algorithm)
    return message | {"Signature": base64.b64encode(signature).decode()}


def body(message: dict[str, str]) -> bytes:
    return json.dumps(message).encode()
