import os
import subprocess
import sys
from pathlib import Path

import pytest

from webui.console.errors import ConsoleError
from webui.console.place import Lock, Place, read_json, write_json


def test_a_new_an_empty_and_an_own_directory_are_accepted(tmp_path: Path) -> None:
    Place(tmp_path / "new").check()
    Place(tmp_path).check()
    Place(tmp_path).prepare()
    (tmp_path / "notes.txt").touch()
    Place(tmp_path).check()


def test_a_directory_in_which_only_django_worked_so_far_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "django.sqlite3").touch()

    Place(tmp_path).check()


def test_somebody_elses_directory_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()

    with pytest.raises(ConsoleError, match=r"TICKERLINE_DATA: .*thesis\.tex"):
        Place(tmp_path).check()
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_deleting_the_data_keeps_what_is_not_ours_and_follows_no_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    place = Place(tmp_path / "data")
    place.prepare()
    (place.data / "redis").mkdir()
    (place.data / "redis" / "appendonly.aof").touch()
    (place.data / "table-simulator").mkdir()
    (place.data / "mongodb").symlink_to(outside)
    (place.data / "notes.txt").touch()

    place.delete_all()

    assert sorted(entry.name for entry in place.data.iterdir()) == ["notes.txt", "run"]
    assert (outside / "precious").exists()


def test_a_path_that_supervisord_would_misread_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConsoleError, match="TICKERLINE_DATA"):
        Place(tmp_path / "a ;b").check()


def test_the_socket_of_a_deep_directory_is_elsewhere_private_and_the_same_for_everybody(tmp_path: Path) -> None:
    place = Place(tmp_path / ("deep" * 25))
    place.prepare()

    assert len(os.fsencode(place.socket)) < 90
    assert place.socket.parent.stat().st_mode & 0o077 == 0
    assert Place(place.data).socket == place.socket
    place.forget_run()
    assert not place.socket.parent.name.startswith("tickerline-")


def test_the_lock_is_one_processes_and_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "up.lock"
    take = f"from pathlib import Path; from webui.console.place import Lock; print(Lock(Path({str(path)!r})).take())"
    lock = Lock(path)

    assert lock.take()
    assert lock.holder() == os.getpid()
    assert subprocess.run([sys.executable, "-c", take], capture_output=True, text=True).stdout == "False\n"
    lock.release()
    assert lock.holder() is None
    assert subprocess.run([sys.executable, "-c", take], capture_output=True, text=True).stdout == "True\n"
    assert lock.holder() is None


def test_json_is_written_for_its_owner_alone_and_rubbish_reads_as_nothing(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    write_json(path, {"a": 1})

    assert read_json(path) == {"a": 1}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["value.json"]
    path.write_text("[]")
    assert read_json(path) == {}
