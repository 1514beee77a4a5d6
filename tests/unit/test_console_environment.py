import os
from pathlib import Path

import pytest

from pipeline.domain.errors import SettingsError
from pipeline.embedded.servers import EMBEDDED, REAL, client_needs, stand_ins, to_start
from pipeline.settings import ALPHAVANTAGE, SIMULATOR, Values, load
from webui.console.environment import addresses, clean, ensure_secret_key
from webui.console.place import Place

AMBIENT = {
    "AWS_PROFILE": "production",
    "AWS_ACCESS_KEY_ID": "AKIA",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
    "AWS_DEFAULT_REGION": "eu-north-1",
    "AWS_REGION": "eu-north-1",
    "AWS_ENDPOINT_URL_SNS": "https://sns.example",
    "AWS_ENDPOINT_URL_SQS": "https://sqs.example",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/token",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://metadata.example",
    "AWS_CONFIG_FILE": "/home/somebody/.aws/config",
}
SERVER_NAMES = {server.name for server in EMBEDDED}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def names(environment: dict[str, str], source: str = SIMULATOR) -> set[str]:
    return {server.name for server in to_start(Values(environment, {}), source)}


def test_no_ambient_aws_setting_reaches_a_child(place: Place) -> None:
    environment = clean(AMBIENT | {"PATH": "/bin"}, place)

    assert environment["PATH"] == "/bin"
    aws = {name: value for name, value in environment.items() if name.startswith("AWS_")}
    assert aws == {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def test_the_endpoint_that_the_user_set_reaches_them(place: Place) -> None:
    environment = clean(AMBIENT | {"AWS_ENDPOINT_URL": "http://localhost:4566"}, place)

    assert environment["AWS_ENDPOINT_URL"] == "http://localhost:4566"
    assert "AWS_PROFILE" not in environment


def test_with_real_aws_by_word_all_of_them_do(place: Place) -> None:
    environment = clean(AMBIENT | {"TICKERLINE_AWS": "real"}, place)

    assert AMBIENT.items() <= environment.items()


def test_a_worker_is_led_neither_into_django_nor_to_another_broker(place: Place) -> None:
    environment = clean({"DJANGO_SETTINGS_MODULE": "webui.settings", "CELERY_BROKER_URL": "redis://other"}, place)

    assert not {"DJANGO_SETTINGS_MODULE", "CELERY_BROKER_URL"} & set(environment)


def test_the_secret_key_is_made_once_and_is_its_owners_alone(place: Place) -> None:
    ensure_secret_key(place)
    first = place.secret_key.read_text()
    ensure_secret_key(place)

    assert place.secret_key.read_text() == first
    assert len(first.strip()) >= 50
    assert place.secret_key.stat().st_mode & 0o777 == 0o600
    assert clean({}, place)["TICKERLINE_SECRET_KEY_FILE"] == str(place.secret_key)
    assert "TICKERLINE_SECRET_KEY_FILE" not in clean({"TICKERLINE_SECRET_KEY": "own"}, place)


@pytest.mark.parametrize(
    ("ambient", "is_open"),
    [({}, "1"), ({"TICKERLINE_PRODUCTION": "1"}, "0"), ({"TICKERLINE_OPEN_FETCH": "0"}, "0")],
)
def test_up_opens_fetching_to_everybody_except_in_production(
    ambient: dict[str, str], is_open: str, place: Place
) -> None:
    assert clean(ambient, place)["TICKERLINE_OPEN_FETCH"] == is_open


def test_with_nothing_configured_every_server_is_embedded() -> None:
    assert names({}) == SERVER_NAMES


@pytest.mark.parametrize("server", EMBEDDED, ids=lambda server: server.name)
def test_a_server_whose_address_is_set_is_not_embedded(server: object) -> None:
    setting, name = getattr(server, "setting"), getattr(server, "name")  # noqa: B009 - the type of a parameter is lost

    assert names({setting: "somewhere"}) == SERVER_NAMES - {name}


def test_real_aws_and_the_real_api_have_no_embedded_server() -> None:
    assert "aws" not in names({"TICKERLINE_AWS": "real"})
    assert "alphavantage" not in names({"ALPHAVANTAGE_API_KEY": "key"}, ALPHAVANTAGE)


def test_the_address_file_holds_what_was_set_and_what_was_chosen_but_nothing_of_a_single_process() -> None:
    redis = next(server for server in EMBEDDED if server.name == "redis")
    environment = {
        "MONGODB_URI": "mongodb://db.example",
        "TICKERLINE_SHARDS": "2",
        "TICKERLINE_DATA": "/somewhere",
        "TICKERLINE_INSTANCE": "driver-1",
        "TICKERLINE_SECRET_KEY": "secret",
    }

    written = addresses(Values(environment, {}), SIMULATOR, {"redis": (redis, 6380)}, {"ACCUMULO_JARS": ""})

    assert written == {
        "MONGODB_URI": "mongodb://db.example",
        "TICKERLINE_SHARDS": "2",
        "REDIS_URL": "redis://127.0.0.1:6380/0",
        "TICKERLINE_SOURCE": SIMULATOR,
        "TICKERLINE_EMBEDDED": "accumulo,redis",
    }


def test_by_word_the_real_thing_is_started_in_place_of_the_stand_in() -> None:
    chosen = {server.name: server for server in to_start(Values({}, {}), SIMULATOR, ["kafka"])}

    assert set(chosen) == SERVER_NAMES
    assert [name for name, server in chosen.items() if server.real] == ["kafka"]
    assert chosen["kafka"].prepare is not None


def test_one_that_runs_elsewhere_cannot_be_started_too() -> None:
    with pytest.raises(SettingsError, match="KAFKA_BOOTSTRAP_SERVERS"):
        to_start(Values({"KAFKA_BOOTSTRAP_SERVERS": "kafka.example:9092"}, {}), SIMULATOR, ["kafka"])


def test_a_real_server_that_up_starts_is_under_the_rules_of_one_that_runs_elsewhere() -> None:
    """Topics are made, shards are not limited, and the topic of simulated ticks has a name of its own."""
    written = addresses(Values({}, {}), SIMULATOR, {"kafka": (REAL["kafka"](Values({}, {})), 9092)}, {})

    assert written["KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:9092"
    assert written["TICKERLINE_EMBEDDED"] == "accumulo"
    kafka = load(written | {"TICKERLINE_SHARDS": "16"}).kafka
    assert (kafka.embedded, kafka.topic) == (False, "ticks-sim")


def test_a_real_accumulo_has_as_many_tablet_servers_as_the_setting_says_and_no_embedded_table_beside_it() -> None:
    values = Values({"TICKERLINE_TABLET_SERVERS": "2"}, {})
    chosen = {server.name: server for server in to_start(values, SIMULATOR, ["accumulo"])}

    assert set(chosen) == SERVER_NAMES | {"accumulo"}
    assert set(chosen["accumulo"].parts) == {"zookeeper", "gc", "tserver-1", "tserver-2"}
    assert stand_ins(values, list(chosen.values())) == sorted(SERVER_NAMES)
    assert stand_ins(Values({"ACCUMULO_INSTANCE": "theirs"}, {}), []) == []
    with pytest.raises(SettingsError, match="ACCUMULO_INSTANCE"):
        to_start(Values({"ACCUMULO_INSTANCE": "theirs"}, {}), SIMULATOR, ["accumulo"])


def test_the_jars_of_a_client_are_fetched_where_nobody_says_where_they_are() -> None:
    theirs = {"ACCUMULO_INSTANCE": "theirs"}

    assert client_needs(Values({}, {})) == ({}, [])
    assert client_needs(Values(theirs | {"ACCUMULO_JARS": "/jars"}, {})) == ({}, [])
    more, fetches = client_needs(Values(theirs, {}))
    assert (list(more), len(fetches)) == (["ACCUMULO_JARS"], 1)
