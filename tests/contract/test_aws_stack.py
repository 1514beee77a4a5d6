"""The CloudFormation stack: the template is sound and gives nobody more than needed; applying it again changes nothing."""

import json
import uuid
from typing import Any

import pytest
from cfnlint.api import lint_all

from pipeline.adapters.aws.connection import client
from pipeline.adapters.aws.emulator import provision
from pipeline.adapters.aws.host_list import AwsHostList
from pipeline.adapters.aws.stack import Stack
from pipeline.adapters.aws.template import template, template_text
from pipeline.domain.errors import InvalidValue, Unavailable
from tests.support.servers import free_port

RESOURCES: dict[str, dict[str, Any]] = template()["Resources"]


@pytest.fixture
def stack(aws_url: str) -> Stack:
    return Stack(client("cloudformation", aws_url, 30), f"stack-{uuid.uuid4().hex[:8]}")


def parameters(stack: Stack, **more: str) -> dict[str, str]:
    return {"Prefix": stack.name, **more}


def test_the_template_is_clean() -> None:
    # As the command `cfn-lint` judges: without what is only for information.
    assert [str(match) for match in lint_all(template_text()) if not match.rule.id.startswith("I")] == []


def test_a_plan_changes_nothing_and_names_what_would_be_made(stack: Stack) -> None:
    planned = stack.plan(parameters(stack, Hosts="yes"))
    assert {"Topic", "Queue", "DeadQueue", "Subscription", "IngestHost", "DriverHost", "ReceiverHost"} <= {
        change.name for change in planned
    }
    assert {change.action for change in planned} == {"Add"}
    assert stack.outputs() is None


def test_applying_it_again_changes_nothing_and_another_value_is_a_change(stack: Stack) -> None:
    assert stack.apply(parameters(stack))
    outputs = stack.outputs()
    assert outputs
    assert outputs["TopicArn"].endswith(f":{stack.name}-bars")
    assert not stack.apply(parameters(stack))
    assert stack.plan(parameters(stack)) == []
    assert stack.apply(parameters(stack, Hosts="yes"))
    assert not stack.apply(parameters(stack, Hosts="yes"))


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [("Colour", "red", "a parameter of the template"), ("Hosts", "maybe", "yes or no"), ("Prefix", "1", "[A-Za-z]")],
)
def test_a_parameter_that_the_template_does_not_take_is_told(stack: Stack, name: str, value: str, rule: str) -> None:
    for act in (stack.plan, stack.apply):
        with pytest.raises(InvalidValue, match=name) as refusal:
            act({name: value})
        assert rule in refusal.value.rule
    assert stack.outputs() is None


def test_aws_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        Stack(client("cloudformation", f"http://127.0.0.1:{free_port()}"), "x").outputs()


def test_the_emulated_resources_are_those_of_the_template(aws_url: str) -> None:
    prefix = f"whole-{uuid.uuid4().hex[:8]}"
    resources = provision(aws_url, prefix)
    assert provision(aws_url, prefix) == resources
    sqs, sns, ec2 = client("sqs", aws_url), client("sns", aws_url), client("ec2", aws_url)
    queue = sqs.get_queue_attributes(QueueUrl=resources.queue_url, AttributeNames=["All"])["Attributes"]
    assert (queue["VisibilityTimeout"], queue["SqsManagedSseEnabled"]) == ("30", "true")
    assert json.loads(queue["RedrivePolicy"])["maxReceiveCount"] == 5
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=resources.topic_arn)["Subscriptions"]
    told = sns.get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])["Attributes"]
    assert (told["RawMessageDelivery"], json.loads(told["FilterPolicy"])) == ("true", {"type": ["bars.stored"]})
    hosts = [one for group in ec2.describe_instances()["Reservations"] for one in group["Instances"]]
    names = {tag["Value"] for host in hosts for tag in host["Tags"] if tag["Key"] == "Name"}
    assert {f"{prefix}-ingest", f"{prefix}-driver", f"{prefix}-receiver"} <= names


def test_sns_may_use_the_key_of_the_queues_for_without_it_nothing_would_arrive() -> None:
    for name in ("Queue", "DeadQueue"):
        key = RESOURCES[name]["Properties"]["KmsMasterKeyId"]
        assert key == {"If": ["WithKey", {"GetAtt": "Key.Arn"}, {"Ref": "AWS::NoValue"}]}
    statements = {one["Sid"]: one for one in RESOURCES["Key"]["Properties"]["KeyPolicy"]["Statement"]}
    topic = statements["Topic"]
    assert topic["Principal"] == {"Service": "sns.amazonaws.com"}
    assert set(topic["Action"]) == {"kms:GenerateDataKey*", "kms:Decrypt"}
    assert topic["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "Topic"}}}


def test_each_host_may_only_call_what_its_roles_call() -> None:
    actions = {name: _actions(RESOURCES[name]["Properties"].get("Policies", [])) for name in _of("AWS::IAM::Role")}
    assert actions == {
        "IngestRole": {"sns:Publish"},
        "DriverRole": {"sqs:ReceiveMessage", "sqs:DeleteMessage"},
        "ReceiverRole": set(),
    }
    assert "*" not in _found([RESOURCES[name] for name in _of("AWS::IAM::Role")], "Resource")
    (statement,) = RESOURCES["QueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"Service": "sns.amazonaws.com"}, "sqs:SendMessage")
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "Topic"}}}


def test_nobody_from_everywhere_gets_in_and_credentials_need_a_signed_request() -> None:
    opened = [
        rule
        for name in _of("AWS::EC2::SecurityGroup")
        for rule in RESOURCES[name]["Properties"]["SecurityGroupIngress"]
    ]
    assert {rule["FromPort"] for rule in opened} == {3000, 8000, 8001, 8002}
    assert not any(str(rule.get("CidrIp", "")).startswith("0.") for rule in opened)
    data = RESOURCES["HostTemplate"]["Properties"]["LaunchTemplateData"]
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert data["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] is True


def _of(kind: str) -> list[str]:
    return [name for name, one in RESOURCES.items() if one["Type"] == kind]


def _actions(policies: list[dict[str, Any]]) -> set[str]:
    """Of the statements that always hold; what the key adds is `kms:Decrypt` on that key alone."""
    found: set[str] = set()
    for policy in policies:
        for statement in policy["PolicyDocument"]["Statement"]:
            if "Action" in statement:
                found |= {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])
    return found


def _found(value: Any, key: str) -> list[Any]:
    """What stands under the key, however deep."""
    if isinstance(value, dict):
        here = [value[key]] if key in value else []
        return here + [one for inner in value.values() for one in _found(inner, key)]
    return [one for inner in value for one in _found(inner, key)] if isinstance(value, list) else []


def test_the_hosts_are_those_of_the_template_and_the_emulators_state_is_marked_as_simulated(aws_url: str) -> None:
    prefix = f"hosts-{uuid.uuid4().hex[:8]}"
    assert AwsHostList(aws_url, prefix).hosts() == []
    provision(aws_url, prefix)
    found = AwsHostList(aws_url, prefix).hosts()
    assert [(host.name, host.instance_state, host.simulated) for host in found] == [
        ("ingest", "running", True),
        ("driver", "running", True),
        ("receiver", "running", True),
    ]
    assert found[0].roles == ("ingest", "monitor", "beat", "api", "dashboard")
    real = AwsHostList(None, prefix).hosts()
    assert [(host.name, host.roles, host.instance) for host in real] == [
        (host.name, host.roles, None) for host in found
    ]
