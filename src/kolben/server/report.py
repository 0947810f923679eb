"""How many requests at once: what holds them, what waits behind, and whether all of it fits."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from kolben.server.database_limits import ServerLimit
from kolben.server.facts import Facts
from kolben.server.machine import Machine
from kolben.server.pools import Pool
from kolben.server.settings import Settings
from kolben.server.socket_facts import socket_warnings

MIB = 1024**2
# What the system, the database's cache and a worker's peaks need besides the workers at rest.
MEMORY_SHARE = 0.8
# Of a warning's lines.
WIDTH = 92


@dataclass(frozen=True)
class Report:
    """What a server can hold.

    facts: of one worker. warnings: what does not fit, each with its cure.
    """

    settings: Settings
    facts: Facts
    machine: Machine
    warnings: tuple[str, ...]

    def as_text(self) -> str:
        """Lay it out for a reader."""
        parts = [self.settings.capacity]
        for title, rows in self._sections():
            parts += ["", title, *_columns(rows)]
        if self.warnings:
            parts += ["", "Warnings", *(_item(warning) for warning in self.warnings)]
        return "\n".join(parts)

    def as_json(self) -> str:
        """Lay it out for a program."""
        settings, facts = self.settings, self.facts
        at_once = settings.workers * settings.threads
        return json.dumps(
            {
                "app": facts.app,
                "interface": settings.spoken_interface,
                "workers": settings.workers,
                "threads": settings.threads,
                "requests_at_once": at_once,
                "async_views": facts.async_views,
                "backlog": settings.backlog,
                "max_connections": settings.max_connections,
                "max_waiting": settings.max_waiting,
                "pools": [
                    {"name": pool.name, "kind": pool.kind, "where": pool.where, "most": pool.most}
                    for pool in facts.pools
                ],
                "database_servers": [asdict(limit) for limit in facts.limits],
                "memory_per_worker_bytes": facts.memory_bytes,
                "machine": asdict(self.machine),
                "warnings": self.warnings,
            },
            indent=2,
        )

    def _sections(self) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
        yield "Requests", self._requests()
        for kind, title in (("database", "Database pools"), ("Redis", "Redis pools")):
            pools = [pool for pool in self.facts.pools if pool.kind == kind]
            if pools:
                yield title, [_pool_row(pool, self.settings) for pool in pools]
        if self.facts.limits:
            rows = [_limit_row(limit, self.facts, self.settings) for limit in self.facts.limits]
            yield "Database servers", rows
        yield "Machine", self._machine()

    def _requests(self) -> list[tuple[str, ...]]:
        settings = self.settings
        workers = settings.workers
        rows: list[tuple[str, ...]] = [
            ("at work", f"{workers * settings.threads:,}", f"{settings.threads} in each worker")
        ]
        if self.facts.async_views and settings.spoken_interface != "wsgi":
            count = self.facts.async_views
            rows.append(("beside them", "any number", f"of {count} async views, on event loops"))
        return [
            *rows,
            ("waiting", *self._waiting()),
            (
                "connections",
                f"{settings.max_connections * workers:,}",
                f"{settings.max_connections:,} in each worker (--max-connections)",
            ),
            ("not accepted yet", f"{settings.backlog:,}", "kept by the system (--backlog)"),
        ]

    def _waiting(self) -> tuple[str, str]:
        """Say how many requests may wait for a thread, and what becomes of the others."""
        if self.settings.spoken_interface == "wsgi":
            return "any number", "of the connections: none is refused over WSGI"
        most, workers = self.settings.max_waiting, self.settings.workers
        about = f"{most:,} in each worker, or a second's work; then 503 (--max-waiting)"
        return f"{most * workers:,}", about

    def _machine(self) -> list[tuple[str, ...]]:
        machine, workers = self.machine, self.settings.workers
        rows: list[tuple[str, ...]] = [
            (
                "cores",
                f"{machine.cores:g}",
                f"of the {machine.cores_from}, for {count(workers, 'worker')}",
            )
        ]
        each = self.facts.memory_bytes
        if each is not None:
            rows.append(("memory", f"{each // MIB:,} MiB", "a worker with the app loaded"))
            there = f" of {machine.memory_bytes // MIB:,}" if machine.memory_bytes else ""
            of = f"all workers,{there} MiB of the {machine.memory_from}"
            rows.append(("", f"{each * workers // MIB:,} MiB", of if there else "all workers"))
        if machine.open_files is not None:
            soft, hard = machine.open_files
            rows.append(("open files", f"{hard:,}", f"a process may have; {soft:,} until it asks"))
        return rows


def make_report(settings: Settings, facts: Sequence[Facts], machine: Machine) -> Report:
    """Make the report of what workers say; facts: of one at least."""
    limits = next((one.limits for one in facts if one.limits), ())
    warnings = (
        *dict.fromkeys(warning for one in facts for warning in (*one.warnings, *one.left_out)),
        *_key_warnings(facts),
        *socket_warnings(facts[0].sockets, settings),
        *pool_warnings(facts[0].pools, settings),
        *limit_warnings(limits, facts[0].pools, settings),
        *core_warnings(settings, machine),
        *memory_warnings(settings, facts, machine),
        *file_warnings(settings, machine),
    )
    first = next((one for one in facts if one.limits), facts[0])
    return Report(settings, first, machine, warnings)


def tell_key_change(before: Facts, now: Facts) -> str | None:
    """Return a warning if a worker has another secret key than the one that it follows."""
    if before.key is None or now.key is None or before.key.digest == now.key.digest:
        return None
    return (
        "The secret key has changed: sessions that were begun before are worth nothing, unless the"
        " old key stands in SECRET_KEY_FALLBACKS. If nobody has changed it, it is made anew at each"
        " start: read it from the environment or a file."
    )


def _key_warnings(facts: Sequence[Facts]) -> Iterator[str]:
    keys = [one.key for one in facts if one.key is not None]
    if len({key.digest for key in keys}) > 1:
        yield (
            "The workers have different secret keys, because it is made anew at each start: a"
            " session that one has begun is refused by the others. Make one with `python -c 'import"
            " secrets; print(secrets.token_hex())'` and read it from the environment or a file."
        )
    weakness = next((key.weakness for key in keys if key.weakness), "")
    if weakness:
        yield (
            f"The secret key {weakness}: whoever finds it can forge every session. Make one with"
            " `python -c 'import secrets; print(secrets.token_hex())'`."
        )


def pool_warnings(pools: Sequence[Pool], settings: Settings) -> Iterator[str]:
    """Warn of pools that have fewer connections than a worker has threads."""
    for pool in pools:
        if pool.most is not None and pool.most < settings.threads:
            yield (
                f"The {pool.kind} pool {pool.name} holds {pool.most} connections, but each worker"
                f" runs {settings.threads} views at once: the others wait for one, and may fail."
                f" {pool.cure.format(size=settings.threads)} or serve with --threads {pool.most}."
            )


def limit_warnings(
    limits: Sequence[ServerLimit], pools: Sequence[Pool], settings: Settings
) -> Iterator[str]:
    """Warn of pools that together can take more than a database server allows."""
    for limit in limits:
        if limit.failure:
            continue
        most = _most_to(limit, pools, settings)
        if most > limit.allowed:
            share = limit.allowed // (settings.workers * len(limit.databases))
            yield (
                f"{count(settings.workers, 'worker')} may open {most} connections to"
                f" {limit.where}, which allows {limit.allowed}. Make pool_size + max_overflow at"
                f" most {share} for each pool, or raise the server's max_connections."
            )


def _most_to(limit: ServerLimit, pools: Sequence[Pool], settings: Settings) -> int:
    """Return how many connections all workers open to a server at most.

    A pool without a limit has one for each view that runs.
    """
    return settings.workers * sum(
        settings.threads if pool.most is None else pool.most
        for pool in pools
        if pool.kind == "database" and pool.name in limit.databases
    )


def core_warnings(settings: Settings, machine: Machine) -> Iterator[str]:
    """Warn of many more workers than cores."""
    if settings.workers > 2 * machine.cores + 1:
        yield (
            f"{settings.workers} workers share {machine.cores:g} cores of the"
            f" {machine.cores_from}: they cost memory and gain little. Serve with --workers"
            f" {max(1, round(machine.cores))}, and more --threads for views that wait."
        )


def memory_warnings(settings: Settings, facts: Sequence[Facts], machine: Machine) -> Iterator[str]:
    """Warn of workers that fill the memory at rest."""
    each = max((one.memory_bytes or 0 for one in facts), default=0)
    if machine.memory_bytes and each * settings.workers > MEMORY_SHARE * machine.memory_bytes:
        fitting = max(1, int(MEMORY_SHARE * machine.memory_bytes / each))
        yield (
            f"{count(settings.workers, 'worker')} with {each // MIB:,} MiB each come near the"
            f" {machine.memory_bytes // MIB:,} MiB of the {machine.memory_from}, before the first"
            f" request. Serve with --workers {fitting}, or give it more memory."
        )


def file_warnings(settings: Settings, machine: Machine) -> Iterator[str]:
    """Warn of more connections than files that may be open."""
    files = machine.open_files
    if files is not None and files[1] < settings.max_connections * 2:
        yield (
            f"A process may open {files[1]:,} files, so that a worker holds"
            f" {files[1] * 3 // 4:,} connections instead of {settings.max_connections:,}. Raise the"
            " limit (LimitNOFILE= of systemd, `ulimit -Hn`) or lower --max-connections."
        )


def _pool_row(pool: Pool, settings: Settings) -> tuple[str, ...]:
    if pool.most is None:
        return pool.where, "no limit", "connections: as many as views ask for"
    total = pool.most * settings.workers
    return (
        pool.where,
        f"{pool.most:,}",
        f"connections for {count(settings.threads, 'thread')} of a worker; {total:,} of all",
    )


def _limit_row(limit: ServerLimit, facts: Facts, settings: Settings) -> tuple[str, ...]:
    if limit.failure:
        return limit.where, "unknown", limit.failure
    most = _most_to(limit, facts.pools, settings)
    reserved = f" ({limit.most} less {limit.reserved} reserved)" if limit.reserved else ""
    return limit.where, f"{limit.allowed:,}", f"connections allowed{reserved}; {most:,} in pools"


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Align rows of a name, a figure and words; figures to the right."""
    name = max(len(row[0]) for row in rows)
    figure = max(len(row[1]) for row in rows)
    return [f"  {row[0]:<{name}}  {row[1]:>{figure}}  {row[2]}" for row in rows]


def _item(text: str) -> str:
    """Lay a warning out as an item of a list."""
    return textwrap.fill(
        text, WIDTH, initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False
    )


def count(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
