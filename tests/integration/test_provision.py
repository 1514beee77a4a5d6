"""`manage.py provision`: a readable plan first, nothing twice, and real AWS only by word."""

import argparse
from collections.abc import Iterator

import pytest

from tests.support.servers import moto_server
from webui.console import provisioning


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    with moto_server() as server:
        yield server.url


@pytest.fixture(autouse=True)
def _emulated(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator)
    monkeypatch.delenv("TICKERLINE_AWS", raising=False)


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    provisioning.add_arguments(parser)
    return provisioning.run(parser.parse_args(arguments))


def test_a_dry_run_tells_a_plan_and_makes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--prefix", "dry", "--set", "Hosts=yes", "--dry-run") == 0
    told = capsys.readouterr().out
    assert "stack dry" in told
    assert "+ DriverHost          AWS::EC2::Instance" in told
    assert run("--prefix", "dry", "--dry-run") == 0
    assert "+ Topic" in capsys.readouterr().out


def test_it_makes_the_stack_once_and_tells_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--prefix", "made") == 0
    told = capsys.readouterr().out
    assert "TICKERLINE_TOPIC_ARN=arn:aws:sns:us-east-1:123456789012:made-bars" in told
    assert "/made-driver" in told
    assert run("--prefix", "made") == 0
    assert "nothing changes" in capsys.readouterr().out


def test_what_is_no_parameter_of_the_template_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("--set", "Hosts")
    assert "expected NAME=VALUE" in capsys.readouterr().err
    assert run("--prefix", "no", "--set", "Colour=red") == 2
    assert "Colour" in capsys.readouterr().err


def test_real_aws_is_not_changed_without_a_yes(
    emulator: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emulator stands for real AWS, as the SDK's own variable leads there."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TICKERLINE_AWS", "real")
    assert run("--prefix", "real") == 1
    told = capsys.readouterr()
    assert "AWS, account 123456789012, region eu-west-1, stack real" in told.out
    assert "--yes" in told.err
    assert run("--prefix", "real", "--dry-run") == 0
    assert "+ Topic" in capsys.readouterr().out
    assert run("--prefix", "real", "--yes") == 0
    assert "eu-west-1" in capsys.readouterr().out.split("TICKERLINE_TOPIC_ARN=")[1]
