from itertools import count

import pytest

from pipeline.domain.errors import SettingsError
from pipeline.settings import Values
from webui.console.processes import ROLES, Check, Program, all_processes, fixed_ports


def processes(environment: dict[str, str]) -> list[Program]:
    values, free = Values(environment, {}), count(20_000)
    return all_processes(values, fixed_ports(values), lambda name: next(free))


def test_every_role_has_a_process_and_every_name_and_port_is_used_once() -> None:
    made = processes({"TICKERLINE_DRIVERS": "3", "TICKERLINE_RECEIVERS": "2", "TICKERLINE_INGESTS": "2"})
    ports = [process.port for process in made if process.port]

    assert {process.role for process in made} == set(ROLES)
    assert len({process.name for process in made}) == len(made)
    assert len(set(ports)) == len(ports)


def test_the_first_driver_and_receiver_have_the_owners_ports() -> None:
    made = {
        process.name: process for process in processes({"TICKERLINE_DRIVERS": "2", "TICKERLINE_RECEIVER_PORT": "9002"})
    }

    assert made["driver-1"].port == 8001
    assert made["driver-2"].port not in (None, 8001)
    assert made["receiver-1"].url == "http://127.0.0.1:9002"
    assert (made["api"].port, made["dashboard"].port, made["flower"].port) == (8000, 3000, 5555)


def test_every_worker_is_told_its_name_and_its_port() -> None:
    for process in processes({"TICKERLINE_DRIVERS": "2"}):
        if process.check is Check.WORKER:
            assert process.environment["TICKERLINE_INSTANCE"] == process.name
            assert process.environment["TICKERLINE_HTTP_PORT"] == str(process.port)
            assert f"{process.name}@%h" in process.command


@pytest.mark.parametrize("number", ["0", "many", "65"])
def test_a_number_of_processes_that_makes_no_sense_is_refused(number: str) -> None:
    with pytest.raises(SettingsError, match="TICKERLINE_DRIVERS"):
        processes({"TICKERLINE_DRIVERS": number})


def test_the_workers_log_as_much_as_the_setting_says() -> None:
    def options(environment: dict[str, str]) -> set[str]:
        workers = [process for process in processes(environment) if process.check is Check.WORKER]
        return {part for worker in workers for part in worker.command if part.startswith("--loglevel")}

    assert options({"TICKERLINE_LOG_LEVEL": "DEBUG"}) == {"--loglevel=DEBUG"}
    assert options({}) == set(), "Celery's own default does not tell of each task"


@pytest.mark.parametrize(
    ("environment", "option"),
    [
        ({}, "--no-proxy-headers"),
        ({"TICKERLINE_TLS": "1"}, "--proxy-headers"),
        ({"TICKERLINE_PRODUCTION": "1"}, "--proxy-headers"),
    ],
)
def test_forwarding_headers_count_only_where_a_proxy_is(environment: dict[str, str], option: str) -> None:
    """Else every local program could be any address, at the sign-in too."""
    webs = [process for process in processes(environment) if process.role in ("api", "dashboard")]
    assert len(webs) == 2
    assert all(option in process.command for process in webs)
