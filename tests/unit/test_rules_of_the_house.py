"""Rules that no linter knows: what belongs together has one name, and stays small."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from pipeline.domain.frames import STAGES
from pipeline.flow import FETCH_CHAIN, Stage
from pipeline.flow import STAGES as FLOW
from tests.support.servers import ROOT

LONGEST = 300  # lines
ROOMS = (
    "pipeline/domain",
    "pipeline/ports",
    "pipeline/stages",
    "pipeline/adapters",
    "pipeline/embedded",
    "workers",
    "webui",
)


def modules(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The modules that a file names in its imports, wherever they stand."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "." * node.level)
    return found


def test_celery_s_configuration_knows_the_settings_alone() -> None:
    assert imported(ROOT / "celeryconfig.py") == {"pipeline.settings"}


def test_the_frames_name_the_stages_of_the_flow_in_its_order() -> None:
    assert tuple(stage.name for stage in FLOW) == STAGES


@pytest.mark.parametrize("stage", FLOW, ids=lambda stage: stage.name)
def test_each_stage_has_its_module_and_its_class(stage: Stage) -> None:
    assert hasattr(importlib.import_module(f"pipeline.stages.{stage.name}"), stage.name.capitalize())


def test_the_worker_files_are_the_roles_of_the_flow() -> None:
    files = {path.stem for path in (ROOT / "workers").glob("*.py")} - {"__init__", "app", "links"}
    assert files == {stage.role for stage in FLOW}


def test_the_tasks_of_a_fetch_are_the_first_stages_and_registered_under_these_names() -> None:
    tasks = importlib.import_module("workers.ingest").app.tasks
    assert tuple(f"ingest.{stage.name}" for stage in FLOW if stage.role == "ingest") == FETCH_CHAIN
    assert set(FETCH_CHAIN) <= set(tasks)


def test_each_task_is_named_after_its_role_and_so_finds_its_queue() -> None:
    for role in sorted({stage.role for stage in FLOW}):
        text = (ROOT / "workers" / f"{role}.py").read_text()
        names = re.findall(r"@app\.task\(name=\"([^\"]+)\"", text)
        assert text.count("@app.task(") == len(names)
        assert {name.split(".")[0] for name in names} <= {role}
    routes = importlib.import_module("celeryconfig").task_routes
    assert routes == {f"{stage.role}.*": {"queue": stage.role} for stage in FLOW}


def test_no_module_is_longer_than_300_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules(*ROOMS)}
    assert len(lengths) > 100
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST} == {}
