"""Prices adjusted for splits and dividends, as the API's adjusted series are.

Decimal arithmetic of a fixed precision, so that the same bars give the same digits on every machine.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal

from pipeline.domain.bars import PRICE_SCALE
from pipeline.embedded.alphavantage.listing import Row
from pipeline.embedded.alphavantage.market import ONE, DailyBar

_DIGITS = Context(prec=17, rounding=ROUND_HALF_EVEN)
_STEP = Decimal("0.0001")


def factors(bars: Sequence[DailyBar]) -> list[Decimal]:
    """What a price of each day (ascending) is multiplied by; 1 from the newest event on."""
    result: list[Decimal] = []
    factor = ONE
    for bar, before in zip(reversed(bars), [*reversed(bars[:-1]), None], strict=True):
        result.append(factor)
        if before is not None and (bar.dividend or bar.split != ONE):
            left = _DIGITS.divide(Decimal(before.row.close - bar.dividend), Decimal(before.row.close))
            factor = _DIGITS.divide(_DIGITS.multiply(factor, left), bar.split)
    return result[::-1]


def adjusted_price(price: int, factor: Decimal) -> Decimal:
    """In US dollars, with all its digits."""
    return _DIGITS.multiply(Decimal(price) / PRICE_SCALE, factor)


def adjusted_row(row: Row, factor: Decimal) -> Row:
    """Prices rounded to 1e-4 US dollars; the volume stays."""
    if factor == ONE:
        return row
    prices = [max(1, int(_DIGITS.multiply(price, factor).to_integral_value())) for price in row[:4]]
    return Row(prices[0], prices[1], prices[2], prices[3], row.volume)


def four_decimals(value: Decimal) -> str:
    return str(value.quantize(_STEP, ROUND_HALF_EVEN))


def unpadded(text: str) -> str:
    """'218.2000' -> '218.2', '215.0000' -> '215.0', '1' -> '1.0': no zeros at the end but one after the point."""
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.rstrip('0') or '0'}"
