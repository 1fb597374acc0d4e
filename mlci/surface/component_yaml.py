"""Components as YAML: a header of inputs and a document of jobs, so written that no input breaks out of its place."""

from __future__ import annotations

from typing import Any

from mlci.surface.schema import BANNER

ANCHOR = "start"


class Quoted(str):
    """A text in double quotes: what an input fills in stays one text, whatever it holds."""


class Script(str):
    """A script, as it is. One that several jobs have is written once, so that a reader sees that it is the same."""


class Row(dict[str, Any]):
    """A mapping on one line."""


def filled(name: str) -> Quoted:
    """The place that an input of type string fills."""
    return Quoted(f"$[[ inputs.{name} ]]")


def whole(name: str) -> str:
    """The place that an input of type array fills."""
    return f"$[[ inputs.{name} ]]"


def component_text(source: str, about: str, header: dict[str, Any], jobs: dict[str, Any]) -> str:
    """A component: where it comes from, what it is, its header and its jobs."""
    described = _dumped({"spec": header}, width=116)
    return f"# {BANNER.format(source=source)}\n# {about}\n{described}---\n{_dumped(jobs, width=10_000)}"


def _dumped(content: dict[str, Any], width: int) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return not isinstance(data, Script)

        def generate_anchor(self, node: Any) -> str:
            return "setup" if "MLCI_SETUP" in node.value else ANCHOR

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
            super().increase_indent(flow, False)

    def quoted(dumper: Any, text: Quoted) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')

    def script(dumper: Any, text: Script) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")

    def row(dumper: Any, mapping: Row) -> Any:
        return dumper.represent_mapping("tag:yaml.org,2002:map", dict(mapping), flow_style=True)

    Dumper.add_representer(Quoted, quoted)
    Dumper.add_representer(Script, script)
    Dumper.add_representer(Row, row)
    written: str = yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=width)
    return written
