"""Visibility expressions, with the texts of Accumulo's errors."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.errors import InvalidValue
from pipeline.domain.visibility import NotAuthorized, granted, normal, visible

ALL = [b"A", b"B", b"C", b"a b"]


def expressions() -> "st.SearchStrategy[bytes]":
    terms = st.sampled_from([b"A", b"B", b"C", b'"a b"', b'"A"'])

    def joined(parts: "st.SearchStrategy[bytes]") -> "st.SearchStrategy[bytes]":
        wrapped = st.lists(parts.map(lambda part: b"(" + part + b")"), min_size=1, max_size=3)
        return st.builds(lambda operator, some: operator.join(some), st.sampled_from([b"&", b"|"]), wrapped)

    return st.recursive(terms, joined, max_leaves=8)


def as_python(expression: bytes, held: frozenset[bytes]) -> bool:
    """The same by Python's own rules."""
    text = expression.replace(b'"a b"', b"D").replace(b'"A"', b"A").decode()
    names = {"A": b"A" in held, "B": b"B" in held, "C": b"C" in held, "D": b"a b" in held}
    return bool(eval(text.replace("&", " and ").replace("|", " or "), {"__builtins__": {}}, names))  # noqa: S307


@pytest.mark.parametrize(
    ("expression", "held", "seen"),
    [
        (b"", [], True),
        (b"A", [b"A"], True),
        (b"A", [b"B"], False),
        (b"A&B", [b"A"], False),
        (b"A&B", [b"B", b"A"], True),
        (b"A|B", [b"B"], True),
        (b"A|B", [b"C"], False),
        (b"A&(B|C)", [b"A", b"C"], True),
        (b"A&(B|C)", [b"B", b"C"], False),
        (b"((A))", [b"A"], True),
        (b'"a b"', [b"a b"], True),
        (b'"A"', [b"A"], True),
        (rb'"say \"no\" \\"|B', [rb'say "no" ' + b"\\"], True),
        (b'"\xff\0"', [b"\xff\0"], True),
        (b"a_b-c:d./9", [b"a_b-c:d./9"], True),
    ],
)
def test_an_expression_lets_see_who_holds_enough(expression: bytes, held: list[bytes], seen: bool) -> None:
    assert visible(expression, frozenset(held)) is seen
    assert visible(normal(expression), frozenset(held)) is seen


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (b"A&B|C", "cannot mix | and & near index 3"),
        (b"A|B&C", "cannot mix & and | near index 3"),
        (b"A&", "empty term near index 2"),
        (b"A&&B", "empty term near index 2"),
        (b"|A", "empty term near index 0"),
        (b"()", "empty term near index 1"),
        (b'""', "empty term near index 0"),
        (b"A)", "parenthesis mis-match near index 1"),
        (b"(A", "parenthesis mis-match near index 1"),
        (b"((A)", "parenthesis mis-match near index 3"),
        (b"A B", "bad character (32) near index 1"),
        (b"A=B", "bad character (61) near index 1"),
        (b"\xc3\xa4", "bad character (-61) near index 0"),
        (b"\0", "bad character (0) near index 0"),
        (b"A(B)", "expression needs & or | near index 1"),
        (b"(A)(B)", "expression needs & or | near index 3"),
        (b"(A)B", "expression needs | or & near index 3"),
        (b'A"B"', "expression needs & or | near index 1"),
        (b'"A"B', "expression needs & or | near index 3"),
        (b'A&"B', "unclosed quote near index 2"),
        (b'"A\\', "invalid escaping within quotes near index 2"),
        (b'"A\\n"', "invalid escaping within quotes near index 2"),
        (b"(" * 101 + b"A" + b")" * 101, "more than 100 nested parentheses near index 100"),
    ],
)
def test_what_is_malformed_is_refused_with_the_place(expression: bytes, text: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        normal(expression)
    assert str(refused.value) == f"visibility: {text}"
    with pytest.raises(InvalidValue):
        visible(expression, frozenset())


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (b"", b""),
        (b"A|A", b"A"),
        (b"B&A", b"A&B"),
        (b"(B|(A))", b"A|B"),
        (b"C&(B&(A&B))", b"A&B&C"),
        (b"(A|B)&C", b"C&(A|B)"),
        (b'"A"|"x y"', b'"x y"|A'),
        (b"(A&B)|(B&A)", b"A&B"),
        (rb'"a\"b\\"', rb'"a\"b\\"'),
    ],
)
def test_an_expression_has_one_normal_form(expression: bytes, expected: bytes) -> None:
    assert normal(expression) == expected
    assert normal(expected) == expected


@given(expressions(), st.sets(st.sampled_from(ALL)).map(frozenset))
def test_expressions_mean_what_their_operators_say(expression: bytes, held: frozenset[bytes]) -> None:
    assert visible(expression, held) == as_python(expression, held)
    assert visible(normal(expression), held) == visible(expression, held)
    assert normal(normal(expression)) == normal(expression)


@given(st.text('AB&|()" \\', max_size=12).map(str.encode))
def test_any_text_is_an_expression_or_refused(expression: bytes) -> None:
    try:
        expected = normal(expression)
    except InvalidValue:
        return
    assert normal(expected) == expected


def test_nobody_is_granted_what_they_do_not_hold() -> None:
    assert granted([b"A", b"B"], None) == {b"A", b"B"}
    assert granted([b"A"], frozenset([b"A", b"B"])) == {b"A"}
    assert granted([], frozenset()) == frozenset()
    with pytest.raises(NotAuthorized, match=r"BAD_AUTHORIZATIONS.*user does not have the specified.*\(C\)") as refused:
        granted([b"A", b"C"], frozenset([b"A"]))
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)  # noqa: S301
