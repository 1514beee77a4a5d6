"""The hosts of the CloudFormation template, with the roles that their tags name.

On the emulator each has the record's instance and its state. On real AWS they are not asked for: the web's host would need
`ec2:DescribeInstances` on everything in the account; the template's alarms watch the machines.
"""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.adapters.aws.connection import client, mapped_errors
from pipeline.adapters.aws.template import template
from pipeline.domain.hosts import Host

_ROLES = "tickerline-roles"


class AwsHostList:
    def __init__(self, endpoint_url: str | None, prefix: str) -> None:
        """`endpoint_url` None is real AWS."""
        self._endpoint_url, self._prefix = endpoint_url, prefix

    def hosts(self) -> Sequence[Host]:
        return planned() if self._endpoint_url is None else self._recorded(self._endpoint_url)

    def _recorded(self, endpoint_url: str) -> list[Host]:
        ec2 = client("ec2", endpoint_url, read_timeout_s=2.0)
        names = {f"{self._prefix}-{host.name}": host for host in planned()}
        with mapped_errors():
            found = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": list(names)}])
        records = {
            tag["Value"]: instance
            for reservation in found["Reservations"]
            for instance in reservation["Instances"]
            for tag in instance["Tags"]
            if tag["Key"] == "Name" and instance["State"]["Name"] != "terminated"
        }
        return [
            replace(
                host,
                instance=records[name]["InstanceId"],
                instance_state=records[name]["State"]["Name"],
                simulated=True,
            )
            for name, host in names.items()
            if name in records
        ]


def planned() -> list[Host]:
    """As the template has them."""
    found = []
    for resource in template()["Resources"].values():
        if resource["Type"] == "AWS::EC2::Instance":
            tags = {tag["Key"]: tag["Value"] for tag in resource["Properties"]["Tags"]}
            name = tags["Name"]["Sub"].removeprefix("${Prefix}-")
            found.append(Host(name, tuple(tags[_ROLES].split())))
    return found
