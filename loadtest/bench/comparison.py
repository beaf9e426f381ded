"""Two checkouts in the same paired rounds: `before` is another checkout, `after` is this one.

A second, identical `after` is the A/A control. Each of the three has services and databases of its own.
"""

import contextlib
import json
import os
import statistics
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from bench.closed_loop import ClosedLoop, cycling, json_refresh
from bench.figures.footprint import seconds_to_ready
from bench.figures.refresh import CLIENTS, logged_in
from bench.manifest import Manifest, Spec
from bench.plan import Plan
from bench.procfs import memory_mib
from bench.report import progress
from bench.rounds import Bound, Figure, T, measure_rounds, ratios
from bench.stack import Machine
from bench.throughput import Throughput, compare
from support.probes import http_status
from support.processes import Process

FIGURES: Final = (
    *("login", "refresh", "auth/me", "auth/verify", "users/me", "list users"),
    *("list own tickets", "search tickets", "verifier", "memory", "start"),
)
_NEED_TICKETS: Final = {"list own tickets", "search tickets", "memory", "start"}
_THIS: Final = Path(__file__).parents[2]
_MEMORY_ROUNDS: Final = 3
_MIN_NOISE: Final = 1.02
"""Ratio that is never a difference, because a few rounds of the control can agree by chance."""


class Checkout:
    """The services of a checkout, on databases of their own."""

    def __init__(self, machine: Machine, folder: Path, plan: Plan, *, tickets: bool) -> None:
        """Seed the databases; raises RuntimeError when the checkout cannot."""
        self._machine = machine
        folder = folder.resolve()
        self._python = str(folder / ".venv/bin/python")
        path = os.pathsep.join([str(folder / "loadtest"), str(folder / "tests")])
        self._env = {**os.environ, "PYTHONPATH": path}
        spec: Spec = {
            "accounts_url": machine.new_database("accounts").url,
            "tickets_url": machine.new_database("tickets").url,
            "users": plan.users,
            "tickets": plan.compared_tickets if tickets else 0,
        }
        progress(f"seeding the databases of {folder} ...")
        self.manifest: Manifest = json.loads(
            self._run([self._python, "-m", "bench.manifest", json.dumps(spec)])
        )

    @contextlib.contextmanager
    def stopped(self, name: str, *, one_core: bool = True) -> Iterator[Process]:
        """Yield a service for the caller to start; auth runs meanwhile where tickets needs it."""
        with contextlib.ExitStack() as stop:
            if name == "tickets":
                stop.enter_context(self._process("auth", one_core=False))
            process = self._process(name, one_core=one_core)
            stop.callback(process.stop)
            yield process

    def load(self, name: str) -> ClosedLoop:
        """Return the load on a running service."""
        spec = self.manifest["loads"]["login" if name == "refresh" else name]
        port = self.manifest["services"][spec["service"]]["port"]
        requests = [request.encode("ascii") for request in spec["requests"]]
        if name == "refresh":
            refresh = self.manifest["refresh"]
            build = partial(json_refresh, refresh["path"], refresh["field"])
            return logged_in(port, requests[:CLIENTS], build, refresh["field"])
        return cycling(port, requests, spec["connections"])

    def verifier(self, seconds: float) -> dict[str, float]:
        """Return CPU-microseconds by kind of call; see verifier.py."""
        command = self._machine.pinned_command(self._python, *self.manifest["verifier"], str(seconds))
        return dict(json.loads(self._run(command)))

    def _process(self, name: str, *, one_core: bool) -> Process:
        spec = self.manifest["services"][name]
        process = Process(
            name,
            spec["command"],
            log=self._machine.new_log(name),
            ready=lambda: http_status(spec["port"], "/readyz") == 200,
            env=spec["env"],
        )
        self._machine.pin(process, one_core=one_core)
        return process

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(command, env=self._env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr[-4000:]}")
        return done.stdout


class Comparison:
    """Measures the figures of both checkouts."""

    def __init__(self, machine: Machine, against: Path, plan: Plan, only: Collection[str]) -> None:
        self._machine = machine
        self._plan = plan
        self._only = only
        tickets = not _NEED_TICKETS.isdisjoint(only)
        folders = {"before": against, "after": _THIS, "control": _THIS}
        self._checkouts = {
            arm: Checkout(machine, folder, plan, tickets=tickets) for arm, folder in folders.items()
        }
        before, after = (self._checkouts[arm].manifest for arm in ("before", "after"))
        self._services = [name for name in after["services"] if name in before["services"]]
        self._loads = {
            name: load["service"] for name, load in after["loads"].items() if name in before["loads"]
        }
        self._loads["refresh"] = self._loads["login"]

    def figures(self) -> list[Figure]:
        """Return the figures that `only` names."""
        figures: list[Figure] = []
        for service in self._services:
            figures += self._speed(service)
        if "verifier" in self._only:
            figures += self._verifier()
        if "memory" in self._only:
            figures += map(self._memory, self._services)
        if "start" in self._only:
            figures += map(self._start, self._services)
        return figures

    def _speed(self, service: str) -> list[Figure]:
        """Measure the loads of a service, each on the same three processes."""
        loads = [name for name, target in self._loads.items() if target == service and name in self._only]
        if not loads:
            return []
        with self._stopped(service) as processes:
            for process in processes.values():
                process.start()
            return [self._load_figure(name, processes) for name in loads]

    def _load_figure(self, name: str, processes: Mapping[str, Process]) -> Figure:
        progress(f"measuring {name} ...")
        servers = {
            arm: Throughput(processes[arm], checkout.load(name), self._machine.database_process)
            for arm, checkout in self._checkouts.items()
        }
        for server in servers.values():
            server.load.run_for(self._plan.window)
        speeds = compare(servers, self._plan.window, self._plan.rounds)
        rates = {arm: server.per_second for arm, server in servers.items()}
        return compared(f"{name}: responses per CPU-second", speeds, Bound.AT_LEAST, rates)

    def _verifier(self) -> list[Figure]:
        progress("measuring verifier ...")
        runs = self._rounds(lambda checkout: checkout.verifier(self._plan.window / 6), self._plan.rounds)
        return [
            compared(
                f"verifier, {key}: CPU-microseconds",
                {arm: [run[key] for run in values] for arm, values in runs.items()},
                Bound.AT_MOST,
            )
            for key in runs["after"][0]
            if key in runs["before"][0]
        ]

    def _memory(self, service: str) -> Figure:
        progress(f"measuring memory of {service} ...")
        values = self._rounds(partial(self._resident, service), _MEMORY_ROUNDS)
        return compared(f"{service}: resident MiB under load", values, Bound.AT_MOST)

    def _resident(self, service: str, checkout: Checkout) -> float:
        """Return the resident memory of a new process after its loads; logins are a twentieth of them."""
        with checkout.stopped(service, one_core=False) as process:
            process.start()
            for name, target in self._loads.items():
                if target == service:
                    share = 20 if name == "login" else 4
                    checkout.load(name).run_times(self._plan.memory_requests // share)
            return memory_mib(process.pid, "VmRSS")

    def _start(self, service: str) -> Figure:
        progress(f"measuring start of {service} ...")
        with self._stopped(service, one_core=False) as processes:
            arms = {arm: partial(seconds_to_ready, process) for arm, process in processes.items()}
            measure_rounds(arms, 1)  # compiles modules that were never imported before
            values = measure_rounds(arms, self._plan.starts)
        return compared(f"{service}: seconds from exec to /readyz 200", values, Bound.AT_MOST)

    def _rounds(self, measure: Callable[[Checkout], T], rounds: int) -> dict[str, list[T]]:
        return measure_rounds(
            {arm: partial(measure, checkout) for arm, checkout in self._checkouts.items()}, rounds
        )

    @contextlib.contextmanager
    def _stopped(self, service: str, *, one_core: bool = True) -> Iterator[dict[str, Process]]:
        with contextlib.ExitStack() as stop:
            yield {
                arm: stop.enter_context(checkout.stopped(service, one_core=one_core))
                for arm, checkout in self._checkouts.items()
            }


def compared(
    name: str,
    values: Mapping[str, list[float]],
    bound: Bound,
    rates: Mapping[str, float] | None = None,
) -> Figure:
    """Return the ratio after / before; its target is the noise of the control."""
    control = ratios(values["control"], values["after"])
    noise = max(_MIN_NOISE, *(max(ratio, 1 / ratio) for ratio in control))
    notes: dict[str, float | str] = {arm: statistics.median(values[arm]) for arm in ("before", "after")}
    notes.update({f"{arm}/s": rate for arm, rate in (rates or {}).items()})
    return Figure(
        f"{name}, after / before",
        ratios(values["after"], values["before"]),
        control,
        bound,
        1 / noise if bound is Bound.AT_LEAST else noise,
        notes=notes,
    )
