"""What was measured, beside what is to be reached."""

import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """`goal` in words, empty where a figure is only told; `met`: None then. `spread`: the lowest and highest of the runs."""

    name: str
    value: float
    unit: str = ""
    goal: str = ""
    met: bool | None = None
    spread: tuple[float, float] | None = None


def judged(
    name: str, values: Sequence[float], unit: str, goal: str = "", holds: Callable[[float], bool] | None = None
) -> Figure:
    """The median of the runs; NaN, which reaches no goal, when one of them is."""
    value = math.nan if any(map(math.isnan, values)) else statistics.median(values)
    spread = (min(values), max(values)) if len(values) > 1 else None
    return Figure(name, value, unit, goal, holds(value) if holds else None, spread)


def table(title: str, figures: Sequence[Figure]) -> str:
    rows = [(title, "median", "lowest … highest", "to reach", "")]
    for figure in figures:
        spread = " … ".join(_number(value) for value in figure.spread) if figure.spread else ""
        verdict = {True: "ok", False: "MISSED", None: ""}[figure.met]
        rows.append((figure.name, f"{_number(figure.value)} {figure.unit}".strip(), spread, figure.goal, verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def machine() -> str:
    """What the figures hold for."""
    model = next(
        (line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )  # fmt: skip
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores of {model}, Python {platform.python_version()}, load before the start {load:.1f}, "
        f"{_pace():.2f} CPU seconds for 5 million additions"
    )


def _pace() -> float:
    """Two days' figures of a machine that others share are told apart by it."""
    start, total = time.process_time(), 0
    for number in range(5_000_000):
        total += number
    return time.process_time() - start


def conclude(found: dict[str, list[Figure]], where: str, file: Path | None) -> int:
    """Write them into the file, where one is asked for; returns the exit code: 1 when a goal was missed."""
    if file:
        listed = {group: [vars(figure) for figure in figures] for group, figures in found.items()}
        file.write_text(json.dumps({"machine": where, "figures": listed}, indent=2))
    return 1 if any(figure.met is False for figures in found.values() for figure in figures) else 0


def _number(value: float) -> str:
    if math.isnan(value):
        return "unknown"
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:,.3g}"
