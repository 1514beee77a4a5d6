"""Random passwords for the containers, each secret in a file of its own: `make env`, and the first start of the simple file.

1. What is there is kept: a password that a server has taken over with its data can't be changed here alone.
2. Files are readable by their owner alone. Run by root, they are given to the user that the containers run as.
3. With --env, that file is written too: where the secrets lie, and as whom the containers run. It holds no secret itself.

Needs Python alone, so that it runs before anything is installed.
"""

import argparse
import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path

IMAGE_USER = 1000  # whom the image runs as by default


def password() -> str:
    return secrets.token_urlsafe(32)


def made(read: Callable[[str], str]) -> dict[str, Callable[[], str]]:
    """Name -> how its content is made; `read` gives the content of one made before it."""
    return {
        "redis_password": password,
        "redis_url": lambda: f"redis://:{read('redis_password')}@redis:6379/0",
        "mongodb_password": password,
        # One server: the driver need not look for others, under names that may not be reached from here.
        "mongodb_uri": lambda: (
            f"mongodb://tickerline:{read('mongodb_password')}@mongo:27017/?authSource=admin&directConnection=true"
        ),
        "mongodb_key": lambda: base64.b64encode(
            secrets.token_bytes(96)
        ).decode(),  # what members of a replica set share
        "postgres_password": password,
        "database_url": lambda: f"postgresql://tickerline:{read('postgres_password')}@postgres:5432/tickerline",
        "secret_key": lambda: secrets.token_urlsafe(50),
        "api_token": password,
        # An argument of Accumulo's that began with a hyphen would be an option.
        "accumulo_password": lambda: password().lstrip("-"),
        "grafana_password": password,
        "alphavantage_api_key": lambda: "",  # yours, if you have one
    }


def make_secrets(directory: Path, owner: int) -> list[str]:
    """Make what is missing; returns the names of what was made."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted, new = made(lambda name: (directory / name).read_text()), []
    for name, make in wanted.items():
        path = directory / name
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with open(descriptor, "w") as file:
            file.write(make())
        new.append(name)
    if os.geteuid() == 0:
        for path in (directory, *(directory / name for name in wanted)):
            os.chown(path, owner, owner)
    return new


def make_env(path: Path, directory: Path, user: int, group: int) -> bool:
    """False when it is there already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with open(descriptor, "w") as file:
        file.write(
            "# Made by `make env` for docker-compose.yml; docs/containers.md has what else may be set here.\n"
            f"TICKERLINE_SECRETS={directory.resolve()}\n"
            "# Whom the containers run as: who can read the secrets.\n"
            f"TICKERLINE_UID={user}\nTICKERLINE_GID={group}\n"
        )
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the containers' secrets.")
    parser.add_argument("directory", type=Path, help="where each secret gets a file")
    parser.add_argument("--env", type=Path, help="the file for docker compose that names the directory")
    options = parser.parse_args()
    user, group = (os.geteuid(), os.getegid()) if os.geteuid() else (IMAGE_USER, IMAGE_USER)
    new = make_secrets(options.directory, user)
    print(
        f"{options.directory}: {len(new)} secrets made" if new else f"{options.directory}: all secrets are there, kept"
    )
    if options.env:
        written = make_env(options.env, options.directory, user, group)
        print(f"{options.env}: {'written' if written else 'is there, kept'}")


if __name__ == "__main__":
    main()
