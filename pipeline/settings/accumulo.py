"""Where a real Accumulo is, and who signs in."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.domain.errors import SettingsError


@dataclass(frozen=True)
class AccumuloSettings:
    """`jars`: the class path of its client; None: not said."""

    instance: str
    zookeepers: str
    user: str
    password: str = field(repr=False)
    jars: Path | None

    @classmethod
    def read(cls, text: Callable[[str], str]) -> "AccumuloSettings | None":
        """`text` gives a setting by its name; None: no instance is named. Raises SettingsError."""
        if not text("ACCUMULO_INSTANCE"):
            return None
        names = ("ACCUMULO_INSTANCE", "ACCUMULO_ZOOKEEPERS", "ACCUMULO_USER", "ACCUMULO_PASSWORD")
        for name in names:
            if not text(name):
                raise SettingsError(f"{name}: needed with ACCUMULO_INSTANCE")
        instance, zookeepers, user, password = (text(name) for name in names)
        for address in zookeepers.split(","):
            found = re.fullmatch(r"\s*[A-Za-z0-9.-]+:(\d{1,5})\s*", address)
            if not found or int(found[1]) > 65535:
                raise SettingsError(f"ACCUMULO_ZOOKEEPERS: expected HOST:PORT, comma separated, got {zookeepers!r}")
        jars = text("ACCUMULO_JARS")
        return cls(instance, zookeepers, user, password, Path(jars) if jars else None)
