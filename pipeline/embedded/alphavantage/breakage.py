"""Replies that no client should trust: other bodies, cut ones, and good ones with single values made bad."""

import json
from collections.abc import Callable
from dataclasses import replace

from pipeline.embedded.alphavantage.asking import Parameters
from pipeline.embedded.alphavantage.replies import JSON, Reply, json_reply

_HTML = "text/html; charset=utf-8"
_PLANS = "https://www.alphavantage.co/premium/"
_VALUES = ("open", "high", "low", "close", "price", "volume")


def unavailable() -> Reply:
    """What stands before the API says when the API is away."""
    body = (
        "<!DOCTYPE html>\n<html>\n<head><title>Application Error</title></head>\n"
        '<body><iframe src="//www.herokucdn.com/error-pages/application-error.html"></iframe></body>\n</html>\n'
    )
    return Reply(body.encode(), 503, _HTML)


def html() -> Reply:
    """A page with status 200, as seen under load."""
    body = (
        "<!DOCTYPE html>\n<html>\n<head><title>Alpha Vantage</title></head>\n<body>Please try again.</body>\n</html>\n"
    )
    return Reply(body.encode(), content_type=_HTML)


def not_acceptable() -> Reply:
    return json_reply({"detail": "Could not satisfy the request Accept header."}, 406)


def empty_object() -> Reply:
    return json_reply({})


def empty_body() -> Reply:
    return Reply(b"")


def key_quoted(key: str) -> Reply:
    """A sentence of its own that quotes the key, and a URL with it."""
    return json_reply({"Information": f"The key {key} was used at /query?apikey={key}&datatype=json too often."})


def unknown_information() -> Reply:
    return json_reply({"Information": "This sentence is new."})


def artificial(parameters: Parameters) -> Reply:
    """What a key without the right plan gets from some endpoints: made-up data, and a message that says so."""
    message = (
        "This is a premium endpoint. ***THE SAMPLE DATA SCHEMA BELOW IS ARTIFICIAL AND FOR ILLUSTRATION PURPOSES ONLY***. "
        "To access the actual data, please subscribe to any premium plan that mentions 'Realtime US Market Data' in its "
        f"description at {_PLANS} for your personal non-professional use. For professional/commercial use, please "
        "contact support at support@alphavantage.co."
    )
    row = {"1. open": "1.0000", "2. high": "1.0000", "3. low": "1.0000", "4. close": "1.0000", "5. volume": "1"}
    meta = {"2. Symbol": parameters.get("symbol", "")}
    series = {"2024-10-18": row}
    return json_reply({"message": message, "Meta Data": meta, "Time Series (Daily)": series, "data": [row]})


def truncated(reply: Reply) -> Reply:
    """Half of the body, as if it were the whole: what lies between has closed the connection in good order."""
    return replace(reply, body=reply.body[: len(reply.body) // 2])


def empty_series(reply: Reply) -> Reply:
    """Everything about the series but its rows."""
    if reply.content_type != JSON:
        return replace(reply, body=reply.body.partition(b"\r\n")[0] + b"\r\n")
    body = json.loads(reply.body)
    return _with(reply, {key: {} if _is_rows(key) else value for key, value in body.items()})


def missing_volume(reply: Reply, rows: int) -> Reply:
    return _changed(reply, rows, lambda name, value: None if name == "volume" else value)


def none_values(reply: Reply, rows: int) -> Reply:
    return _changed(reply, rows, lambda name, value: "None" if name in _VALUES else value)


def zero_low(reply: Reply, rows: int) -> Reply:
    return _changed(reply, rows, lambda name, value: "0.0000" if name == "low" else value)


_Change = Callable[[str, str], str | None]  # the column's name, its value -> the new value, None for no such column


def _changed(reply: Reply, rows: int, change: _Change) -> Reply:
    """The reply with `change` made to the values of its newest rows. A reply without rows stays what it is."""
    if reply.content_type != JSON:
        header, *lines = reply.body.decode().splitlines()
        names = header.split(",")
        for i, line in enumerate(lines[:rows]):
            values = [change(name, value) for name, value in zip(names, line.split(","), strict=True)]
            lines[i] = ",".join(value or "" for value in values)
        return replace(reply, body="".join(f"{line}\r\n" for line in [header, *lines]).encode())
    body = json.loads(reply.body)
    for key, value in body.items():
        if _is_rows(key):
            for row in [value] if key.startswith("Global") else list(value.values())[:rows]:
                _change_row(row, change)
    return _with(reply, body)


def _change_row(row: dict[str, str], change: _Change) -> None:
    for field in list(row):
        value = change(field.partition(". ")[2], row[field])
        if value is None:
            del row[field]
        else:
            row[field] = value


def _is_rows(key: str) -> bool:
    return "Time Series" in key or key.startswith("Global Quote")


def _with(reply: Reply, body: object) -> Reply:
    return replace(reply, body=json_reply(body).body)
