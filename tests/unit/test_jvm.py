"""What a real server on the JVM needs: Java and Maven are found or named, and jars are fetched once and whole."""

import threading
from pathlib import Path

import pytest

from pipeline.embedded import jvm
from pipeline.embedded.jvm import JvmError

JAVA_17 = 'openjdk version "17.0.15" 2025-04-15'
JAVA_8 = 'java version "1.8.0_402"'
FETCHES = """
echo fetched >> "$0.log"
for argument; do case $argument in -DoutputDirectory=*) target=${argument#*=};; esac; done
/bin/mkdir -p "$target" && echo jar > "$target/kafka.jar"
"""
BREAKS = """
for argument; do case $argument in -DoutputDirectory=*) target=${argument#*=};; esac; done
/bin/mkdir -p "$target" && echo jar > "$target/half.jar"
echo "[ERROR] no route to the repository"; exit 1
"""


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Java and Maven, and an empty cache."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("JAVA_HOME", raising=False)


@pytest.fixture
def program(tmp_path: Path) -> "Programs":
    return Programs(tmp_path / "bin")


class Programs:
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def java(self, says: str, code: int = 0) -> None:
        self.write("java", f"echo '{says}' >&2; exit {code}")

    def write(self, name: str, body: str) -> None:
        path = self.directory / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def fetches(self) -> int:
        log = self.directory / "mvn.log"
        return log.read_text().count("fetched") if log.exists() else 0


def quiet(_: str) -> None:
    pass


def test_all_that_is_missing_is_named_at_once_with_the_way_to_get_it() -> None:
    with pytest.raises(JvmError) as caught:
        jvm.check("kafka")
    text = str(caught.value)
    assert "Java runtime, 17 or newer" in text
    assert "apt-get install openjdk" in text
    assert "there is no java on the PATH" in text
    assert "apt-get install maven" in text


def test_java_of_java_home_goes_first_and_is_named_when_it_is_not_there(
    program: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.java(JAVA_17)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    with pytest.raises(JvmError, match="nowhere"):
        jvm.find_java()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))  # its bin is the one of the programs
    assert jvm.find_java().command == str(tmp_path / "bin" / "java")


@pytest.mark.parametrize(("says", "code"), [(JAVA_8, 0), ("Unable to locate a Java Runtime.", 1), ("", 0)])
def test_an_old_java_and_one_that_is_none_are_refused(program: Programs, says: str, code: int) -> None:
    program.java(says, code)
    with pytest.raises(JvmError, match="17 or newer"):
        jvm.find_java()


@pytest.mark.parametrize(
    "says", [JAVA_17, 'openjdk version "25" 2025-09-16', f"Picked up JAVA_TOOL_OPTIONS: -Xmx1g\n{JAVA_17}"]
)
def test_a_java_of_today_is_taken(program: Programs, says: str) -> None:
    program.java(says)
    assert says in jvm.find_java().version


def test_jars_are_fetched_once_and_maven_is_not_needed_any_more(program: Programs) -> None:
    program.java(JAVA_17)
    program.write("mvn", FETCHES)
    jars = jvm.fetch_jars("kafka", quiet)
    assert [path.name for path in jars.iterdir()] == ["kafka.jar"]
    (program.directory / "mvn").unlink()
    assert jvm.fetch_jars("kafka", quiet) == jars
    assert jvm.check("kafka").command
    assert program.fetches() == 1


def test_two_that_want_the_jars_at_the_same_time_fetch_them_once(program: Programs) -> None:
    program.write("mvn", FETCHES)
    threads = [threading.Thread(target=jvm.fetch_jars, args=("kafka", quiet)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert program.fetches() == 1


def test_a_fetch_that_breaks_off_says_why_and_leaves_nothing(program: Programs) -> None:
    program.write("mvn", BREAKS)
    with pytest.raises(JvmError, match="no route to the repository"):
        jvm.fetch_jars("kafka", quiet)
    assert not jvm.jars_of("kafka").exists()
    assert [path.name for path in jvm.jars_of("kafka").parent.iterdir()] == ["lock"]
    program.write("mvn", FETCHES)
    assert jvm.fetch_jars("kafka", quiet).exists()


def test_other_pins_and_another_java_have_archives_of_their_own(
    program: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.java(JAVA_17)
    first = jvm.find_java()
    program.java('openjdk version "21.0.1"')
    assert jvm.archive_path("kafka", first) != jvm.archive_path("kafka", jvm.find_java())
    before = jvm.jars_of("kafka")
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "pom.xml").write_text("<project/>")
    monkeypatch.setattr(jvm, "POMS", tmp_path)
    assert jvm.jars_of("kafka") != before
