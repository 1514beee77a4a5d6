"""The port `tables` on a real Apache Accumulo: needs Java, its client's jars, and the extra `accumulo`."""

from pipeline.adapters.accumulo.tables import AccumuloTables

__all__ = ["AccumuloTables"]
