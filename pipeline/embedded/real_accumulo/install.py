"""The programs of a real Accumulo: their jars, and how each part is run."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.embedded import jvm
from pipeline.embedded.jvm import HOST, Java, Say

NAME = "accumulo"
ZOOKEEPER = "zookeeper"
MANAGER = "manager"
GC = "gc"
TABLET_SERVER = "tserver"
_SETTINGS = jvm.POMS / NAME

_OPTIONS = ("-XX:+ExitOnOutOfMemoryError", "-Xshare:auto")
# Where little is done: started fast and kept small, rather than compiled well.
_CHEAP = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_OF_PART = {
    ZOOKEEPER: (*_CHEAP, "-Xmx96m", "-Dzookeeper.jmx.log4j.disable=true"),
    MANAGER: (*_CHEAP, "-Xmx128m"),
    GC: (*_CHEAP, "-Xmx64m"),
    # Its map of what is not yet in files lives long: the serial collector stops it for 0.4 s at a time, G1 for a tenth of that.
    # Writes are megabytes: what is larger than half a region, G1 gives regions of its own.
    TABLET_SERVER: ("-XX:+UseG1GC", "-XX:MaxGCPauseMillis=50", "-XX:G1HeapRegionSize=8m", "-Xmx512m"),
}
PARTS = (ZOOKEEPER, MANAGER, GC, TABLET_SERVER)
_START = "org.apache.accumulo.start.Main"


@dataclass(frozen=True)
class Installed:
    """`jars` is the class path of servers and clients alike; `settings` is Hadoop's part of it, for the servers alone.

    `record`: a directory, in which each part leaves the archive of the classes that it loaded.
    """

    java: Java
    jars: Path
    settings: Path
    record: Path | None = None

    def zookeeper(self, properties: Path) -> list[str]:
        return self._command(ZOOKEEPER, "org.apache.zookeeper.server.ZooKeeperServerMain", str(properties))

    def part(self, name: str, properties: Path, port: int, host: str = HOST) -> list[str]:
        """The command of MANAGER, GC or TABLET_SERVER, to answer on `port` of `host`, by which the others know it."""
        setting = {MANAGER: "manager.port.client", GC: "gc.port.client", TABLET_SERVER: "tserver.port.client"}[name]
        return self._command(name, _START, name, "-a", host, "-o", f"{setting}={port}", properties=properties)

    def init(self, properties: Path, arguments: Path) -> list[str]:
        """Makes the instance. `arguments`: a file of the further ones, for a command line is open to everybody."""
        return replace(self, record=None)._command(MANAGER, _START, "init", f"@{arguments}", properties=properties)

    def _command(self, part: str, main: str, *arguments: str, properties: Path | None = None) -> list[str]:
        options: Sequence[str] = (
            *_OPTIONS,
            *_OF_PART[part],
            *self._archive(part),
            f"-Dlog4j2.configurationFile={_LOGS}",
        )
        options = (*options, f"-Daccumulo.properties={properties.as_uri()}") if properties else options
        return [self.java.command, *options, "-cp", f"{self.settings}:{self.jars}/*", main, *arguments]

    def _archive(self, part: str) -> list[str]:
        if self.record:
            return [f"-XX:ArchiveClassesAtExit={self.record / part}"]
        archive = jvm.archive_path(NAME, self.java, part)
        return [f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []


_LOGS = (_SETTINGS / "log4j2.properties").as_uri()


def install(say: Say) -> Installed:
    """Java, and the jars. Raises JvmError, which says what is missing."""
    java = jvm.check(NAME)
    jars = jvm.fetch_jars(NAME, say)
    settings = jars.with_name("settings.jar")
    if not settings.exists():
        with jvm.locked(settings.parent):
            _pack(settings)
    return Installed(java, jars, settings)


def _pack(settings: Path) -> None:
    """Hadoop looks for core-site.xml on the class path; in a jar, for class-data archives know no directories there."""
    draft = settings.with_name("draft-settings.jar")
    with zipfile.ZipFile(draft, "w") as jar:
        jar.write(_SETTINGS / "core-site.xml", "core-site.xml")
    draft.replace(settings)
