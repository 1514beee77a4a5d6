"""`manage.py resplit` where there is nothing to split."""

from pathlib import Path

import pytest

from webui.console import resplitting


def test_an_embedded_table_has_no_splits_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TICKERLINE_DATA", str(tmp_path))
    assert resplitting.run() == 1
    assert "ACCUMULO_INSTANCE: not set, and the embedded table has no splits" in capsys.readouterr().err
