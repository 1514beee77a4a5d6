"""Whether SNS signed a message (version 2: RSA with SHA-256), by the certificate that the message names.

A message names the address of its certificate, so that address is a stranger's until the certificate was checked: it is asked
only if it is SNS', and what comes has to lead to a root of Amazon's and be in SNS' name.
"""

import base64
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import AuthorityInformationAccessOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from pipeline.adapters.aws.fetching import amazon_roots, fetched
from pipeline.domain.errors import Untrusted
from pipeline.domain.sns_messages import SnsMessage
from pipeline.ports.clock import Clock

_URL = re.compile(r"https://sns\.[a-zA-Z0-9-]{3,}\.amazonaws\.com(\.cn)?/[a-zA-Z0-9._-]+\.pem")  # of all of it
# Where Amazon's authority keeps its intermediate certificates. Plain HTTP: they are checked, not believed.
_ISSUER_URL = re.compile(r"http://crt\.[a-z0-9]+\.amazontrust\.com/[a-z0-9]+\.(cer|crt)")
_NAME = "sns.amazonaws.com"  # in all regions, but maybe those of China: there the host's own
_MOST_CERTIFICATES = 16
_LONGEST_CHAIN = 4
_LEAST_BITS = 2048

Chain = Sequence[x509.Certificate]  # SNS' own first
Fetch = Callable[[str], bytes]  # raises Untrusted, Unavailable


class SnsSignatures:
    def __init__(self, clock: Clock, fetch: Fetch = fetched, roots: Chain | None = None) -> None:
        """`roots` are the authorities that are trusted; None: Amazon's."""
        self._clock, self._fetch, self._roots = clock, fetch, roots
        self._chain = lru_cache(maxsize=_MOST_CERTIFICATES)(self._fetch_chain)

    def check(self, message: SnsMessage) -> None:
        """Raises Untrusted unless SNS signed it; Unavailable when the certificate cannot be had."""
        if message.values["SignatureVersion"] != "2":
            raise Untrusted("the signature is not of version 2")
        url = message.values["SigningCertURL"]
        if not _URL.fullmatch(url):
            raise Untrusted("the certificate is not at an address of SNS")
        chain = self._chain(url)
        self._check_chain(chain, urlsplit(url).hostname or "", self._clock.now())
        key = chain[0].public_key()
        if not isinstance(key, RSAPublicKey) or key.key_size < _LEAST_BITS:
            raise Untrusted(f"the certificate's key is not one of RSA with at least {_LEAST_BITS} bits")
        try:
            signature = base64.b64decode(message.values["Signature"], validate=True)
            key.verify(signature, message.signed_text(), PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError):
            raise Untrusted("the signature is not of this message") from None

    def _fetch_chain(self, url: str) -> Chain:
        """SNS serves its own certificate alone: who issued it is asked for then."""
        try:
            chain = x509.load_pem_x509_certificates(self._fetch(url))[:_LONGEST_CHAIN]
            if len(chain) == 1 and (issuer := _issuer_url(chain[0])):
                chain.append(x509.load_der_x509_certificate(self._fetch(issuer)))
        except ValueError:
            raise Untrusted("the certificate is none") from None
        return chain

    def _check_chain(self, chain: Chain, host: str, now: datetime) -> None:
        if self._roots is None:
            self._roots = amazon_roots()
        policy = PolicyBuilder().store(Store(list(self._roots))).time(now).max_chain_depth(_LONGEST_CHAIN)
        for name in (_NAME, host):
            try:
                policy.build_server_verifier(x509.DNSName(name)).verify(chain[0], list(chain[1:]))
                return
            except (VerificationError, ValueError):  # the latter: a host that is no name
                continue
        raise Untrusted("the certificate is not SNS', or not valid now")


def _issuer_url(certificate: x509.Certificate) -> str | None:
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return None
    urls = [
        str(one.access_location.value)
        for one in access
        if one.access_method == AuthorityInformationAccessOID.CA_ISSUERS
    ]
    return next((url for url in urls if _ISSUER_URL.fullmatch(url)), None)
