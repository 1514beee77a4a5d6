"""docs/asyncapi.yaml says what the code does."""

import asyncio
import json
import re
from typing import Any, get_type_hints

import pytest
import yaml
from jsonschema import Draft202012Validator

from pipeline.domain import frames
from pipeline.domain.frames import TOPICS
from tests.support.servers import ROOT
from tests.webui.browser import Browser
from tests.webui.test_hub import OWN, Channel
from webui.dashboard import client, consumers, hub, state, subscription, window
from webui.dashboard.routing import websockets

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text())
SCHEMAS, MESSAGES = DOCUMENT["components"]["schemas"], DOCUMENT["components"]["messages"]
ROWS = {"ticks": "ShownTick", "bars": "ShownBar", "stages": "StageState", "events": "Activity"}
FORMS = [*ROWS.values(), *(name for name in SCHEMAS if name.endswith("Frame"))]


def checked(name: str, value: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    Draft202012Validator(schema).validate(value)


@pytest.mark.parametrize("name", FORMS)
def test_each_form_has_the_fields_of_its_type(name: str) -> None:
    form = getattr(frames, name)
    assert set(SCHEMAS[name]["properties"]) == set(get_type_hints(form))
    of_a_topic = name.removesuffix("Frame").lower() in TOPICS
    of_the_web = {"epoch", "seq", "prev"} if of_a_topic else set()
    assert set(SCHEMAS[name]["required"]) == set(form.__required_keys__) | of_the_web


def test_every_type_of_frame_and_every_order_is_a_message() -> None:
    types = {SCHEMAS[name]["properties"]["type"]["const"] for name in FORMS if name.endswith("Frame")}
    assert types | set(subscription.OPS) == set(MESSAGES) == set(DOCUMENT["channels"]["live"]["messages"])
    assert {one["$ref"].rpartition("/")[2] for one in DOCUMENT["operations"]["tell"]["messages"]} == types
    told = {one["$ref"].rpartition("/")[2] for one in DOCUMENT["operations"]["hear"]["messages"]}
    assert told == set(subscription.OPS)
    assert all(
        SCHEMAS[f"{kind.title()}Frame"]["properties"][kind]["items"]["$ref"].endswith(ROWS[kind]) for kind in TOPICS
    )


def test_what_clients_may_say_is_what_is_understood() -> None:
    subscribe, ping = (MESSAGES[op]["payload"]["properties"] for op in subscription.OPS)
    assert subscribe["topics"]["items"]["enum"] == list(TOPICS)
    assert subscribe["topics"]["default"] == list(subscription.DEFAULT_TOPICS)
    assert subscribe["symbols"]["maxItems"] == subscription.MAX_SYMBOLS
    assert ping["id"]["maxLength"] == subscription.MAX_ID
    query = DOCUMENT["channels"]["live"]["bindings"]["ws"]["query"]["properties"]
    assert tuple(query) == subscription.PARAMETERS
    assert query["topics"]["default"] == ",".join(subscription.DEFAULT_TOPICS)
    for op in subscription.OPS:
        for example in MESSAGES[op]["examples"]:
            subscription.from_message(json.dumps(example["payload"]))


def test_limits_and_times_are_those_of_the_code() -> None:
    text = " ".join(DOCUMENT["info"]["description"].split())
    for words in (
        f"at most {subscription.MAX_MESSAGE} bytes",
        f"at most {consumers.MESSAGES} in {consumers.MESSAGES_S:.0f} s",
        f"At most {subscription.MAX_SYMBOLS} symbols",
        f"({window.KEPT_S:.0f} s, at most {window.KEPT_BYTES // 2**20} MiB)",
        f"takes no frame for {hub.PATIENCE_S:.0f} s",
        f"the newest {state.KEPT_EVENTS}, of events",
    ):
        assert words in text
    assert f"every {hub.BEAT_S:.0f} s" in MESSAGES["hb"]["summary"]
    codes = {int(code) for code in re.findall(r"\| (1\d\d\d) \|", text)}
    assert codes == {consumers.POLICY, consumers.TOO_BIG, client.INTERNAL_ERROR, client.TRY_LATER, 1012}


async def test_what_the_hub_sends_is_as_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "BEAT_S", 0.05)
    channel = Channel()
    channel.snapshot, channel.activity = None, []
    one = hub.Hub(channel.messages, channel.stored, hub.Limits(5, 5))
    browser = Browser(websockets(one), OWN, "10.0.0.9", query=f"topics={','.join(TOPICS)}")
    assert await browser.connect()
    checked("SnapshotFrame", await browser.frame())
    at = "2026-11-20T22:00:01.000Z"
    for kind in TOPICS:
        row = {name: example(schema) for name, schema in SCHEMAS[ROWS[kind]]["properties"].items()}
        channel.say(json.dumps({"type": kind, "monitor": kind, "n": 1, "at": at, kind: [row]}).encode())
    browser.say('{"op": "ping", "id": 1}')
    browser.say("{}")
    seen: set[str] = set()
    async with asyncio.timeout(5):
        while not seen >= {"pong", "error", "hb", *TOPICS}:
            frame = await browser.frame()
            seen.add(frame["type"])
            checked(MESSAGES[frame["type"]]["payload"]["$ref"].rpartition("/")[2], frame)
    browser.say('{"op": "subscribe"}')
    while (frame := await browser.frame())["type"] != "snapshot":
        pass
    checked("SnapshotFrame", frame)
    assert (frame["why"], frame["ticks"][0]["symbol"]) == ("subscribed", "text")
    again = Browser(websockets(one), OWN, "10.0.0.9", query=f"epoch={frame['epoch']}&seq=0")
    assert await again.connect()
    checked("ResumedFrame", await again.frame())
    for one_browser in (browser, again):
        await one_browser.leave()
    await one.stop()


def example(schema: dict[str, Any]) -> Any:
    """Something of the schema."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "string")
    if schema.get("$ref", "").endswith("Time"):
        return "2026-11-20T22:00:01.000Z"
    kind = kind[0] if isinstance(kind, list) else kind
    return {"string": "text", "integer": 1, "number": 1.5, "boolean": True, "array": [], "object": {}}[kind]
