"""Many symbols as text: what is read, and that every mistake is named by its line, field and rule."""

import pytest

from webui.watchlist.symbol_lines import MOST_LINES, Entry, Mistake, read, written


@pytest.mark.parametrize(
    "text",
    [
        "aapl\nBRK.B, 5\nibm,,no\n",
        "\r\naapl\r\n\r\nBRK.B,5,yes\r\nibm,0,off\r\n",
        "Symbol,Priority,Enabled\nAAPL,0,1\nBRK.B,5,\nIBM,,false\n",
        "symbol,enabled,priority\nAAPL\nBRK.B,yes,+5\nIBM,no,-0\n",
        "aapl\t0\nBRK.B\t5\tYES\nibm\t\tno",
        'AAPL;;\n"BRK.B";5\nIBM;0;0',
    ],
)
def test_symbols_come_with_priority_and_whether_they_are_enabled(text: str) -> None:
    assert read(text) == ([Entry("AAPL"), Entry("BRK.B", 5), Entry("IBM", enabled=False)], [])


def test_what_is_written_is_read_again() -> None:
    entries = [Entry("^GSPC", -3), Entry("BRK.B", 5, False)]
    assert read(written(entries)) == (entries, [])


@pytest.mark.parametrize("text", ["", "\n \n,,\n"])
def test_nothing_is_nothing(text: str) -> None:
    assert read(text) == ([], [])


@pytest.mark.parametrize(
    ("text", "line", "field", "rule"),
    [
        ("AAPL\nA B\n", 2, "symbol", "expected 1 to 20 characters"),
        ("AAPL\n,5\n", 2, "symbol", "expected 1 to 20 characters"),
        ("<script>", 1, "symbol", "expected 1 to 20 characters"),
        ("AAPL,MSFT", 1, "priority", "expected a whole number from -1000000 to 1000000"),
        ("AAPL,1.5", 1, "priority", "expected a whole number"),
        ("AAPL,9999999", 1, "priority", "expected a whole number"),
        ("AAPL,5,maybe", 1, "enabled", "expected yes or no"),
        ("AAPL,5,yes,more", 1, "line", "expected at most 3 columns"),
        ("AAPL\n\nIBM\naapl", 4, "symbol", "expected it once; line 1 has it too"),
        ("symbol,prio\nAAPL,5", 1, "line", "expected as columns symbol, priority, enabled"),
        ("symbol,symbol\nAAPL,IBM", 1, "line", "each at most once"),
        ('AAPL\n"IBM', 2, "line", "expected CSV"),
        ("AAPL\n\0", 2, "symbol", "expected 1 to 20 characters"),
    ],
)
def test_each_mistake_is_named(text: str, line: int, field: str, rule: str) -> None:
    _, mistakes = read(text)
    assert [(one.line, one.field) for one in mistakes][:1] == [(line, field)]
    assert rule in mistakes[0].rule


def test_all_mistakes_are_named_at_once() -> None:
    _, mistakes = read("A B\nAAPL\nIBM,x\nIBM,1,x\n")
    assert [str(one).partition(": expected")[0] for one in mistakes] == [
        "line 1: symbol", "line 3: priority", "line 4: enabled",
    ]  # fmt: skip


def test_more_than_the_most_are_refused() -> None:
    most = "\n".join(f"S{n}" for n in range(MOST_LINES))
    assert len(read(most)[0]) == MOST_LINES
    entries, mistakes = read(most + "\nMORE")
    assert (entries, mistakes) == ([], [Mistake(MOST_LINES + 1, "line", f"expected at most {MOST_LINES} symbols")])
