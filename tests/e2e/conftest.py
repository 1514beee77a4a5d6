"""The whole system, for the tests of this folder."""

from tests.support.fixtures import audit, system

__all__ = ["audit", "system"]
