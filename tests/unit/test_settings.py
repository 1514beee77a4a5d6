"""Settings fail loudly, keep secrets out of their text, and never mix the real API's data with the simulator's."""

import json
from pathlib import Path

import pytest

from pipeline import bootstrap, settings
from pipeline.domain.errors import SettingsError
from pipeline.settings.accumulo import AccumuloSettings
from pipeline.settings.sentences import SENTENCES

ROOT = Path(__file__).parents[2]


def load(tmp_path: Path, **environment: str) -> settings.Settings:
    return settings.load({"TICKERLINE_DATA": str(tmp_path)} | environment)


def test_the_data_are_in_the_project_unless_it_is_said_where() -> None:
    assert settings.data_dir({}) == ROOT / ".data"


def test_without_a_key_the_simulator_is_the_source_and_names_its_own_database(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    assert (loaded.source, loaded.database, loaded.kafka.topic) == ("simulator", "tickerline_sim", "ticks-sim")
    assert load(tmp_path, TICKERLINE_EMBEDDED="kafka").kafka.topic == "ticks"


def test_with_a_key_everything_is_named_after_the_api(tmp_path: Path) -> None:
    loaded = load(tmp_path, ALPHAVANTAGE_API_KEY="canary-key")
    assert (loaded.source, loaded.database, loaded.kafka.topic) == ("alphavantage", "tickerline", "ticks")
    assert loaded.table_dir != load(tmp_path).table_dir
    assert loaded.alphavantage.url == "https://www.alphavantage.co"


def test_secrets_are_not_in_the_settings_text(tmp_path: Path) -> None:
    loaded = load(
        tmp_path, ALPHAVANTAGE_API_KEY="canary-key", MONGODB_URI="mongodb://u:canary@h/", REDIS_URL="redis://:canary@h"
    )
    assert "canary" not in settings.masked(loaded)
    assert "canary" not in repr(loaded)


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file\n")
    assert load(tmp_path, ALPHAVANTAGE_API_KEY_FILE=str(tmp_path / "key")).alphavantage.api_key == "from-a-file"
    with pytest.raises(SettingsError, match="ALPHAVANTAGE_API_KEY_FILE"):
        load(tmp_path, ALPHAVANTAGE_API_KEY_FILE=str(tmp_path / "none"))


def test_a_url_of_the_api_needs_a_key(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ALPHAVANTAGE_API_KEY"):
        load(tmp_path, ALPHAVANTAGE_URL="http://127.0.0.1:1")


def test_the_running_system_s_addresses_are_found_and_the_environment_goes_before_them(tmp_path: Path) -> None:
    path = settings.address_file(tmp_path)
    path.parent.mkdir()
    path.write_text(json.dumps({"REDIS_URL": "redis://127.0.0.1:1/0", "MONGODB_URI": "mongodb://127.0.0.1:2"}))
    loaded = load(tmp_path, REDIS_URL="redis://127.0.0.1:3/0")
    assert (loaded.redis_url, loaded.mongodb_uri) == ("redis://127.0.0.1:3/0", "mongodb://127.0.0.1:2")


@pytest.mark.parametrize(
    ("name", "value"),
    [("TICKERLINE_SHARDS", "0"), ("TICKERLINE_TICK_MS", "fast"), ("TICKERLINE_AWS", "yes"), ("TICKERLINE_BIND", "everywhere"),
     ("TICKERLINE_WATCHLIST", "AAPL,A&B"), ("TICKERLINE_LOG_LEVEL", "loud"), ("TICKERLINE_SOURCE", "yahoo")],
)  # fmt: skip
def test_a_malformed_setting_is_named_in_the_error(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load(tmp_path, **{name: value})


def test_real_aws_needs_its_names_and_is_never_chosen_by_ambient_settings(tmp_path: Path) -> None:
    ambient = {"AWS_PROFILE": "production", "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIA"}
    assert not load(tmp_path, **ambient).aws.real
    with pytest.raises(SettingsError, match="TICKERLINE_TOPIC_ARN"):
        load(tmp_path, TICKERLINE_AWS="real")


def test_sns_may_post_the_events_of_a_topic_that_is_named_alone(tmp_path: Path) -> None:
    assert not load(tmp_path).aws.posted
    with pytest.raises(SettingsError, match="TICKERLINE_TOPIC_ARN: needed with TICKERLINE_SNS_ENDPOINT"):
        load(tmp_path, TICKERLINE_SNS_ENDPOINT="1")
    assert load(tmp_path, TICKERLINE_SNS_ENDPOINT="1", TICKERLINE_TOPIC_ARN="arn:aws:sns:us-east-1:1:bars").aws.posted


def test_real_aws_needs_no_queue_where_sns_posts(tmp_path: Path) -> None:
    real = {"TICKERLINE_AWS": "real", "TICKERLINE_TOPIC_ARN": "arn:aws:sns:us-east-1:1:bars"}
    with pytest.raises(SettingsError, match="TICKERLINE_QUEUE_URL"):
        load(tmp_path, **real)
    loaded = load(tmp_path, **real, TICKERLINE_SNS_ENDPOINT="1")
    assert loaded.aws.queue_url == ""
    queue = bootstrap.event_queue(loaded)
    assert queue.receive(0) == ()
    assert "sqs" not in bootstrap.probes(loaded)
    assert (
        load(tmp_path, **real, TICKERLINE_SNS_ENDPOINT="1", TICKERLINE_QUEUE_URL="https://q").aws.queue_url
        == "https://q"
    )


def test_every_setting_is_documented_with_its_sentence() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    missing = [name for name, sentence in SENTENCES.items() if f"`{name}`" not in text or sentence not in text]
    assert not missing


@pytest.mark.parametrize(
    ("environment", "traced"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "prices"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_spans_are_told_where_opentelemetry_s_variables_say_so(
    tmp_path: Path, environment: dict[str, str], traced: bool
) -> None:
    assert load(tmp_path, **environment).process.traced is traced


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER: expected otlp or none"),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "OTEL_EXPORTER_OTLP_PROTOCOL: expected",
        ),
    ],
)
def test_what_spans_cannot_be_sent_by_is_refused(tmp_path: Path, environment: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load(tmp_path, **environment)


ACCUMULO = {
    "ACCUMULO_INSTANCE": "theirs",
    "ACCUMULO_ZOOKEEPERS": "one.example:2181,two.example:2181",
    "ACCUMULO_USER": "ticks",
    "ACCUMULO_PASSWORD": "canary",
}


def test_an_accumulo_is_used_when_its_instance_is_named(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from-a-file\n")
    assert load(tmp_path).accumulo is None
    assert load(tmp_path, ACCUMULO_ZOOKEEPERS="one.example:2181").accumulo is None
    accumulo = load(tmp_path, **ACCUMULO, ACCUMULO_PASSWORD_FILE=str(tmp_path / "password")).accumulo
    assert accumulo == AccumuloSettings("theirs", "one.example:2181,two.example:2181", "ticks", "from-a-file", None)
    assert "canary" not in settings.masked(load(tmp_path, **ACCUMULO))


@pytest.mark.parametrize("name", ["ACCUMULO_ZOOKEEPERS", "ACCUMULO_USER", "ACCUMULO_PASSWORD"])
def test_what_an_accumulo_needs_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: needed"):
        load(tmp_path, **{key: value for key, value in ACCUMULO.items() if key != name})


@pytest.mark.parametrize("address", ["one.example", "one.example:2181,", "http://one.example:2181", "one:99999"])
def test_zookeepers_are_hosts_with_ports(tmp_path: Path, address: str) -> None:
    with pytest.raises(SettingsError, match="ACCUMULO_ZOOKEEPERS: expected HOST:PORT"):
        load(tmp_path, **(ACCUMULO | {"ACCUMULO_ZOOKEEPERS": address}))


PEM = "-----BEGIN CERTIFICATE-----\ncanary\n-----END CERTIFICATE-----"
SASL = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_USERNAME": "ticks",
    "KAFKA_SASL_PASSWORD": "canary",
}


def test_kafka_is_reached_by_tls_and_sasl_where_that_is_set(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(PEM + "\n")
    assert load(tmp_path).kafka.security == ()
    found = load(tmp_path, **SASL, KAFKA_SSL_CA_FILE=str(tmp_path / "ca.pem"))
    assert dict(found.kafka.security) == {
        "security.protocol": "SASL_SSL", "ssl.ca.pem": PEM, "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "ticks",
        "sasl.password": "canary",
    }  # fmt: skip
    assert "canary" not in settings.masked(found)
    own = {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CERTIFICATE": PEM, "KAFKA_SSL_KEY": PEM}
    found = load(tmp_path, **own, KAFKA_SSL_KEY_PASSWORD="canary")
    assert dict(found.kafka.security) == {
        "security.protocol": "SSL", "ssl.certificate.pem": PEM, "ssl.key.pem": PEM, "ssl.key.password": "canary",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"KAFKA_SECURITY_PROTOCOL": "TLS"}, "KAFKA_SECURITY_PROTOCOL: expected one of PLAINTEXT, SSL"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "MECHANISM, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD: needed"),
        (SASL | {"KAFKA_SASL_PASSWORD": ""}, "^KAFKA_SASL_PASSWORD: needed"),
        (SASL | {"KAFKA_SASL_MECHANISM": "GSSAPI"}, "KAFKA_SASL_MECHANISM: expected one of PLAIN, SCRAM"),
        (SASL | {"KAFKA_SECURITY_PROTOCOL": "SSL"}, "KAFKA_SASL_MECHANISM: needs .*SASL_SSL or SASL_PLAINTEXT"),
        (SASL | {"KAFKA_SECURITY_PROTOCOL": ""}, "KAFKA_SASL_MECHANISM: needs .*, which is PLAINTEXT"),
        ({"KAFKA_SSL_CA": PEM}, "KAFKA_SSL_CA: needs KAFKA_SECURITY_PROTOCOL=SSL or SASL_SSL"),
        (SASL | {"KAFKA_SSL_CA": "/etc/canary.pem"}, "KAFKA_SSL_CA: expected PEM text; KAFKA_SSL_CA_FILE names a file"),
        (SASL | {"KAFKA_SSL_KEY": PEM}, "KAFKA_SSL_CERTIFICATE, KAFKA_SSL_KEY: expected both or none"),
        (SASL | {"TICKERLINE_EMBEDDED": "kafka"}, "the embedded broker has none; set KAFKA_BOOTSTRAP_SERVERS"),
    ],
)
def test_what_does_not_fit_together_for_kafka_is_told_by_name(tmp_path: Path, wrong: dict[str, str], rule: str) -> None:
    with pytest.raises(SettingsError, match=rule) as caught:
        load(tmp_path, **wrong)
    assert "canary" not in str(caught.value)
