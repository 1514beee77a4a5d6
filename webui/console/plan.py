"""What one `up` is going to run: settings read, ports chosen, nothing started yet."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from pipeline.embedded.jvm import Say
from pipeline.embedded.servers import Place as ServerPlace
from pipeline.embedded.servers import Server, client_needs, stand_ins, to_start
from pipeline.settings import Settings, Values, load
from webui.console.environment import addresses, clean
from webui.console.place import Place
from webui.console.ports import Claims, KeptPorts, check_fixed
from webui.console.processes import FIXED_PORTS, Check, Program, all_processes, fixed_ports
from webui.production import check_production


@dataclass(frozen=True)
class Plan:
    """`environment` is the children's; `addresses` goes into the address file; `settings` are what they will read.

    `prepares` are to be called before anything is started.
    """

    environment: dict[str, str]
    settings: Settings
    addresses: dict[str, str]
    servers: list[Program]
    ports: dict[str, int]  # of the servers that are started
    parts: dict[str, dict[str, int]]  # their further programs, by the server's name, with the port of each
    prepares: list[Callable[[Say], object]]
    processes: list[Program]


def make_plan(place: Place, ambient: Mapping[str, str], claims: Claims, real: Collection[str] = ()) -> Plan:
    """Check the settings and the ports, and choose what is to be chosen. Raises SettingsError and ConsoleError.

    `real` names the servers of which no stand-in will do.

    `place` is prepared, and holds no address file of an earlier system. The ports become the claims'.
    """
    environment = clean(ambient, place)
    values = Values(environment, {})
    check_production(values)
    source = load(environment).source
    wanted = to_start(values, source, real)
    # Once more as the children will read them: some rules hold with embedded servers only.
    embedded = ",".join(stand_ins(values, wanted))
    load(environment | {"TICKERLINE_SOURCE": source, "TICKERLINE_EMBEDDED": embedded})

    fixed = fixed_ports(values)
    check_fixed({name: (getattr(fixed, what), f"the {what}") for what, (name, _) in FIXED_PORTS.items()}, claims.take)
    kept = KeptPorts(place.ports, {getattr(fixed, what) for what in FIXED_PORTS}, claims.take)
    chosen = {server.name: (server, kept.choose(server.name, server.usual_port)) for server in wanted}
    places = {name: _where(place, server, port, kept) for name, (server, port) in chosen.items()}
    processes = all_processes(values, fixed, kept.choose)
    kept.save()

    needed, fetches = client_needs(values)
    more = dict(needed)
    for server in wanted:
        more |= server.more(places[server.name])
    written = addresses(values, source, chosen, more)
    return Plan(
        environment=environment,
        settings=load(environment | written),
        addresses=written,
        servers=[program for server in wanted for program in _programs(server, places[server.name])],
        ports={name: port for name, (_, port) in chosen.items()},
        parts={
            server.name: {f"{server.name}-{part}": places[server.name].others[part] for part in server.parts}
            for server in wanted
            if server.parts
        },
        prepares=[*(server.prepare for server in wanted if server.prepare), *fetches],
        processes=processes,
    )


def _where(place: Place, server: Server, port: int, kept: KeptPorts) -> ServerPlace:
    others = {other: kept.choose(f"{server.name}-{other}") for other in server.others}
    return ServerPlace(port, place.data, place.run, others)


def _programs(server: Server, where: ServerPlace) -> list[Program]:
    """The server's main program, and its parts."""
    commands = {server.name: (server.command, where.port)}
    commands |= {f"{server.name}-{part}": (command, where.others[part]) for part, command in server.parts.items()}
    return [
        Program(name, server.name, tuple(command(where)), Check.SERVER, port, stop_s=server.stop_s, steady_s=1)
        for name, (command, port) in commands.items()
    ]
