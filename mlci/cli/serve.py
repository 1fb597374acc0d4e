"""``mlci serve``: answer with the version of a stage, follow it, and let requests end before stopping."""

from __future__ import annotations

import gc
import re
import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlci.cli.numbers import whole_number
from mlci.cli.serving import known_here
from mlci.cli.training import STATE, Order, asked_of, recipe_of
from mlci.domain.card import ARTIFACT
from mlci.errors import Exit, ExtraMissing, MlciError, Place, RegistryBroken, UsageError

if TYPE_CHECKING:
    from mlci.adapters.serving.face import Server
    from mlci.adapters.serving.following import Follower
    from mlci.adapters.serving.known import Known
    from mlci.adapters.serving.loaded import Loaded
    from mlci.cli.invocation import Invocation
    from mlci.ports import Registry, Version

_UNITS = {"s": 1, "m": 60, "h": 3600}
_SHORTEST = 0.1
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Requests that are at work when the server is stopped have so long to end; seconds.
_DRAINED = 30.0


def run(invocation: Invocation) -> Exit:
    """Serve until told to stop."""
    # Other commands are short and go without; this one is not.
    gc.enable()
    own = invocation.own
    every, workers, port = _span(own["every"]), whole_number(own, "workers", 1, 64), whole_number(own, "port", 0, 65535)
    try:
        from mlci.adapters.serving.face import Server
        from mlci.adapters.serving.following import Follower
        from mlci.adapters.serving.shelf import shelf
    except ImportError as error:
        raise ExtraMissing("serving needs numpy", help='pip install "mlci[gate]"') from error
    stop = _Stop()
    order = Order(
        config=invocation.resolved.config, file=own["config"], environ=invocation.environ, profile=None, run=None
    )
    with shelf(str(order.state / "serve")) as folder:
        registry = _Registry(order)

        def load(version: Version) -> Loaded:
            return _load(order, registry, folder, workers or 1, version)

        follower = Follower(lambda: registry.pointed(own["stage"]), load, own["stage"], _say)
        with _listening(Server, own["host"], port or 0, follower, workers or 1) as server:
            return _served(server, follower, every, stop, own["host"])


def _served(server: Server, follower: Follower, every: float, stop: _Stop, host: str) -> Exit:
    click.echo(f"listening at {server.url}")
    if host not in _LOOPBACK:
        _say(f"whoever reaches {host} may ask: the server knows no users")
    answering = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    looking = threading.Thread(target=follower.run, args=(stop.asked, every), daemon=True)
    answering.start()
    looking.start()
    while not stop.asked.wait(1.0):
        server.sweep()
    _say("stopping: requests that are at work end first")
    if not server.drain(_DRAINED):
        _say(f"some requests were not over after {_DRAINED:g} s")
    follower.close()
    return Exit.INTERRUPTED if stop.interrupted else Exit.PASS


class _Stop:
    """SIGTERM and an interrupt ask for the end; the second interrupt does not wait for it."""

    def __init__(self) -> None:
        self.asked, self.interrupted = threading.Event(), False
        signal.signal(signal.SIGTERM, self._asked)
        signal.signal(signal.SIGINT, self._asked)

    def _asked(self, number: int, _: object) -> None:
        if self.asked.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.interrupted = self.interrupted or number == signal.SIGINT
        self.asked.set()


def _listening(server: type[Server], host: str, port: int, follower: Follower, workers: int) -> Server:
    try:
        return server(host, port, follower, workers)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "this is no address"
        raise UsageError(f"cannot listen at {host[:100]!a}, port {port}: {why}", place=Place("--host")) from error


class _Registry:
    """The registry, opened anew after it failed: the patience of one is for a run, not for a server's life."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self.opened: Registry = self._open()
        # A name that is missing is said at once, not by a server that never answers.
        self._model = order.model

    def _open(self) -> Registry:
        from mlci.adapters.mlflow import open_registry
        from mlci.adapters.remote.patience import Patience

        order = self._order
        return open_registry(
            order.config.registry.uri, order.environ, folder=str(order.folder), writing=False,
            patience=Patience(attempts=3, budget=30.0),
        )  # fmt: skip

    def pointed(self, stage: str) -> Version | None:
        """The version that a stage is at: by its alias, else by what the ledger says."""
        try:
            if self.opened.has_aliases:
                return self.opened.aliased(self._model, stage)
            return self._decided(stage)
        except MlciError:
            self.opened = self._open()
            raise

    def _decided(self, stage: str) -> Version | None:
        from mlci.cli.forge import forge_of
        from mlci.cli.ledger import book_of, ledger_of

        order = self._order
        ledger = ledger_of(forge_of(order.environ, None, order.file), order.environ, order.file)
        head = book_of(ledger, self._model).head()
        standing = head.entry.standing(stage) if head is not None else None
        if standing is None:
            return None
        version = self.opened.numbered(self._model, standing.at.version)
        if version is None or version.tags.get(ARTIFACT) != standing.at.artifact:
            raise RegistryBroken(
                f"version {standing.at.version} of the registry is not what the ledger says it is",
                place=Place(self.opened.address),
            )
        return version


def _load(order: Order, registry: _Registry, folder: Path, workers: int, version: Version) -> Loaded:
    from mlci.adapters.git.repository import Repository
    from mlci.adapters.models.production import Bench
    from mlci.adapters.serving.child import printed
    from mlci.adapters.serving.opening import Opening

    def known(version: Version) -> Known:
        return known_here(order.config, order.file, order.environ, registry.opened, version)

    bench = Bench(
        interpreter=recipe_of(order, folder)[1],
        repository=Repository.find(str(order.folder), order.environ),
        folder=str(order.folder / STATE),
        environ=order.environ,
        trusted=False,
    )
    asked = replace(asked_of(order.config), command=None)
    opening = Opening(
        registry=registry.opened, asked=asked, bench=bench, workers=workers, known=known, say=_say, log=printed
    )
    return opening(version)


def _span(text: str) -> float:
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smh])", text.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found is not None else 0.0
    if not _SHORTEST <= seconds <= 86_400:
        raise UsageError(
            f"--every is {text[:40]!a}, which is no time", place=Place("--every"), help="write it as 10s, 5m or 1h"
        )
    return seconds


def _say(line: str) -> None:
    from mlci.render.escape import terminal

    click.echo(f"mlci serve: {terminal(line, 1000)}", err=True)
