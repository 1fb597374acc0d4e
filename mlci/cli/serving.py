"""How it is seen that what serves a stage has followed it: ``promote.verify`` of the configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mlci.cli.training import Order, asked_of, folder_of, holdout_of
from mlci.errors import Contradiction, ExtraMissing, FileMissing, Place, RequiredMissing

if TYPE_CHECKING:
    from mlci.adapters.serving.known import Known
    from mlci.config.model import Config
    from mlci.ports import Registry, Version
    from mlci.ports.release import Serving


def serving_of(
    config: Config,
    stage: str,
    *,
    registry: Registry,
    environ: Mapping[str, str],
    file: str,
    say: Callable[[str], None],
    strict: bool = True,
) -> Serving | None:
    """What answers with the model of a stage; None where the configuration names nothing to ask.

    Args:
        config: that decides.
        stage: that was promoted to.
        registry: that keeps what versions must answer.
        environ: of this process.
        file: the configuration file; its folder is where the command runs and the holdout lies.
        say: told what could not be seen.
        strict: whether a version that nothing is known of is refused; a rollback goes on without.

    Raises:
        OutOfRange, Contradiction: the keys cannot be used.
    """
    probe, key = config.promote.verify.get(stage), f"promote.verify.{stage}"
    if probe is None:
        return None
    if (probe.url is None) == (probe.command is None):
        cause = "names both an address and a command" if probe.url is not None else "names nothing to ask"
        raise Contradiction(f"{key} {cause}", place=Place(key), help="write one of url and command")
    if probe.command is not None:
        from mlci.adapters.serving.command import CommandServing

        folder = str(folder_of(file))
        return CommandServing(probe.command, stage, environ, folder, say, timeout=probe.timeout.seconds)
    from mlci.adapters.serving.asking import Asking

    asking = Asking(probe.url or "", f"{key}.url")
    try:
        from mlci.adapters.serving.probe import HttpServing
    except ImportError as error:
        raise ExtraMissing(
            "asking what serves for a prediction needs numpy", help='pip install "mlci[gate]"'
        ) from error

    def find(version: Version) -> Known:
        return known_here(config, file, environ, registry, version)

    return HttpServing(asking, find, say, timeout=probe.timeout.seconds, strict=strict)


def known_here(config: Config, file: str, environ: Mapping[str, str], registry: Registry, version: Version) -> Known:
    """Examples of this machine's holdout that a version is known to answer.

    Raises:
        FileMissing: there is no holdout here, or the version keeps no predictions of it.
    """
    from mlci.adapters.serving.known import known_of

    order = Order(config=config, file=file, environ=environ, profile=None, run=None)
    try:
        holdout = holdout_of(order)
    except RequiredMissing as error:
        raise FileMissing(error.cause, place=error.place, help=error.help) from error
    return known_of(version, registry, holdout, asked_of(config))
