"""Static files: compressed where the client takes it, whole where not, and asked about again by their ETag."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

STATIC = Path(__file__).resolve().parents[2] / "webui/dashboard/static"
SCRIPT = "dashboard/main.js"


def get(path: str = SCRIPT, encodings: str = "gzip, deflate, br", **headers: str) -> Any:
    return Client().get(f"/static/{path}", headers={"Accept-Encoding": encodings, **headers})


def test_texts_are_packed_and_unpack_to_the_file() -> None:
    answer, file = get(), (STATIC / SCRIPT).read_bytes()
    assert answer["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.content) == file
    assert len(answer.content) < len(file)
    assert answer["Content-Length"] == str(len(answer.content))
    assert answer["Content-Type"].startswith("text/javascript")
    assert get().content == answer.content


@pytest.mark.parametrize("encodings", ["", "identity", "br", "gzip;q=0", "deflate, gzip; q=0.0"])
def test_who_does_not_take_packed_ones_gets_the_file(encodings: str) -> None:
    answer = get(encodings=encodings)
    assert "Content-Encoding" not in answer.headers
    assert answer.content == (STATIC / SCRIPT).read_bytes()
    assert answer["Vary"] == "Accept-Encoding"


def test_fonts_are_packed_already() -> None:
    answer = get("unfold/fonts/inter/Inter-Regular.woff2")
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer.headers


def test_a_part_is_a_part_of_the_file() -> None:
    answer = get(Range="bytes=2-5")
    assert (answer.status_code, answer.content) == (206, (STATIC / SCRIPT).read_bytes()[2:6])
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("encodings", ["gzip", ""])
def test_a_kept_file_is_asked_about_and_not_sent_again(encodings: str) -> None:
    answer = get(encodings=encodings)
    assert answer["Cache-Control"] == "max-age=0, public"
    again = get(encodings=encodings, **{"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == answer["ETag"]
    assert get(encodings=encodings, **{"If-None-Match": '"other"'}).status_code == 200


def test_a_head_has_no_body_and_another_method_is_refused() -> None:
    head = Client().head(f"/static/{SCRIPT}")
    assert (head.status_code, head.content) == (200, b"")
    assert Client().post(f"/static/{SCRIPT}").status_code == 405
