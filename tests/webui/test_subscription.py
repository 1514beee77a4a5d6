"""What clients may ask for, and the words for what they may not."""

import json
from typing import Any

import pytest

from pipeline.domain.errors import InvalidValue
from webui.dashboard.subscription import MAX_SYMBOLS, Ping, Seen, Subscription, from_message, from_query, unseen

DEFAULT = Subscription(frozenset({"ticks", "stages", "events"}), None)


@pytest.mark.parametrize(
    ("query", "subscription", "seen"),
    [
        ("", DEFAULT, None),
        ("symbols=aapl,BRK.B", Subscription(DEFAULT.topics, frozenset({"AAPL", "BRK.B"})), None),
        ("symbols=%5EGSPC&topics=bars", Subscription(frozenset({"bars"}), frozenset({"^GSPC"})), None),
        ("epoch=ab12&seq=17", DEFAULT, Seen("ab12", 17)),
    ],
)
def test_a_query_says_what_is_wanted_and_what_was_seen(
    query: str, subscription: Subscription, seen: Seen | None
) -> None:
    assert from_query(query.encode()) == (subscription, seen)


@pytest.mark.parametrize(
    ("query", "field"),
    [("topics=", "topics"), ("topics=ticks,tocks", "topics"), ("symbols=", "symbols"), ("symbols=A%26B", "symbols"),
     ("symbols=" + ",".join(f"S{n}" for n in range(MAX_SYMBOLS + 1)), "symbols"), ("symbol=AAPL", "symbol"),
     ("epoch=a", "seq"), ("seq=1", "epoch"), ("epoch=a&seq=-1", "seq"), ("epoch=a&seq=1e3", "seq"),
     ("epoch=a&seq=" + "9" * 16, "seq"), ("topics=ticks&topics=bars", "query"), ("&".join("abcdef"), "query"),
     ("symbols=\xff", "query")],
)  # fmt: skip
def test_a_bad_query_names_the_parameter(query: str, field: str) -> None:
    with pytest.raises(InvalidValue) as error:
        from_query(query.encode())
    assert error.value.field == field


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        ({"op": "subscribe"}, DEFAULT),
        ({"op": "subscribe", "topics": None, "symbols": None}, DEFAULT),
        ({"op": "subscribe", "topics": ["events"], "symbols": ["ibm"]},
         Subscription(frozenset({"events"}), frozenset({"IBM"}))),
        ({"op": "ping", "id": 7, "t": 1.5}, Ping(7, 1.5)),
        ({"op": "ping", "id": "a"}, Ping("a", None)),
    ],
)  # fmt: skip
def test_a_message_is_an_order(message: Any, meaning: Subscription | Ping) -> None:
    assert from_message(json.dumps(message)) == meaning


@pytest.mark.parametrize(
    ("text", "field"),
    [("", "message"), ("[" * 3000, "message"), ("[]", "op"), ("{}", "op"), ('{"op": ["ping"]}', "op"),
     ('{"op": "ping"}', "id"), ('{"op": "ping", "id": true}', "id"), ('{"op": "ping", "id": 1, "t": "x"}', "t"),
     ('{"op": "ping", "id": "' + "x" * 65 + '"}', "id"), ('{"op": "subscribe", "topics": "ticks"}', "topics"),
     ('{"op": "subscribe", "topics": []}', "topics"), ('{"op": "subscribe", "symbols": [1]}', "symbols"),
     ('{"op": "subscribe", "symbols": {}}', "symbols"), ('{"op": "subscribe", "seq": 1}', "seq")],
)  # fmt: skip
def test_a_bad_message_names_the_field(text: str, field: str) -> None:
    with pytest.raises(InvalidValue) as error:
        from_message(text)
    assert error.value.field == field


def test_at_most_200_symbols_are_one_subscription() -> None:
    names = [f"S{n}" for n in range(MAX_SYMBOLS)]
    assert len(from_query(f"symbols={','.join(names)}".encode())[0].symbols or ()) == MAX_SYMBOLS


def test_a_few_of_many_symbols_that_nobody_has_seen_are_named() -> None:
    assert unseen(f"S{n}" for n in range(7)).startswith("not seen so far: S0, S1, S2, S3, S4 and 2 more;")
