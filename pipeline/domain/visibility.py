"""Who may see a cell: Accumulo's visibility expressions, with its rules and the texts of its errors.

An expression is made of authorizations, `&`, `|` and parentheses: `ops|(audit&"New York")`. The two operators don't mix without
parentheses. Characters outside `A-Z a-z 0-9 _ - : . /` need quotes; within them `"` and `\\` are written with a `\\` before.
The empty expression lets everyone see the cell.
"""

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import NoReturn, TypeAlias, Union

from pipeline.domain.errors import InvalidValue

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-:./")
_AND, _OR, _OPEN, _CLOSE, _QUOTE, _ESCAPE = b'&|()"\\'
_DEEPEST = 100  # nested parentheses

# An authorization, or an operator and what it joins.
_Node: TypeAlias = Union[bytes, "tuple[int, tuple[_Node, ...]]"]


class NotAuthorized(InvalidValue):
    """A scan asked for authorizations that its user does not hold."""

    def __init__(self, lacking: Collection[bytes]) -> None:
        names = ", ".join(sorted(name.decode(errors="replace") for name in lacking))
        rule = "BAD_AUTHORIZATIONS: The user does not have the specified authorizations assigned"
        super().__init__("authorizations", f"{rule} ({names})")
        self.args = (lacking,)


def normal(expression: bytes) -> bytes:
    """The one way to write it: sorted, without repeats and needless parentheses and quotes. Raises InvalidValue."""
    return _text(_parsed(expression)) if expression else b""


def visible(expression: bytes, authorizations: AbstractSet[bytes]) -> bool:
    """Whether a holder of these may see it. Raises InvalidValue."""
    return not expression or _permits(_parsed(expression), authorizations)


def granted(asked: Collection[bytes], held: AbstractSet[bytes] | None) -> frozenset[bytes]:
    """What a scan may use; a user whose `held` is None holds whatever is asked for. Raises NotAuthorized."""
    if held is not None and (lacking := frozenset(asked) - held):
        raise NotAuthorized(lacking)
    return frozenset(asked)


def _permits(node: _Node, authorizations: AbstractSet[bytes]) -> bool:
    if isinstance(node, bytes):
        return node in authorizations
    operator, parts = node
    seen = (_permits(part, authorizations) for part in parts)
    return all(seen) if operator == _AND else any(seen)


def _text(node: _Node) -> bytes:
    if isinstance(node, bytes):
        if _PLAIN.issuperset(node):
            return node
        return b'"' + node.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    operator, parts = node
    texts = (_text(part) if isinstance(part, bytes) else b"(" + _text(part) + b")" for part in parts)
    return bytes([operator]).join(texts)


@lru_cache(maxsize=4096)
def _parsed(expression: bytes) -> _Node:
    return _Parser(expression).parse()


class _Parser:
    """Goes over the expression once; `_at` is the place of the next character."""

    def __init__(self, expression: bytes) -> None:
        self._text, self._at, self._depth = expression, 0, 0

    def parse(self) -> _Node:
        node = self._operation()
        if self._at < len(self._text):  # what ended it is a parenthesis that nobody opened
            self._fail("parenthesis mis-match", self._at)
        if self._depth:
            self._fail("parenthesis mis-match", self._at - 1)
        return node

    def _operation(self) -> _Node:
        """Operands and their operator, to the closing parenthesis or the end."""
        operator, parts = None, [self._operand()]
        while (found := self._peek()) in (_AND, _OR):
            if operator not in (None, found):
                self._fail("cannot mix & and |" if found == _AND else "cannot mix | and &", self._at)
            operator = found
            self._at += 1
            parts.append(self._operand())
        return parts[0] if operator is None else _joined(operator, parts)

    def _operand(self) -> _Node:
        inner = self._parenthesized() if self._peek() == _OPEN else None
        start = self._at
        term = self._quoted() if self._peek() == _QUOTE else self._plain()
        if self._peek() in (_OPEN, _QUOTE):
            self._fail("expression needs & or |", self._at)
        if inner is not None:
            if term:
                self._fail("expression needs | or &", start)
            return inner
        if not term:
            self._fail("empty term", start)
        return term

    def _parenthesized(self) -> _Node:
        self._at += 1
        self._depth += 1
        if self._depth > _DEEPEST:
            self._fail(f"more than {_DEEPEST} nested parentheses", self._at - 1)
        node = self._operation()
        if self._peek() == _CLOSE:  # else it is the end, and the depth tells
            self._at += 1
            self._depth -= 1
        return node

    def _plain(self) -> bytes:
        start = self._at
        while (found := self._peek()) is not None and found in _PLAIN:
            self._at += 1
        if found is not None and found not in (_AND, _OR, _OPEN, _CLOSE, _QUOTE):
            self._fail(f"bad character ({found - 256 if found > 127 else found})", self._at)
        return self._text[start : self._at]

    def _quoted(self) -> bytes:
        start, term = self._at, bytearray()
        self._at += 1
        while (found := self._peek()) != _QUOTE:
            if found == _ESCAPE:
                self._at += 1
                found = self._peek()
                if found not in (_QUOTE, _ESCAPE):
                    self._fail("invalid escaping within quotes", self._at - 1)
            if found is None:
                self._fail("unclosed quote", start)
            term.append(found)
            self._at += 1
        if not term:
            self._fail("empty term", start)
        self._at += 1
        after = self._peek()
        if after is not None and after not in (_AND, _OR, _CLOSE):
            self._fail("expression needs & or |", self._at)
        return bytes(term)

    def _peek(self) -> int | None:
        return self._text[self._at] if self._at < len(self._text) else None

    def _fail(self, description: str, index: int) -> NoReturn:
        raise InvalidValue("visibility", f"{description} near index {index}")


def _joined(operator: int, parts: list[_Node]) -> _Node:
    """`A&(B&A)` is `A&B`: one level, sorted, each part once."""
    flat: set[_Node] = set()
    for part in parts:
        flat.update(part[1] if not isinstance(part, bytes) and part[0] == operator else (part,))
    if len(flat) == 1:
        return flat.pop()
    return operator, tuple(sorted(flat, key=lambda part: (not isinstance(part, bytes), _text(part))))
