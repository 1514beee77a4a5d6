"""The hosts, each by what its roles say of themselves."""

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from pipeline.domain.hosts import host_states
from webui.api import backend
from webui.api.schemas import ProblemOut

v1 = Router(tags=["health"])


class InstanceOut(Schema):
    id: str
    state: str = Field(description="As EC2 says it: pending, running, stopping, …")
    simulated: bool = Field(description="The emulator says it of a record; nothing runs there.")


class HostOut(Schema):
    name: str
    roles: list[str]
    status: str = Field(description="ok, waiting, starting or failing: the worst of its roles'.")
    message: str
    instance: InstanceOut | None = Field(description="Null: EC2 is not asked.")


class HostList(Schema):
    hosts: list[HostOut]


@v1.get("/hosts", response={200: HostList, 503: ProblemOut}, operation_id="list_hosts", summary="Hosts")
def hosts(request: HttpRequest) -> HostList:
    """The hosts that the template for AWS spreads the roles over. How they do is told by their roles' signs of life."""
    found = backend.current().hosts.hosts()
    states = host_states(found, backend.current().live.heartbeats())
    return HostList(
        hosts=[
            HostOut(
                name=host.name,
                roles=list(host.roles),
                status=states[host.name][0].value,
                message=states[host.name][1],
                instance=InstanceOut(id=host.instance, state=host.instance_state or "", simulated=host.simulated)
                if host.instance
                else None,
            )
            for host in found
        ]
    )
