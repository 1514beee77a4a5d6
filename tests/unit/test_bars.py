"""Prices as text, and the rules of a bar."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.domain.bars import Adjustment, Bar, price_from_text, price_to_text, rounded_from_text
from pipeline.domain.errors import InvalidValue

BAR = Bar("IBM", "daily", datetime(2026, 11, 20, 5, tzinfo=UTC), 10, 12, 9, 11, 5, "simulator")


@pytest.mark.parametrize(
    ("text", "price"),
    [("188.3200", 1_883_200), ("0.0678", 678), ("7", 70_000), ("1.5", 15_000), ("-0.6600", -6_600), ("+1.0", 10_000),
     ("1.500000", 15_000), ("000.1", 1_000), ("999999999999999.9999", 9_999_999_999_999_999_999)],
)  # fmt: skip
def test_prices_are_exact(text: str, price: int) -> None:
    assert price_from_text(text) == price


@pytest.mark.parametrize(
    "text",
    ["", " ", "1,5", "1.", ".5", "1e5", "NaN", "Infinity", "0x10", "1_0", "١", "1.00001", "1 ", "--1", "9" * 16, None, 5, 5.0],
)  # fmt: skip
def test_everything_else_is_no_price(text: str) -> None:
    with pytest.raises(InvalidValue, match="low"):
        price_from_text(text, "low")


def test_a_price_reads_back_as_it_was_written() -> None:
    assert price_to_text(price_from_text("188.3200")) == "188.3200"


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.0", 100_000_000), ("229.62102225102612", 22_962_102_225), ("0.000000005", 1), ("0.0000000049", 0),
     ("0.999999999", 100_000_000)],
)  # fmt: skip
def test_adjusted_values_are_rounded_half_up_at_the_eighth_decimal(text: str, value: int) -> None:
    assert rounded_from_text(text, "adjusted close", 8) == value


@pytest.mark.parametrize(
    ("values", "field"),
    [({"low": 0}, "low"), ({"low": 11}, "high"), ({"high": 10}, "high"), ({"high": 2**53}, "high"),
     ({"volume": -1}, "volume"), ({"volume": 2**53}, "volume"), ({"time": datetime(2026, 11, 20)}, "time")],
)  # fmt: skip
def test_a_bar_that_breaks_a_rule_is_refused_by_the_field(values: dict[str, int], field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        replace(BAR, **values)  # type: ignore[arg-type]
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("values", "field"),
    [((0, 0, 1), "adjusted close"), ((2**53, 0, 1), "adjusted close"), ((1, -1, 1), "dividend"), ((1, 0, 0), "split")],
)
def test_an_adjustment_that_breaks_a_rule_is_refused_by_the_field(values: tuple[int, int, int], field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        Adjustment(*values)
    assert caught.value.field == field
