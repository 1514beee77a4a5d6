"""The launcher of a real Accumulo: its parts as processes. Under the supervisor of `up`: `test_whole_system`."""

import socket
import time
from pathlib import Path

import psutil
import pytest

from pipeline.embedded.real_accumulo.asking import part_answers
from pipeline.embedded.real_accumulo.cluster import RealAccumulo
from pipeline.embedded.real_accumulo.processes import real_accumulo as started
from tests.support.servers import wait_until

pytestmark = [pytest.mark.real_accumulo, pytest.mark.timeout(600)]


def instance_id(port: int) -> bytes:
    """What a tablet server says, whole: the answer to the question that its probe asks, without its first bytes."""
    name = b"client:getInstanceId"
    call = bytes([0x82, 0x21, 0, len(name)]) + name + b"\\0"
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(len(call).to_bytes(4, "big") + call)
        return connection.recv(4096)[-38:-1]


def listening(process: psutil.Process) -> set[str]:
    return {one.laddr.ip for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN}


def test_it_listens_on_loopback_alone_and_its_password_is_on_no_command_line(real_accumulo: RealAccumulo) -> None:
    for part in real_accumulo.parts:
        assert part.process is not None
        process = psutil.Process(part.process.pid)
        assert listening(process) <= {"127.0.0.1", "::ffff:127.0.0.1"}
        assert listening(process)
        assert not [word for word in process.cmdline() if real_accumulo.password in word]
        assert real_accumulo.password not in part.log.read_text()


def test_an_instance_is_the_same_after_kills(tmp_path: Path) -> None:
    with started(tmp_path / "instance", tablet_servers=2) as servers:
        first = instance_id(servers.tablet_servers[0].port)
        assert instance_id(servers.tablet_servers[1].port) == first
        servers.kill()
        servers.start()
        assert instance_id(servers.tablet_servers[0].port) == first


def test_a_part_that_is_frozen_does_not_answer_and_a_tablet_server_without_its_lock_ends(tmp_path: Path) -> None:
    with started(tmp_path / "instance") as servers:
        server = servers.tablet_servers[0]
        server.freeze()
        assert not part_answers(server.port, 0.5)
        time.sleep(8)  # its session lasts 5 s
        server.thaw()
        wait_until(lambda: not server.alive, "it ends by itself", 30)
        server.start()
