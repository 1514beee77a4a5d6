"""The simulator over time: its anchor, its clock, its start and its end."""

import signal
import socket
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.domain.calendar import sessions_back, sessions_between
from tests.integration.simulator_process import FRIDAY, run, simulator


def test_history_stays_over_restarts_and_later_sessions_are_appended(tmp_path: Path) -> None:
    symbols = ("GOOGL", "META", "NVDA")
    with simulator(tmp_path) as first:
        before = {symbol: first.full(symbol) for symbol in symbols}
    with simulator(tmp_path) as again:
        assert {symbol: again.full(symbol) for symbol in symbols} == before
    with simulator(tmp_path, now="2026-12-01T12:00:00Z") as later:
        assert later.ask("/health").json()["anchor"] == "2026-11-20"
        for symbol in symbols:
            after = later.full(symbol)
            new = [day for day in after if day not in before[symbol]]
            assert new == ["2026-11-30", "2026-11-27", "2026-11-25", "2026-11-24", "2026-11-23"]
            assert {day: bar for day, bar in after.items() if day not in new} == before[symbol]
        recorded = later.daily("GOOGL").headers["X-Tickerline-Recorded"]
        assert recorded == f"{sessions_back(FRIDAY, 95)[0].isoformat()}..2026-11-20", "the new ones are synthetic"


def test_a_year_later_the_compact_series_is_all_synthetic_and_valid(tmp_path: Path) -> None:
    with simulator(tmp_path):
        pass
    with simulator(tmp_path, now="2027-11-20T12:00:00Z") as later:
        assert later.daily("AAPL").headers["X-Tickerline-Recorded"] == ""
        series = later.full("AAPL")
        assert len(series) == 252 + len(sessions_between(date(2026, 11, 23), date(2027, 11, 19)))
        for bar in series.values():
            opening, high, low, close = (Decimal(text) for text in list(bar.values())[:4])
            assert 0 < low <= min(opening, close) <= max(opening, close) <= high


def test_a_session_appears_when_it_has_closed(tmp_path: Path) -> None:
    with simulator(tmp_path):
        pass
    with simulator(tmp_path, now="2026-11-23T20:59:59Z") as before:
        assert before.daily("IBM").json()["Meta Data"]["3. Last Refreshed"] == "2026-11-20"
    with simulator(tmp_path, now="2026-11-23T21:00:00Z") as after:
        assert after.daily("IBM").json()["Meta Data"]["3. Last Refreshed"] == "2026-11-23"


def test_a_clock_before_the_anchor_shows_what_had_closed_by_then(tmp_path: Path) -> None:
    with simulator(tmp_path) as first:
        known = first.full("IBM")
    with simulator(tmp_path, now="2026-11-18T22:00:00Z") as earlier:
        assert earlier.full("IBM") == {day: bar for day, bar in known.items() if day <= "2026-11-18"}
    with simulator(tmp_path, now="2020-11-18T22:00:00Z") as long_before:
        assert "Invalid API call" in long_before.daily("IBM").json()["Error Message"]


def test_sigterm_ends_the_process_cleanly_though_a_client_is_connected(tmp_path: Path) -> None:
    with simulator(tmp_path) as running:
        host, port = running.address.split(":")
        with socket.create_connection((host, int(port))):
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(10) == 0
    assert running.log.read_text() == ""


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"anchor": "yesterday"}', '{"anchor": "2026-11-21"}'])
def test_a_broken_anchor_is_an_error_and_never_replaced(tmp_path: Path, content: str) -> None:
    anchor = tmp_path / "anchor.json"
    anchor.write_text(content)
    ended = run(tmp_path, "--port", "0")
    assert ended.returncode == 1
    assert f"{anchor}: expected" in ended.stderr
    assert anchor.read_text() == content


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run(tmp_path, "--port", str(port))
    assert ended.returncode == 1
    assert f"127.0.0.1:{port}" in ended.stderr
    assert "in use" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_clock_without_an_offset_is_refused(tmp_path: Path) -> None:
    ended = run(tmp_path, "--port", "0", "--now", "2026-11-20T22:00:00")
    assert ended.returncode == 2
    assert "offset" in ended.stderr
    assert list(tmp_path.iterdir()) == []
