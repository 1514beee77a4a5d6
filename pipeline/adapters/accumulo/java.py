"""The JVM of this process, and the two loops that run in it: one crossing a batch, not one a cell.

It is started at first use, so after a fork; it can be started once. `-Xrs` leaves the signals to Python.
"""

import gc
import tempfile
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import jpype

_LOCK = threading.Lock()
_OPTIONS = (
    "-Xmx256m", "-Xmn96m", "-Xrs", "-XX:+UseSerialGC", "-XX:+DisableExplicitGC", "-Dlog4j2.level=OFF",
    f"-XX:ErrorFile={tempfile.gettempdir()}/tickerline-jvm-%p.log",  # else in the working directory
)  # fmt: skip
_CORE = "org.apache.accumulo.core."


def start(jars: Path) -> None:
    """`jars`: the directory of the client's class path. Every call after the first does nothing."""
    with _LOCK:
        if not jpype.isJVMStarted():
            paths = sorted(str(path) for path in jars.glob("*.jar"))
            jpype.startJVM(*_OPTIONS, classpath=paths, convertStrings=False)
            # JPype has Python collect everything after each collection of Java's, which held the lock for 40 % of a
            # receiver's time: what is there by now, modules and classes mostly, is no garbage, and is not looked at any more.
            gc.collect()
            gc.freeze()


@lru_cache(maxsize=128)
def java(name: str) -> Any:
    """A class by its full name; `core.…` is Accumulo's."""
    return jpype.JClass(_CORE + name.removeprefix("core.") if name.startswith("core.") else name)


def array(data: bytes) -> Any:
    """A byte[]: of Java's methods with several forms, plain bytes fit too many."""
    return jpype.JArray(jpype.JByte)(data)


def text(data: bytes | None) -> Any:
    """A Text; None is one too, as Java tells its methods apart."""
    kind = java("org.apache.hadoop.io.Text")
    return jpype.JObject(None, kind) if data is None else kind(array(data))


class Loops(NamedTuple):
    """Method handles: `put(writer, DataInput, n)` adds n mutations, `drain(DataOutput, iterator)` writes each entry."""

    put: Any
    drain: Any


@lru_cache(maxsize=1)
def loops() -> Loops:
    """Composed of handles of the client's own methods, so that nothing has to be compiled."""
    handles, types = java("java.lang.invoke.MethodHandles"), java("java.lang.invoke.MethodType")
    lookup = handles.publicLookup()
    void, integer = java("java.lang.Void").TYPE, java("java.lang.Integer").TYPE
    classes = jpype.JArray(java("java.lang.Class"))
    source, target, iterator, entry, anything = (
        java(name).class_
        for name in (
            "java.io.DataInput",
            "java.io.DataOutput",
            "java.util.Iterator",
            "java.util.Map$Entry",
            "java.lang.Object",
        )
    )
    mutation, writer = java("core.data.Mutation").class_, java("core.client.BatchWriter").class_

    made = lookup.findConstructor(mutation, types.methodType(void))
    filled = lookup.findVirtual(mutation, "readFields", types.methodType(void, source))
    # source -> a new mutation, filled from it
    same = handles.dropArguments(handles.identity(mutation), 1, classes([source]))
    read = handles.foldArguments(handles.foldArguments(same, filled), made)
    added = handles.collectArguments(
        lookup.findVirtual(writer, "addMutation", types.methodType(void, mutation)), 1, read
    )
    # countedLoop's body takes the index, then what the loop was called with: the writer, the source, and the count
    count = handles.dropArguments(handles.identity(integer), 0, classes([writer, source]))
    body = handles.dropArguments(handles.dropArguments(added, 2, classes([integer])), 0, classes([integer]))
    put = handles.countedLoop(count, None, body)

    def written(getter: str, kind: Any) -> Any:
        got = lookup.findVirtual(entry, getter, types.methodType(anything)).asType(types.methodType(kind, anything))
        return handles.filterArguments(lookup.findVirtual(kind, "write", types.methodType(void, target)), 0, got)

    key, value = (
        written(getter, java(f"core.data.{kind}").class_) for getter, kind in (("getKey", "Key"), ("getValue", "Value"))
    )
    both = handles.foldArguments(value, key)
    drained = handles.dropArguments(handles.identity(iterator), 0, classes([target]))
    drain = handles.iteratedLoop(drained, None, handles.dropArguments(both, 2, classes([iterator])))
    return Loops(put, drain)
