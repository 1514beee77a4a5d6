"""The commands `fetch`, `backfill` and `bars`: their progress, their files, their exit codes."""

import argparse
import io
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pipeline.domain.bar_rows import columns, read_rows
from pipeline.domain.bars import Adjustment, Bar, daily_bar_time
from pipeline.domain.calendar import sessions_back
from pipeline.domain.times import from_rfc3339
from webui.console import backfilling, fetching, transfer
from webui.console.bar_files import format_of, read_file, write_csv, write_parquet
from webui.console.errors import ConsoleError
from webui.console.following import NOTHING_RUNS, ProgressBar, Standing, follow

NOW = from_rfc3339("2026-11-20T22:00:00Z")
BARS = [
    Bar("AAPL", "daily", daily_bar_time(day), 1_880_000, 1_890_000, 1_870_000, 1_883_201, 10 + n, "import")
    for n, day in enumerate(sessions_back(date(2026, 11, 20), 5))
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_one_line_is_rewritten() -> None:
    out = Terminal()
    bar = ProgressBar(out)
    for standing in (Standing(0, 4), Standing(0, 4), Standing(2, 4, "20 bars"), Standing(4, 4, "40 bars")):
        bar.show(standing)
    assert out.getvalue().count("\n") == 1
    shown = out.getvalue().split("\r\x1b[K")
    assert shown[1:] == [
        f"[{'.' * 30}] 0 of 4",
        f"[{'#' * 15}{'.' * 15}] 2 of 4  20 bars",
        f"[{'#' * 30}] 4 of 4  40 bars\n",
    ]


def test_elsewhere_a_line_comes_every_10_s_and_at_the_end() -> None:
    out, now = io.StringIO(), [0.0]
    bar = ProgressBar(out, lambda: now[0])
    for ended in range(5):
        bar.show(Standing(ended, 4))
        now[0] += 4
    assert out.getvalue() == "0 of 4\n3 of 4\n4 of 4\n"


def test_following_ends_with_the_work(capsys: pytest.CaptureFixture[str]) -> None:
    standings = iter([Standing(0, 1), Standing(1, 1)])
    slept: list[float] = []
    follow(lambda: next(standings), slept.append)
    assert len(slept) == 1
    assert capsys.readouterr().out == "0 of 1\n1 of 1\n"


@pytest.fixture
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKERLINE_DATA", str(tmp_path))


@pytest.mark.usefixtures("nothing_runs")
def test_commands_say_that_nothing_is_running(capsys: pytest.CaptureFixture[str]) -> None:
    export = argparse.Namespace(action="export", symbol="AAPL", interval="daily", output=None, format=None)
    assert fetching.run(["AAPL"], "daily", full=False, wait=True) == NOTHING_RUNS
    assert backfilling.run([], date(2020, 1, 1), "daily", wait=True) == NOTHING_RUNS
    assert transfer.run(export) == NOTHING_RUNS
    assert capsys.readouterr().err.count("`manage.py up` starts it") == 3


def read_back(path: Path, form: str, interval: str = "daily") -> list[object]:
    return list(read_rows(read_file(path, form), "AAPL", interval, NOW))


def test_bars_come_back_from_csv(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    with path.open("w", newline="") as file:
        assert write_csv(file, "daily", BARS) == 5
    assert path.read_text().splitlines()[0] == ",".join(columns("daily"))
    assert read_back(path, "csv") == BARS


def test_a_csv_of_alpha_vantage_with_its_line_ends_is_read(tmp_path: Path) -> None:
    path = tmp_path / "av.csv"
    path.write_bytes(b"timestamp,open,high,low,close,volume\r\n2026-11-20,188,189,187,188.3201,14\r\n")
    (bar,) = read_back(path, "csv")
    assert bar == replace(BARS[-1], volume=14)


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    for use in (lambda: write_parquet(tmp_path / "x", "daily", BARS), lambda: read_back(tmp_path / "x", "parquet")):
        with pytest.raises(ConsoleError, match="extra 'parquet'"):
            use()


@pytest.mark.parametrize("interval", ["daily", "5min", "daily_adjusted"])
def test_bars_come_back_from_parquet(interval: str, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    adjustment = Adjustment(18_832_010_001, 0, 100_000_000) if interval.endswith("adjusted") else None
    bars = [replace(bar, interval=interval, adjustment=adjustment) for bar in BARS]
    path = tmp_path / "bars.parquet"
    assert write_parquet(path, interval, bars) == 5
    assert read_back(path, "parquet", interval) == bars


@pytest.mark.parametrize(
    ("name", "given", "form"), [("a.csv", None, "csv"), ("a.PQ", None, "parquet"), ("a", "parquet", "parquet")]
)
def test_the_form_is_given_or_known_by_the_name(name: str, given: str | None, form: str) -> None:
    assert format_of(Path(name), given) == form


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'"' + b"x" * 200_000])
def test_a_file_that_is_no_text_is_an_error_in_words(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_bytes(b"timestamp,open\n" + content)
    with pytest.raises(ConsoleError, match="not readable as csv"):
        read_back(path, "csv")


def test_a_file_that_is_not_there_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConsoleError, match="not readable"):
        read_back(tmp_path / "none.csv", "csv")
