"""Fetching certificates: small files, without redirects, within seconds; and the authorities that are Amazon's."""

import ssl
import time
from typing import Any

import requests
from cryptography import x509
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.exceptions import HTTPError

from pipeline.domain.errors import Unavailable, Untrusted

TIME_OUT_S = 3.0
LARGEST = 32 * 1024  # bytes; a certificate has 2 kB
_CHUNK = 4096


def fetched(url: str) -> bytes:
    """What is at an address that the caller has checked. Raises Untrusted, and Unavailable when nobody answers in time."""
    until = time.monotonic() + TIME_OUT_S
    try:
        with requests.get(url, timeout=TIME_OUT_S, allow_redirects=False, stream=True) as answer:
            if answer.status_code >= 500:
                raise Unavailable(f"certificate: answered {answer.status_code}")
            if answer.status_code != 200:
                raise Untrusted("there is no certificate at its address")
            body = b""
            while chunk := answer.raw.read1(_CHUNK):
                body += chunk
                if len(body) > LARGEST:
                    raise Untrusted("the certificate is too large")
                if time.monotonic() > until:  # a read's own time-out begins anew with each byte
                    raise Unavailable("certificate: not complete in time")
            return body
    except (OSError, HTTPError) as error:  # requests' own errors are of OSError
        raise Unavailable(f"certificate: {type(error).__name__}") from None


def amazon_roots() -> list[x509.Certificate]:
    """Those of the authorities that are trusted for TLS."""
    tls = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
    authorities = zip(tls.get_ca_certs(), tls.get_ca_certs(binary_form=True), strict=True)
    return [x509.load_der_x509_certificate(der) for told, der in authorities if _organisation(told) == "Amazon"]


def _organisation(told: Any) -> str:
    return str({name: value for part in told["subject"] for name, value in part}.get("organizationName", ""))
