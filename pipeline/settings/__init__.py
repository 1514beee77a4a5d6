"""The settings of this process, read once, as values that are checked; sentences.py lists them all.

Values come from the environment, then from the address file of the running system (`.data/run/addresses.json`, written
by `manage.py up`, so that a command in a second shell finds it), then from the defaults. A secret may also come from the file
named by NAME_FILE. A malformed value is an error that names the setting and the rule.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from pipeline.domain.delivery import DeliverySettings
from pipeline.domain.errors import SettingsError
from pipeline.domain.quota import PLANS, Plan, plan_named
from pipeline.domain.rules import TickRules
from pipeline.domain.symbols import checked_symbol
from pipeline.settings.accumulo import AccumuloSettings
from pipeline.settings.kafka import KafkaSettings
from pipeline.settings.sentences import SECRETS, SENTENCES

SIMULATOR, ALPHAVANTAGE = "simulator", "alphavantage"
ALPHAVANTAGE_API = "https://www.alphavantage.co"
LOOPBACK = "127.0.0.1"
SERVERS = ("redis", "mongodb", "kafka", "aws", "accumulo", "alphavantage")


@dataclass(frozen=True)
class AlphaVantageSettings:
    url: str  # without /query
    api_key: str = field(repr=False)


@dataclass(frozen=True)
class QuotaSettings:
    plan: Plan
    reserve: int  # requests a day


@dataclass(frozen=True)
class AwsSettings:
    """`endpoint_url` is None on real AWS only."""

    endpoint_url: str | None
    topic_arn: str | None
    queue_url: str | None  # "": there is none, events are posted
    prefix: str
    posted: bool = False  # events are also taken from SNS' own posts

    @property
    def real(self) -> bool:
        return self.endpoint_url is None


@dataclass(frozen=True)
class ProcessSettings:
    """What concerns this one process."""

    instance: str
    bind: str
    http_port: int
    log_level: str
    log_format: str  # plain or json
    traced: bool  # spans go to an OpenTelemetry collector


@dataclass(frozen=True)
class Settings:
    data_dir: Path
    source: str
    database: str  # of MongoDB, and the prefix of everything else that is named after the source
    alphavantage: AlphaVantageSettings
    quota: QuotaSettings
    redis_url: str = field(repr=False)
    mongodb_uri: str = field(repr=False)
    kafka: KafkaSettings
    accumulo: AccumuloSettings | None  # None: the table is the embedded one
    aws: AwsSettings
    ticks: TickRules
    process: ProcessSettings
    receiver_urls: tuple[str, ...]
    table_mb: int
    fetch_log_days: int
    plan_days: int
    watchlist: tuple[str, ...]
    delivery: DeliverySettings
    embedded: frozenset[str]

    @property
    def table_dir(self) -> Path:
        return self.data_dir / f"table-{self.source}"


class Values:
    """Reads named values: the environment, then a mapping from the running system, then the default."""

    def __init__(self, environment: Mapping[str, str], running: Mapping[str, str]) -> None:
        self._environment, self._running = environment, running

    def text(self, name: str, default: str = "") -> str:
        if name not in SENTENCES:
            raise KeyError(f"setting {name} is not declared")
        if path := self._environment.get(f"{name}_FILE"):
            try:
                return Path(path).read_text().strip()
            except OSError as error:
                raise SettingsError(f"{name}_FILE: cannot read {path}: {error.strerror}") from None
        return self._environment.get(name, "") or self._running.get(name, "") or default

    def number(self, name: str, default: int, low: int, high: int) -> int:
        text = self.text(name, str(default))
        if not re.fullmatch(r"-?\d{1,12}", text) or not low <= int(text) <= high:
            raise SettingsError(f"{name}: expected a whole number from {low} to {high}, got {text!r}")
        return int(text)

    def address(self, name: str, default: str) -> str:
        text = self.text(name, default)
        try:
            return str(ip_address(text))
        except ValueError:
            raise SettingsError(f"{name}: expected an IP address, got {text!r}") from None

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        text = self.text(name, default)
        if text not in choices:
            raise SettingsError(f"{name}: expected one of {', '.join(choices)}, got {text!r}")
        return text

    def flag(self, name: str) -> bool:
        return self.choice(name, "0", ("0", "1")) == "1"

    def symbols(self, name: str, default: str) -> tuple[str, ...]:
        try:
            return tuple(checked_symbol(part, name) for part in self.text(name, default).split(",") if part.strip())
        except ValueError as error:
            raise SettingsError(str(error)) from None


def data_dir(environment: Mapping[str, str] = os.environ) -> Path:
    return Path(environment.get("TICKERLINE_DATA") or Path(__file__).resolve().parents[2] / ".data").resolve()


def address_file(directory: Path) -> Path:
    """Where `up` writes the running system's addresses, mode 0600: a JSON object of setting names and values."""
    return directory / "run" / "addresses.json"


def read_values(environment: Mapping[str, str] = os.environ) -> Values:
    path = address_file(data_dir(environment))
    try:
        running = json.loads(path.read_text())
    except FileNotFoundError:
        running = {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: not readable as the running system's addresses: {error}") from None
    return Values(environment, running)


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read and check every setting of the pipeline. Raises SettingsError."""
    values = read_values(environment)
    key, url = values.text("ALPHAVANTAGE_API_KEY"), values.text("ALPHAVANTAGE_URL")
    source = values.choice("TICKERLINE_SOURCE", ALPHAVANTAGE if key or url else SIMULATOR, (SIMULATOR, ALPHAVANTAGE))
    if source == ALPHAVANTAGE and not key:
        raise SettingsError("ALPHAVANTAGE_API_KEY: needed when the API is asked instead of the simulator")
    embedded = frozenset(part for part in values.text("TICKERLINE_EMBEDDED").split(",") if part)
    database = "tickerline" if source == ALPHAVANTAGE else "tickerline_sim"
    prefix = database.replace("_", "-")
    shards = values.number("TICKERLINE_SHARDS", 4, 1, 4 if "kafka" in embedded else 1024)
    # A broker that outlives `up` must never mix simulated bars' ticks with those of real bars.
    topic = "ticks" if source == ALPHAVANTAGE or "kafka" in embedded else "ticks-sim"
    return Settings(
        data_dir=data_dir(environment),
        source=source,
        database=database,
        alphavantage=AlphaVantageSettings(
            (url or (ALPHAVANTAGE_API if source == ALPHAVANTAGE else "http://127.0.0.1:8765")).rstrip("/"),
            key if source == ALPHAVANTAGE else "simulator",
        ),
        quota=QuotaSettings(
            plan_named(values.choice("TICKERLINE_PLAN", "free" if source == ALPHAVANTAGE else "none", tuple(PLANS))),
            values.number("TICKERLINE_QUOTA_RESERVE", 5, 0, 25),
        ),
        redis_url=values.text("REDIS_URL", "redis://127.0.0.1:6379/0"),
        mongodb_uri=values.text("MONGODB_URI", "mongodb://127.0.0.1:27017"),
        kafka=KafkaSettings.read(values.text, topic, "kafka" in embedded),
        accumulo=AccumuloSettings.read(values.text),
        aws=_aws(values, prefix),
        ticks=TickRules(
            shards=shards,
            tick_ms=values.number("TICKERLINE_TICK_MS", 100, 10, 60_000),
            ticks_per_bar=values.number("TICKERLINE_TICKS_PER_BAR", 390, 4, 100_000),
            ready_symbols=values.number("TICKERLINE_READY_SYMBOLS", 5, 1, 10_000),
            retention_s=values.number("TICKERLINE_RETENTION_S", 3600, 10, 31_536_000),
        ),
        process=ProcessSettings(
            instance=instance(values),
            bind=values.address("TICKERLINE_BIND", LOOPBACK),
            http_port=values.number("TICKERLINE_HTTP_PORT", 0, 0, 65535),
            log_level=values.choice("TICKERLINE_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
            log_format=log_format(values),
            traced=_traced(environment),
        ),
        receiver_urls=_receiver_urls(values),
        table_mb=values.number("TICKERLINE_TABLE_MB", 8192, 16, 10_000_000),
        # At least as long as a symbol that Alpha Vantage does not know is not asked for again.
        fetch_log_days=values.number("TICKERLINE_FETCH_LOG_DAYS", 90, 31, 36_500),
        plan_days=values.number("TICKERLINE_PLAN_DAYS", 30, 1, 36_500),
        watchlist=values.symbols("TICKERLINE_WATCHLIST", "AAPL,MSFT,GOOGL,IBM,META"),
        delivery=DeliverySettings.read(values.text),
        embedded=embedded,
    )


def _traced(environment: Mapping[str, str]) -> bool:
    """Whether the standard variables of OpenTelemetry ask for it. What they say else, its SDK reads for itself."""
    value = environment.get
    exporter, protocol = value("OTEL_TRACES_EXPORTER", ""), value("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    endpoint = value("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or value("OTEL_EXPORTER_OTLP_ENDPOINT")
    if exporter not in ("", "otlp", "none"):
        raise SettingsError(f"OTEL_TRACES_EXPORTER: expected otlp or none, got {exporter!r}")
    wanted = exporter == "otlp" or bool(endpoint and not exporter)
    if wanted and protocol != "http/protobuf":
        raise SettingsError(f"OTEL_EXPORTER_OTLP_PROTOCOL: expected http/protobuf, got {protocol!r}")
    return wanted and value("OTEL_SDK_DISABLED", "").lower() != "true"


def _receiver_urls(values: Values) -> tuple[str, ...]:
    port = values.number("TICKERLINE_RECEIVER_PORT", 8002, 1, 65535)
    urls = values.text("TICKERLINE_RECEIVER_URLS", f"http://127.0.0.1:{port}").split(",")
    for url in urls:
        found = re.fullmatch(r"http://[A-Za-z0-9.-]+:(\d{1,5})", url)
        if not found or int(found[1]) > 65535:
            raise SettingsError(f"TICKERLINE_RECEIVER_URLS: expected http://HOST:PORT, comma separated, got {url!r}")
    return tuple(urls)


def aws_endpoint(values: Values) -> str | None:
    """The emulator's address; None: real AWS."""
    if values.choice("TICKERLINE_AWS", "emulator", ("emulator", "real")) == "real":
        return None
    return values.text("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")


def _aws(values: Values, prefix: str) -> AwsSettings:
    topic, queue = values.text("TICKERLINE_TOPIC_ARN") or None, values.text("TICKERLINE_QUEUE_URL") or None
    endpoint, posted = aws_endpoint(values), values.flag("TICKERLINE_SNS_ENDPOINT")
    if posted and topic is None:
        raise SettingsError(
            "TICKERLINE_TOPIC_ARN: needed with TICKERLINE_SNS_ENDPOINT=1, which takes that topic's posts"
        )
    if endpoint is not None:
        return AwsSettings(endpoint, topic, queue, prefix, posted)
    queue = queue or ("" if posted else None)
    for name, value in (("TICKERLINE_TOPIC_ARN", topic), ("TICKERLINE_QUEUE_URL", queue)):
        if value is None:
            raise SettingsError(f"{name}: needed with TICKERLINE_AWS=real")
    return AwsSettings(None, topic, queue, prefix, posted)


def instance(values: Values) -> str:
    return values.text("TICKERLINE_INSTANCE", f"pid-{os.getpid()}")


def log_format(values: Values) -> str:
    return values.choice("TICKERLINE_LOG_FORMAT", "plain", ("plain", "json"))


def secrets(values: Values) -> list[str]:
    """Those that are set."""
    return [value for name in SECRETS if (value := values.text(name))]


def masked(settings: Settings) -> str:
    """The settings for a log line; secrets are left out by their fields' `repr=False`."""
    return repr(settings)
