"""A broker that asks for TLS and a password: ticks go there and come back, and who is not let in is told why."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from pipeline.adapters.kafka.probe import KafkaProbe
from pipeline.adapters.kafka.tick_feed import KafkaTickFeed
from pipeline.adapters.kafka.tick_log import KafkaTickLog
from pipeline.domain.errors import Unavailable
from pipeline.embedded.jvm import free_ports
from pipeline.embedded.real_kafka import HOST, RealKafka, prepare
from pipeline.settings.kafka import KafkaSettings
from tests.kafka.tick_writer import batch
from tests.support.real_kafka import opened, put
from tests.support.servers import wait_until

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(300)]


def self_signed() -> tuple[str, str]:
    """Certificate and key of 127.0.0.1, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tickerline's tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made.public_bytes(Encoding.PEM).decode(), key_pem.decode()


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    (secure,) = free_ports(1)
    certificate, key = self_signed()

    def more(port: int) -> str:
        def one_line(pem: str) -> str:
            return pem.replace("\n", "\\n")

        listener = "listener.name.sasl_ssl"
        return f"""
listeners=PLAINTEXT://{HOST}:{port},SASL_SSL://{HOST}:{secure},CONTROLLER://{HOST}:{broker.controller_port}
advertised.listeners=PLAINTEXT://{HOST}:{port},SASL_SSL://{HOST}:{secure}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
{listener}.sasl.enabled.mechanisms=PLAIN
{listener}.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_ticks="canary";
{listener}.ssl.keystore.type=PEM
{listener}.ssl.keystore.certificate.chain={one_line(certificate)}
{listener}.ssl.keystore.key={one_line(key)}
"""

    broker = RealKafka(tmp_path_factory.mktemp("secure") / "broker", prepare(print), more=more)
    values = {
        "KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{secure}", "KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SSL_CA": certificate,
        "KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "ticks", "KAFKA_SASL_PASSWORD": "canary",
    }  # fmt: skip
    try:
        broker.start()
        yield KafkaSettings.read(lambda name: values.get(name, ""), "ticks", embedded=False)
    finally:
        broker.kill()


def test_ticks_go_there_and_come_back(kafka: KafkaSettings) -> None:
    servers, topic = kafka.bootstrap_servers, kafka.topic
    log = KafkaTickLog(
        servers, topic, kafka.bars_topic, kafka.checkpoint_topic, 1, 4, embedded=False, security=kafka.security
    )
    assert opened(log) is None
    feed = KafkaTickFeed(servers, topic, 4, from_start=True, security=kafka.security)
    put(log, [batch(1)])
    ticks: list[bytes] = []

    def come() -> bool:
        ticks.extend(tick.value for tick in feed.read(0.5))
        return bool(ticks)

    wait_until(come, "the ticks come back", 30)
    feed.close()
    assert opened(log) == batch(1).position
    assert KafkaProbe(servers, (topic,), kafka.security).ask(10.0) == "answers (1 broker)"


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [("sasl.password", "wrong-canary", "[Aa]uthentication"), ("ssl.ca.pem", self_signed()[0], "SSL|certificate")],
)
def test_who_is_not_let_in_is_told_why_and_the_password_to_nobody(
    kafka: KafkaSettings, option: str, value: str, why: str
) -> None:
    wrong = dataclasses.replace(kafka, security=tuple((dict(kafka.security) | {option: value}).items()))
    with pytest.raises(Unavailable, match=why) as caught:
        KafkaProbe(wrong.bootstrap_servers, (), wrong.security).ask(5.0)
    assert "canary" not in str(caught.value)


def test_a_plain_client_does_not_get_in(kafka: KafkaSettings) -> None:
    with pytest.raises(Unavailable):
        KafkaProbe(kafka.bootstrap_servers, ()).ask(3.0)
