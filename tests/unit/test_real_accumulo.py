"""The directory of a real Accumulo's instance, and the questions that tell whether its parts live."""

import socket
import stat
from pathlib import Path

import pytest

from pipeline.embedded.jvm import HOST, JvmError
from pipeline.embedded.real_accumulo.asking import part_answers, zookeeper_answers
from pipeline.embedded.real_accumulo.layout import Layout


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_made_once_for_each_directory_and_are_the_owner_s_alone(tmp_path: Path) -> None:
    layout, other = Layout(tmp_path / "a"), Layout(tmp_path / "b")
    layout.write(2181)
    other.write(2181)
    password, secret = layout.password, (tmp_path / "a" / "instance-secret").read_text()
    layout.write(2182)

    assert (layout.password, (tmp_path / "a" / "instance-secret").read_text()) == (password, secret)
    assert (
        len({layout.password, other.password, secret.strip(), (tmp_path / "b" / "instance-secret").read_text().strip()})
        == 4
    )
    for name in ("password", "instance-secret", "accumulo.properties", "zoo.cfg"):
        assert mode(tmp_path / "a" / name) == 0o600
    assert mode(tmp_path / "a") == 0o700


def test_the_settings_name_the_ports_on_loopback_and_follow_them(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "a")
    layout.write(2181)
    layout.write(2199)

    assert "instance.zookeeper.host=127.0.0.1:2199\n" in layout.properties.read_text()
    assert "clientPort=2199\nclientPortAddress=127.0.0.1\n" in layout.zookeeper_properties.read_text()
    assert layout.password not in layout.properties.read_text()


@pytest.mark.parametrize("name", ["a,b", "a b", "gr\u00f6\u00dfe", "50%"])
def test_a_path_that_volumes_do_not_know_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(JvmError, match="volumes"):
        Layout(tmp_path / name).write(2181)
    assert not (tmp_path / name).exists()


def test_what_accepts_connections_but_never_answers_does_not_live() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        assert not part_answers(port, 0.1)
        assert not zookeeper_answers(port, 0.1)
    assert not part_answers(port, 0.1)
