"""The way into a Ray cluster, and what a batch may ask of its machines. Ray itself is imported only on the way in."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from dataclasses import dataclass, field
from typing import Any

import click

from signgen_core.errors import InputError, MachineError

_CONNECT = 5.0  # seconds in which the head has to answer


@dataclass(frozen=True)
class Resources:
    """What a seat that draws takes of its machine. memory: GB; custom: resources that the cluster's owner named."""

    cpu: float = 1.0
    gpu: float = 0.0
    memory: float = 0.0
    custom: dict[str, float] = field(default_factory=dict)

    def wanted(self) -> dict[str, float]:
        """By Ray's own names and units."""
        known = {"CPU": self.cpu, "GPU": self.gpu, "memory": self.memory * 1e9} | self.custom
        return {name: amount for name, amount in known.items() if amount}

    def __str__(self) -> str:
        named = {"cpu": self.cpu, "gpu": self.gpu, "memory": self.memory} | self.custom
        return ",".join(f"{name}={amount:g}" for name, amount in named.items() if amount)


class ResourcesType(click.ParamType[Resources]):
    """`cpu=1,gpu=0.25,memory=2,NAME=1`."""

    name = "cpu=N,gpu=N,memory=GB,NAME=N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Resources:
        if isinstance(value, Resources):
            return value
        amounts: dict[str, float] = {}
        for word in str(value).split(","):
            name, _, amount = word.strip().partition("=")
            try:
                number = float(amount)
            except ValueError:
                number = -1.0
            if not name or not 0 <= number <= 1e6 or name in amounts:
                self.fail(f"{word.strip()!r} is not a resource such as cpu=1, each once", param, ctx)
            amounts[name] = number
        known = {name: amounts.pop(name) for name in ("cpu", "gpu", "memory") if name in amounts}
        resources = Resources(**known, custom=amounts)
        if not resources.wanted():
            self.fail(f"{value!r} asks for nothing", param, ctx)
        return resources


class Cluster:
    """A connection to the Ray cluster at `address` (HOST:PORT), or without one to that which runs on this machine. ray: the package, connected.

    resources: what a seat that draws takes. Raises InputError for what is no address, MachineError when Ray is missing, nobody answers, or the versions
    do not go together.
    """

    def __init__(self, address: str | None, resources: Resources) -> None:
        self.ray, self.name, self.resources = _connect(address), address or "this machine", resources


def _connect(address: str | None) -> Any:
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"  # else a call in a thread that comes after our leaving starts a cluster of its own
    try:
        import ray
    except ImportError as problem:
        raise MachineError(f"--executor ray needs the package ray ({problem}); pip install 'signgen[cluster]'") from None
    if address is not None:
        _reach(address)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    # what a cluster says to a terminal would tear our progress line; its own logs keep it
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    try:
        ray.init(address=address or "auto", namespace="signgen", **quiet)
    except ConnectionError as problem:
        wanted = f"at {address}" if address else "on this machine"
        raise MachineError(f"no Ray cluster {wanted}: {first_line(problem)}; `ray start --head` starts one, `ray start --address HOST:PORT` joins it") from None
    except (RuntimeError, ValueError, OSError, ray.exceptions.RayError) as problem:
        raise MachineError(f"the Ray cluster at {address or os.environ.get('RAY_ADDRESS', 'this machine')} cannot be used: {first_line(problem)}") from None
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)  # Ray's own would end us with another status
    # what the machines of a cluster report would still be printed into ours; Ray has no public way to say no
    ray._private.worker._worker_logs_enabled = False
    return ray


def _reach(address: str) -> None:
    """Ray itself tries for a minute and then ends the process."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536 or "/" in host:
        raise InputError(f"--address {address}: not HOST:PORT of a Ray cluster's head, such as 10.0.0.1:6379")
    try:
        knock(address)
    except OSError as problem:
        raise MachineError(f"no Ray cluster at {address}: {problem.strerror or problem}") from None


def knock(address: str) -> None:
    """Raises OSError when nobody listens at HOST:PORT."""
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), _CONNECT).close()


def first_line(problem: BaseException) -> str:
    """What an exception of Ray says first that says something; its stack traces are of no use on a terminal."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return lines[0].rstrip(".:") if lines else type(problem).__name__
