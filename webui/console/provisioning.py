"""`manage.py provision [--set NAME=VALUE …] [--dry-run] [--yes]`: what `deploy/aws/tickerline.yaml` describes.

1. Tell whose account it is, which region, and what would change.
2. On real AWS go on only with --yes; on the emulator at once.
3. Apply it, and tell the settings that the processes need.

Exit codes: 0; 1 when AWS does not answer or the stack did not get there, or --yes is missing; 2 when what was asked for can't be.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline import bootstrap
from pipeline.domain.errors import InvalidValue, SettingsError, TickerlineError
from pipeline.settings import aws_endpoint, read_values

if TYPE_CHECKING:
    from pipeline.adapters.aws.stack import Change

SIGNS = {"Add": "+", "Modify": "~", "Remove": "-"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--prefix", default="tickerline", help="what every name begins with (tickerline)")
    parser.add_argument(
        "--set", action="append", default=[], type=_parameter, metavar="NAME=VALUE", dest="parameters",
        help="a parameter of the template, e.g. Hosts=yes",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="tell what would change, and change nothing")
    parser.add_argument("--yes", action="store_true", help="go on on real AWS, too")


def _parameter(text: str) -> tuple[str, str]:
    found = re.fullmatch(r"([A-Za-z0-9]+)=(.*)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    return found[1], found[2]


def run(options: argparse.Namespace) -> int:
    try:
        return _provision(options)
    except (InvalidValue, SettingsError) as error:
        print(f"provision: {error}", file=sys.stderr)
        return 2
    except TickerlineError as error:
        print(f"provision: {error}", file=sys.stderr)
        return 1


def _provision(options: argparse.Namespace) -> int:
    endpoint = aws_endpoint(read_values())
    parameters = {"Prefix": options.prefix, **dict(options.parameters)}
    stack, account = bootstrap.aws_stack(endpoint, options.prefix)
    changes = stack.plan(parameters)
    where = f"the emulator at {endpoint}" if endpoint else f"AWS, account {account.number}, region {account.region}"
    print(f"{where}, stack {stack.name}")
    print(report(changes))
    if options.dry_run:
        return 0
    if changes and endpoint is None and not options.yes:
        print("provision: nothing was changed; --yes applies it to this account", file=sys.stderr)
        return 1
    if changes:
        stack.apply(parameters)
        print(f"stack {stack.name}: done")
    outputs = stack.outputs() or {}
    print(f"TICKERLINE_TOPIC_ARN={outputs.get('TopicArn', '')}\nTICKERLINE_QUEUE_URL={outputs.get('QueueUrl', '')}")
    return 0


def report(changes: Sequence["Change"]) -> str:
    """The plan as people read it, a line a resource."""
    if not changes:
        return "  nothing changes"
    replaced = {"True": "  (a new one in its place)", "Conditional": "  (perhaps a new one in its place)"}
    return "\n".join(
        f"  {SIGNS.get(one.action, one.action)} {one.name:<20}{one.kind}{replaced.get(one.anew, '')}" for one in changes
    )
