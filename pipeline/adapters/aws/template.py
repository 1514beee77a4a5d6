"""The CloudFormation template, as text and as plain values; and what its parameters may be."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipeline.domain.errors import InvalidValue

TEMPLATE = Path(__file__).resolve().parents[3] / "deploy" / "aws" / "tickerline.yaml"


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms, too: `!Ref Topic` is {"Ref": "Topic"}."""

    def short_form(self, name: str, node: yaml.Node) -> dict[str, Any]:
        if isinstance(node, yaml.ScalarNode):
            return {name: self.construct_scalar(node)}
        if isinstance(node, yaml.SequenceNode):
            return {name: self.construct_sequence(node, deep=True)}
        return {name: self.construct_object(node, deep=True)}


_Loader.add_multi_constructor("!", _Loader.short_form)


@cache
def template_text() -> str:
    return TEMPLATE.read_text()


@cache
def template() -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(template_text(), _Loader)  # noqa: S506 - a safe loader's child
    return found


def check(parameters: Mapping[str, str]) -> None:
    """Raises InvalidValue, naming the parameter. AWS checks them as well, but its emulators don't."""
    known = template()["Parameters"]
    for name, value in parameters.items():
        if name not in known:
            raise InvalidValue(name, f"expected a parameter of the template: {', '.join(known)}")
        allowed, pattern = known[name].get("AllowedValues"), known[name].get("AllowedPattern")
        if allowed and value not in allowed:
            raise InvalidValue(name, f"expected {' or '.join(allowed)}")
        if pattern and not re.fullmatch(pattern, value):
            raise InvalidValue(name, f"expected {pattern}")
