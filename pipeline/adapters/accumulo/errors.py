"""Java's exceptions as the port's errors. A message never has a password: the client's own texts are not passed on."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import jpype

from pipeline.domain.errors import InvalidValue, SettingsError, Unavailable
from pipeline.domain.visibility import NotAuthorized
from pipeline.ports.table import TableMissing

T = TypeVar("T")
_MISSING = ("TableNotFoundException", "TableDeletedException", "NamespaceNotFoundException")


def translated(work: Callable[[], T], asked: frozenset[bytes] = frozenset(), held: frozenset[bytes] = frozenset()) -> T:
    """`asked`, `held`: the authorizations that a scan asks for, and those of its user."""
    try:
        return work()
    except jpype.JException as error:
        raise _translation(error, asked - held) from None


def _translation(error: Any, lacking: frozenset[bytes]) -> Exception:
    names = [str(one.getClass().getSimpleName()) for one in _causes(error)]
    text = " ".join(str(one.getMessage()) for one in _causes(error))
    if any(name in _MISSING for name in names):
        return TableMissing("there is no such table any more")
    if "BAD_AUTHORIZATIONS" in text:
        return NotAuthorized(lacking)
    if "BAD_CREDENTIALS" in text or "USER_DOESNT_EXIST" in text:
        return SettingsError("ACCUMULO_USER, ACCUMULO_PASSWORD: Accumulo refuses them")
    if "PERMISSION_DENIED" in text:
        return SettingsError("ACCUMULO_USER: Accumulo does not permit this user what was asked")
    if "ConstraintViolation" in text or ("MutationsRejectedException" in names and "constraint" in text.lower()):
        return InvalidValue(
            "changes", "Accumulo's constraints refuse them: a key that is too long, or a visibility not held"
        )
    if "IllegalArgumentException" in names and "larger than" in text:
        return InvalidValue("changes", "a row's changes are too large for Accumulo")
    return Unavailable(f"Accumulo: {names[-1]}")


def _causes(error: Any) -> Iterator[Any]:
    seen = 0
    while error is not None and seen < 10:
        yield error
        error, seen = error.getCause(), seen + 1
