"""Django's settings for the tests, and the one place where the tests are cut off from any running system.

pytest-django reads this module before anything else of the project is read, conftest.py included. From here on the environment
has no setting of Tickerline, and the data directory is an empty one whose address file leads nowhere: a test that
forgets to bring its own server gets a refusal, never the developer's system.
"""

import atexit
import json
import os
import shutil
import tempfile
from pathlib import Path

from pipeline.settings import address_file
from pipeline.settings.sentences import SENTENCES

_NOWHERE = "127.0.0.1:1"  # a port that nobody listens on
_ADDRESSES = {
    "REDIS_URL": f"redis://{_NOWHERE}/0",
    "MONGODB_URI": f"mongodb://{_NOWHERE}",
    "KAFKA_BOOTSTRAP_SERVERS": _NOWHERE,
    "AWS_ENDPOINT_URL": f"http://{_NOWHERE}",
}


def _cut_off() -> None:
    for name in SENTENCES:
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    directory = Path(tempfile.mkdtemp(prefix="tickerline-test-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    os.environ["TICKERLINE_DATA"] = str(directory)
    os.environ["DJANGO_SETTINGS_MODULE"] = "webui.settings"  # what the processes that a test starts shall read
    file = address_file(directory)
    file.parent.mkdir()
    file.write_text(json.dumps(_ADDRESSES))


_cut_off()

from webui.settings import *  # noqa: E402,F403  (it reads the environment)
