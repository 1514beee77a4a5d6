"""How Kafka is reached: where, over what, and as whom."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.domain.errors import SettingsError

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_PEM = {
    "KAFKA_SSL_CA": "ssl.ca.pem",
    "KAFKA_SSL_CERTIFICATE": "ssl.certificate.pem",
    "KAFKA_SSL_KEY": "ssl.key.pem",
}
_SASL = {
    "KAFKA_SASL_MECHANISM": "sasl.mechanism",
    "KAFKA_SASL_USERNAME": "sasl.username",
    "KAFKA_SASL_PASSWORD": "sasl.password",
}


@dataclass(frozen=True)
class KafkaSettings:
    """`security`: librdkafka's settings for TLS and SASL, by name; they hold secrets."""

    bootstrap_servers: str
    topic: str
    embedded: bool
    security: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def bars_topic(self) -> str:
        """Named after the ticks' topic, as what must not be mixed is."""
        return self.topic.replace("ticks", "bars", 1)

    @property
    def checkpoint_topic(self) -> str:
        return f"{self.topic}-checkpoints"

    @classmethod
    def read(cls, text: Callable[[str], str], topic: str, embedded: bool) -> "KafkaSettings":
        """`text` gives a setting by its name. Raises SettingsError; its message holds no secret."""
        security = _security(text)
        if embedded and security:
            raise SettingsError(
                "KAFKA_SECURITY_PROTOCOL: the embedded broker has none; set KAFKA_BOOTSTRAP_SERVERS as well"
            )
        return cls(text("KAFKA_BOOTSTRAP_SERVERS") or "127.0.0.1:9092", topic, embedded, tuple(security.items()))


def _security(text: Callable[[str], str]) -> dict[str, str]:
    """Empty for a plain connection."""
    protocol = text("KAFKA_SECURITY_PROTOCOL") or "PLAINTEXT"
    if protocol not in PROTOCOLS:
        raise SettingsError(f"KAFKA_SECURITY_PROTOCOL: expected one of {', '.join(PROTOCOLS)}, got {protocol!r}")
    _fits(text, protocol, protocol.endswith("SSL"), (*_PEM, "KAFKA_SSL_KEY_PASSWORD"), "SSL or SASL_SSL")
    _fits(text, protocol, protocol.startswith("SASL"), (*_SASL,), "SASL_SSL or SASL_PLAINTEXT")
    if protocol == "PLAINTEXT":
        return {}
    return {"security.protocol": protocol} | _tls(text) | (_sasl(text) if protocol.startswith("SASL") else {})


def _fits(
    text: Callable[[str], str], protocol: str, asked: bool, names: tuple[str, ...], protocols: str
) -> None:  # fmt: skip
    """What is set and would be left out is a mistake, and a dangerous one."""
    for name in names:
        if text(name) and not asked:
            raise SettingsError(f"{name}: needs KAFKA_SECURITY_PROTOCOL={protocols}, which is {protocol}")


def _tls(text: Callable[[str], str]) -> dict[str, str]:
    pems = {name: text(name) for name in _PEM}
    for name, pem in pems.items():
        if pem and "-----BEGIN " not in pem:
            raise SettingsError(f"{name}: expected PEM text; {name}_FILE names a file that holds it")
    if bool(pems["KAFKA_SSL_CERTIFICATE"]) != bool(pems["KAFKA_SSL_KEY"]):
        raise SettingsError("KAFKA_SSL_CERTIFICATE, KAFKA_SSL_KEY: expected both or none")
    found = {_PEM[name]: pem for name, pem in pems.items() if pem}
    if password := text("KAFKA_SSL_KEY_PASSWORD"):
        found["ssl.key.password"] = password
    return found


def _sasl(text: Callable[[str], str]) -> dict[str, str]:
    found = {option: text(name) for name, option in _SASL.items()}
    if missing := [name for name, option in _SASL.items() if not found[option]]:
        raise SettingsError(f"{', '.join(missing)}: needed with KAFKA_SECURITY_PROTOCOL=SASL_SSL or SASL_PLAINTEXT")
    if found["sasl.mechanism"] not in MECHANISMS:
        raise SettingsError(
            f"KAFKA_SASL_MECHANISM: expected one of {', '.join(MECHANISMS)}, got {found['sasl.mechanism']!r}"
        )
    return found
