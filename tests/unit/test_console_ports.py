import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from webui.console.errors import ConsoleError
from webui.console.ports import FREE_RANGE, Claims, KeptPorts, check_fixed, is_taken, listens


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def port_of(server: socket.socket) -> int:
    return int(server.getsockname()[1])


def test_a_port_with_a_listener_is_taken(listener: socket.socket) -> None:
    assert is_taken(port_of(listener))


def test_a_port_whose_listener_is_on_every_address_is_taken() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:  # noqa: S104 - that is the case to be seen
        assert is_taken(port_of(server))


def test_a_port_is_free_although_connections_to_it_were_closed_a_moment_ago() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = port_of(server)
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            accepted.close()  # this side closes first and is left in TIME_WAIT
            assert client.recv(1) == b""

    assert not is_taken(port)


def test_the_usual_port_is_chosen_where_it_is_free(tmp_path: Path) -> None:
    usual = KeptPorts(tmp_path / "other.json", set()).choose("any")

    assert KeptPorts(tmp_path / "ports.json", set()).choose("redis", usual) == usual


def test_a_free_one_is_chosen_where_the_usual_is_taken_and_is_kept_when_the_usual_is_free_again(
    tmp_path: Path, listener: socket.socket
) -> None:
    usual = port_of(listener)
    first = KeptPorts(tmp_path / "ports.json", set())
    chosen = first.choose("redis", usual)
    first.save()
    listener.close()

    assert chosen != usual
    assert chosen in FREE_RANGE
    assert KeptPorts(tmp_path / "ports.json", set()).choose("redis", usual) == chosen


def test_another_is_chosen_where_the_kept_one_is_taken(tmp_path: Path, listener: socket.socket) -> None:
    path = tmp_path / "ports.json"
    path.write_text(json.dumps({"redis": port_of(listener)}))

    assert KeptPorts(path, set()).choose("redis") != port_of(listener)


def test_no_port_is_chosen_twice_nor_one_of_the_owners(tmp_path: Path) -> None:
    free = KeptPorts(tmp_path / "other.json", set()).choose("any")
    ports = KeptPorts(tmp_path / "ports.json", {free})

    chosen = [ports.choose(name, free) for name in ("redis", "mongodb", "kafka")]

    assert len({free, *chosen}) == 4


def test_a_broken_file_of_kept_ports_is_as_good_as_none(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    path.write_text('{"redis": "many"')

    assert KeptPorts(path, set()).choose("redis") in FREE_RANGE


def test_a_taken_owners_port_is_named_with_who_wants_it_who_has_it_and_what_to_set(listener: socket.socket) -> None:
    port = port_of(listener)

    with pytest.raises(ConsoleError) as error:
        check_fixed({"TICKERLINE_API_PORT": (port, "the api")})

    text = str(error.value)
    assert f"port {port} is taken" in text
    assert f"(pid {os.getpid()})" in text
    assert "the api wants it" in text
    assert "TICKERLINE_API_PORT" in text


def test_every_port_that_cannot_be_had_is_told_at_once(listener: socket.socket) -> None:
    port = port_of(listener)

    with pytest.raises(ConsoleError) as error:
        check_fixed({"TICKERLINE_API_PORT": (port, "the api"), "TICKERLINE_FLOWER_PORT": (port, "the flower")})

    assert "is taken" in str(error.value)
    assert "wanted twice: change TICKERLINE_FLOWER_PORT (the flower) or TICKERLINE_API_PORT" in str(error.value)


def test_a_port_that_another_system_has_chosen_is_not_chosen_before_it_gives_it_back(tmp_path: Path) -> None:
    ours, theirs = Claims(), Claims()
    try:
        usual = KeptPorts(tmp_path / "theirs.json", set(), theirs.take).choose("redis")
        assert KeptPorts(tmp_path / "ours.json", set(), ours.take).choose("redis", usual) != usual
        with pytest.raises(ConsoleError, match=f"port {usual} is taken"):
            check_fixed({"TICKERLINE_API_PORT": (usual, "the api")}, ours.take)

        theirs.release()
        assert KeptPorts(tmp_path / "later.json", set(), ours.take).choose("redis", usual) == usual
    finally:
        ours.release()
        theirs.release()


def test_a_process_listens_on_its_own_port_and_on_no_other_s(listener: socket.socket) -> None:
    assert listens(os.getpid(), port_of(listener))
    assert not listens(os.getppid(), port_of(listener))
    assert not listens(2**22 + 1, port_of(listener)), "there is no such process"
