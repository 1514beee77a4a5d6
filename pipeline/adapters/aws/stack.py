"""The resources on AWS: what `deploy/aws/tickerline.yaml` describes, as a CloudFormation stack.

On real AWS whoever applies it needs cloudformation:*, and what the stack makes: SNS, SQS, IAM roles, EC2, CloudWatch alarms, KMS.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError, WaiterError

from pipeline.adapters.aws.connection import mapped_errors
from pipeline.adapters.aws.template import check, template_text
from pipeline.domain.errors import InvalidValue, Unavailable

_MAY_MAKE_ROLES = ["CAPABILITY_IAM"]
_WAIT = {"Delay": 2, "MaxAttempts": 300}


@dataclass(frozen=True, slots=True)
class Change:
    """`action`: Add, Modify or Remove; `anew`: True, False or Conditional: whether it is replaced by a new one."""

    action: str
    name: str
    kind: str
    anew: str


class Stack:
    def __init__(self, cloudformation: Any, name: str) -> None:
        """`name` may have what no stack's name may: it is taken for a dash."""
        self._client, self.name = cloudformation, name.replace("_", "-")

    def outputs(self) -> dict[str, str] | None:
        """None while there is no such stack."""
        found = self._found()
        return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", ())} if found else None

    def plan(self, parameters: Mapping[str, str]) -> list[Change]:
        """What `apply` would do; nothing is changed. Raises InvalidValue for what CloudFormation refuses."""
        check(parameters)
        found = self._found()
        if found and self._is(found, parameters):
            return []
        name = f"plan-{uuid4().hex[:12]}"
        with mapped_errors():
            try:
                self._client.create_change_set(
                    StackName=self.name, ChangeSetName=name, ChangeSetType="UPDATE" if found else "CREATE",
                    **self._wanted(parameters),
                )  # fmt: skip
                changes = self._changes(name)
            except ClientError as error:
                raise _refused(error) from None
            finally:
                self._forget(name, found is None)
        return changes

    def apply(self, parameters: Mapping[str, str]) -> bool:
        """Make the stack, or what has changed of it, and wait until it is there; False: nothing had changed.

        Raises InvalidValue for what CloudFormation refuses, and Unavailable when it does not get there: then it is as before.
        """
        check(parameters)
        found = self._found()
        if found and self._is(found, parameters):
            return False
        with mapped_errors():
            try:
                if found:
                    self._client.update_stack(StackName=self.name, **self._wanted(parameters))
                    self._client.get_waiter("stack_update_complete").wait(StackName=self.name, WaiterConfig=_WAIT)
                else:
                    self._client.create_stack(StackName=self.name, **self._wanted(parameters))
                    self._client.get_waiter("stack_create_complete").wait(StackName=self.name, WaiterConfig=_WAIT)
            except WaiterError as error:
                raise Unavailable(f"AWS: the stack {self.name} did not get there: {_reason(error)}") from None
            except ClientError as error:
                if "No updates" in _words(error) or _code(error) == "AlreadyExistsException":  # somebody was as quick
                    return False
                raise _refused(error) from None
        return True

    def delete(self) -> None:
        with mapped_errors():
            self._client.delete_stack(StackName=self.name)

    def _found(self) -> dict[str, Any] | None:
        """One that was only planned, or is deleted, is none."""
        with mapped_errors():
            try:
                stacks = self._client.describe_stacks(StackName=self.name)["Stacks"]
            except ClientError as error:
                if "does not exist" in _words(error):
                    return None
                raise
        there = [one for one in stacks if one["StackStatus"] not in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE")]
        return there[0] if there else None

    def _is(self, found: dict[str, Any], parameters: Mapping[str, str]) -> bool:
        given = {one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters", ())}
        with mapped_errors():
            template = self._client.get_template(StackName=self.name)["TemplateBody"]
        return template == template_text() and all(given.get(name) == value for name, value in parameters.items())

    def _wanted(self, parameters: Mapping[str, str]) -> dict[str, Any]:
        given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
        return {"TemplateBody": template_text(), "Parameters": given, "Capabilities": _MAY_MAKE_ROLES}

    def _changes(self, name: str) -> list[Change]:
        try:
            waiter = self._client.get_waiter("change_set_create_complete")
            waiter.wait(StackName=self.name, ChangeSetName=name, WaiterConfig=_WAIT)
        except WaiterError as error:
            if "didn't contain changes" in _reason(error) or "No updates" in _reason(error):
                return []
            raise InvalidValue("template", _reason(error)) from None
        pages = self._client.get_paginator("describe_change_set").paginate(StackName=self.name, ChangeSetName=name)
        resources = [one["ResourceChange"] for page in pages for one in page.get("Changes", ())]
        return [
            Change(one["Action"], one["LogicalResourceId"], one["ResourceType"], one.get("Replacement", "False"))
            for one in resources
        ]

    def _forget(self, name: str, with_stack: bool) -> None:
        self._client.delete_change_set(StackName=self.name, ChangeSetName=name)
        if with_stack:  # planning a new stack leaves an empty one behind
            self._client.delete_stack(StackName=self.name)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _words(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Message", ""))


def _reason(error: WaiterError) -> str:
    answer = error.last_response if isinstance(error.last_response, dict) else {}
    stacks = answer.get("Stacks") or [{}]
    return str(
        answer.get("StatusReason") or stacks[0].get("StackStatusReason") or stacks[0].get("StackStatus") or error
    )


def _refused(error: ClientError) -> InvalidValue | ClientError:
    """CloudFormation says in words which parameter is wrong, and why; anything else stays what it is."""
    if _code(error) == "ValidationError":
        return InvalidValue("template", _words(error))
    return error
