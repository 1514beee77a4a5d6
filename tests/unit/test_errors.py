"""Errors that cross a process's boundary stay what they are."""

import pickle

import pytest

from pipeline.domain.errors import Fenced, InvalidValue, MarketDataError, MarketDataKind, TickerlineError, Unavailable


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (InvalidValue("symbols[1]", "expected a text"), "symbols[1]: expected a text"),
        (MarketDataError(MarketDataKind.BURST, "too many a second"), "too many a second"),
        (Unavailable("Redis: ConnectionError"), "Redis: ConnectionError"),
        (Fenced("shard 1: epoch 1 is over"), "shard 1: epoch 1 is over"),
    ],
)
def test_an_error_survives_pickling_and_says_the_same(error: TickerlineError, text: str) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(again) is type(error)
    assert vars(again) == vars(error)
    assert str(again) == str(error) == text
