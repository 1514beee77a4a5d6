"""Ticker symbols: the one rule for what we accept, store and put into a URL."""

import re

from pipeline.domain.errors import InvalidValue

# Alpha Vantage pastes values raw into its query, so '&', '#', '/' and blanks must never pass.
# Seen: AAPL, BRK.B, BRK-B, TSCO.LON, ^GSPC, 600104.SHH.
RULE = "1 to 20 characters out of A-Z, 0-9, '.', '-', ':' and '^', the first a letter, a digit or '^'"
_SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9.\-:^]{0,19}")


def checked_symbol(value: object, field: str = "symbol") -> str:
    """Return `value` as a symbol in upper case. Raises InvalidValue, naming `field` and the rule."""
    if not isinstance(value, str):
        raise InvalidValue(field, f"expected a text, {RULE}")
    symbol = value.strip().upper()
    if not _SYMBOL.fullmatch(symbol):
        raise InvalidValue(field, f"expected {RULE}")
    return symbol
