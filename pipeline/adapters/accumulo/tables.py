"""The port `tables` on Apache Accumulo 2.1, by its own client in a JVM of this process (`java.py`)."""

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pipeline.adapters.accumulo.deadline import Deadline, nobody_waits
from pipeline.adapters.accumulo.errors import translated
from pipeline.adapters.accumulo.java import java, start, text
from pipeline.adapters.accumulo.table import AccumuloTable
from pipeline.domain.errors import SettingsError, Unavailable
from pipeline.ports.table import TableDiffers, TableMissing, TableSettings, table_name

T = TypeVar("T")
DEADLINE_S = 10.0
_START_S = 60.0  # for the JVM, and for servers that have just been started
_SYSTEM = "accumulo."  # the name space of Accumulo's own tables
_SCOPES = ("scan", "minc", "majc")
_AGE_OFF = "org.apache.accumulo.core.iterators.user.AgeOffFilter"
_VISIBILITY = "org.apache.accumulo.core.data.constraints.VisibilityConstraint"
_VERSIONS_OF = "table.iterator.scan.vers.opt.maxVersions"
_AGE_OF = "table.iterator.scan.age.opt.ttl"


class AccumuloTables:
    """Thread-safe. The user needs the permission to create tables, unless all are there."""

    def __init__(
        self, instance: str, zookeepers: str, user: str, password: str, jars: Path, deadline_s: float = DEADLINE_S
    ) -> None:
        """Raises Unavailable; SettingsError when Accumulo refuses the user."""
        self._where, self._who = (instance, zookeepers), (user, password)
        self._deadline, self._patient = Deadline(deadline_s), Deadline(max(deadline_s, _START_S))
        self._lock, self._opening = threading.Lock(), threading.Lock()
        self._client: Any = None
        start(jars)
        self.held = self.ask(self._sign_in, patiently=True)

    def ask(self, work: Callable[[Any], T], *of_a_scan: frozenset[bytes], patiently: bool = False) -> T:
        """`work` with the client, within the deadline. A client that hangs is replaced: its connections may all be stuck."""
        with self._lock:
            client = self._client
        try:
            deadline = self._patient if patiently else self._deadline
            return deadline.call(lambda: translated(lambda: work(client or self._opened()), *of_a_scan))
        except Unavailable:
            self._give_up(client)
            raise

    def _give_up(self, client: Any) -> None:
        """Once, whoever else waits for it."""
        with self._lock:
            if client is None or self._client is not client:
                return
            self._client = None
        nobody_waits(client.close)

    def _opened(self) -> Any:
        """Asks ZooKeeper, so it is called within the deadline alone."""
        with self._opening:
            if self._client is None:
                (instance, zookeepers), (user, password) = self._where, self._who
                builder = java("core.client.Accumulo").newClient().to(instance, zookeepers).as_(user, password)
                client = builder.build()
                with self._lock:
                    self._client = client
            return self._client

    def _sign_in(self, client: Any) -> frozenset[bytes]:
        user, password = self._who
        operations = client.securityOperations()
        if not operations.authenticateUser(user, java("core.client.security.tokens.PasswordToken")(password)):
            raise SettingsError("ACCUMULO_USER, ACCUMULO_PASSWORD: Accumulo refuses them")
        return frozenset(bytes(one) for one in operations.getUserAuthorizations(user).getAuthorizations())

    def open(self, name: str, settings: TableSettings = TableSettings()) -> AccumuloTable:  # noqa: B008
        table_name(name)
        there = self.ask(lambda client: _opened(client, name, settings), patiently=True)
        there.check(name, settings)
        return AccumuloTable(self, name, there)

    def names(self) -> list[str]:
        names = self.ask(lambda client: [str(name) for name in client.tableOperations().list()])
        return sorted(name for name in names if not name.startswith(_SYSTEM))

    def add_splits(self, name: str, splits: Sequence[bytes]) -> int:
        """Add those that are missing; returns how many. Raises TableMissing, Unavailable."""
        return self.ask(lambda client: _split(client, name, splits), patiently=True)

    def delete(self, name: str) -> None:
        try:
            self.ask(lambda client: client.tableOperations().delete(name), patiently=True)
        except TableMissing:
            raise TableMissing(f"there is no table {name}") from None

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            self._deadline.call(client.close)


def _opened(client: Any, name: str, settings: TableSettings) -> TableSettings:
    """The table's settings as it is, made if there is none."""
    operations = client.tableOperations()
    if not operations.exists(name):
        try:
            operations.create(name, _new(settings))
        except java("core.client.TableExistsException"):
            pass  # somebody else made it meanwhile
    properties = {str(one.getKey()): str(one.getValue()) for one in operations.getConfiguration(name).entrySet()}
    _check(name, properties)
    splits = tuple(_bytes(one) for one in operations.listSplits(name))
    age = properties.get(_AGE_OF)
    return TableSettings(int(properties.get(_VERSIONS_OF, 1)), int(age) if age else None, splits)


def _check(name: str, properties: dict[str, str]) -> None:
    """What the port promises of every table, whatever settings it was made with. Raises TableDiffers."""
    differ = []
    if (durability := properties.get("table.durability")) not in ("sync", "default"):
        differ.append(f"table.durability is {durability}, not sync")
    if _VISIBILITY not in (value for key, value in properties.items() if key.startswith("table.constraint.")):
        differ.append("it has no VisibilityConstraint")
    for option in (_VERSIONS_OF, _AGE_OF):
        if len(values := {properties.get(option.replace(".scan.", f".{scope}.")) for scope in _SCOPES}) > 1:
            told = ", ".join(sorted(map(str, values)))
            differ.append(f"{option.replace('.scan.', '.*.')} differs between {', '.join(_SCOPES)}: {told}")
    if differ:
        raise TableDiffers(f"table {name}: {'; '.join(differ)}")


def _split(client: Any, name: str, splits: Sequence[bytes]) -> int:
    operations = client.tableOperations()
    missing = set(splits) - {_bytes(one) for one in operations.listSplits(name)}
    if missing:
        operations.addSplits(name, _sorted(missing))
    return len(missing)


def _sorted(rows: Iterable[bytes]) -> Any:
    """As Java's sorted set of Text."""
    found = java("java.util.TreeSet")()
    for row in rows:
        found.add(text(row))
    return found


def _bytes(row: Any) -> bytes:
    return bytes(row.copyBytes())


def _new(settings: TableSettings) -> Any:
    properties = java("java.util.HashMap")()
    wanted = {"table.durability": "sync", "table.constraint.2": _VISIBILITY}
    for scope in _SCOPES:
        wanted[f"table.iterator.{scope}.vers.opt.maxVersions"] = str(settings.max_versions)
        if settings.age_off_ms is not None:
            wanted[f"table.iterator.{scope}.age"] = f"10,{_AGE_OFF}"
            wanted[f"table.iterator.{scope}.age.opt.ttl"] = str(settings.age_off_ms)
    for name, value in wanted.items():
        properties.put(name, value)
    made = java("core.client.admin.NewTableConfiguration")().setProperties(properties)
    if not settings.splits:
        return made
    return made.withSplits(_sorted(settings.splits))
