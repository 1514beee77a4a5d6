"""One query from its parameters to its reply: counted, refused by the plan's limits, met by a fault, or answered."""

from dataclasses import dataclass
from typing import NamedTuple

from pipeline.domain.errors import InvalidValue
from pipeline.embedded.alphavantage.asking import Parameters
from pipeline.embedded.alphavantage.control import Control
from pipeline.embedded.alphavantage.faults import DONE_TO, INSTEAD, RUNNING, Fault, change_of, fault_from_header
from pipeline.embedded.alphavantage.functions import answer
from pipeline.embedded.alphavantage.limits import of_the_plan
from pipeline.embedded.alphavantage.market import Market
from pipeline.embedded.alphavantage.replies import Reply, json_reply


class Outcome(NamedTuple):
    """The reply, and the fault that the query met: some faults are of the connection, not of the reply."""

    reply: Reply
    fault: Fault | None = None


@dataclass(frozen=True)
class Service:
    market: Market
    control: Control

    def query(self, parameters: Parameters, fault_header: str | None) -> Outcome:
        """`fault_header` names a fault for this query alone; one that does not exist is answered with status 400."""
        try:
            named = fault_from_header(fault_header) if fault_header else None
        except InvalidValue as error:
            return Outcome(json_reply({"detail": str(error)}, 400))
        now = self.control.clock()
        if parameters.get("apikey"):
            refusal = self.control.limits.admit(parameters, now) or of_the_plan(self.control.limits.plan, parameters)
            if refusal:
                return Outcome(refusal)
        fault = named or self.control.faults.take(parameters)
        if fault and fault.name in INSTEAD:
            return Outcome(INSTEAD[fault.name](parameters), fault)
        changes = [*self.control.faults.changes(), *([change] if fault and (change := change_of(fault)) else [])]
        if fault and fault.name == RUNNING:
            parameters = {**parameters, "entitlement": "realtime"}
        reply = answer(parameters, self.market.changed(changes), now)
        return Outcome(DONE_TO[fault.name](reply, fault.rows) if fault and fault.name in DONE_TO else reply, fault)
