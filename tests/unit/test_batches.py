import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.batches import Batch, Position, row_key, row_position, session_id, session_ms
from pipeline.domain.errors import InvalidValue

positions = st.builds(Position, st.integers(0, 2**63), st.integers(0, 2**63))


@given(st.integers(0, 65535), positions, st.integers(0, 65535), positions)
def test_rows_sort_as_shards_then_sessions_then_beats_do(
    shard: int, position: Position, other_shard: int, other: Position
) -> None:
    assert (row_key(shard, position) < row_key(other_shard, other)) == ((shard, position) < (other_shard, other))
    assert row_position(row_key(shard, position)) == (shard, position)


@given(st.integers(0, 253402300799999))
def test_a_session_s_id_is_its_opening_time(opened_ms: int) -> None:
    assert session_ms(session_id(opened_ms)) == opened_ms


def test_a_batch_survives_its_message_byte_for_byte() -> None:
    blocks = (("AAPL", b'{"price":1}\n{"price":2}'), ("BRK.B", '{"name":"é"}'.encode()))
    for batch in (
        Batch(3, Position(5, 6), None, 2, 1.5, 3, blocks),
        Batch(0, Position(5, 7), Position(5, 6), 2, 1.25, 0, ()),
    ):
        assert Batch.from_message(batch.to_message()) == batch


@pytest.mark.parametrize(
    "broken",
    [{"blocks": "?"}, {"blocks": "AAAA"}, {"blocks": "/////wAA"}, {"symbols": "AAPL"}, {"n": None}, {"position": [1]}],
)
def test_what_is_no_batch_is_refused(broken: dict[str, object]) -> None:
    batch = Batch(3, Position(5, 6), None, 2, 1.5, 2, (("AAPL", b"{}"), ("IBM", b"{}")))
    with pytest.raises(InvalidValue, match="a batch of ticks as a driver sends it"):
        Batch.from_message(batch.to_message() | broken)
