"""Renders pages. Those that phones keep are the same for everybody: nothing of a user may be in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from server.client_build import file_of

if TYPE_CHECKING:
    from server.client_build import Build, ClientBuild, File

TEMPLATES: Final = Path(__file__).parent / "templates"

MEDIA_TYPE: Final = "text/html; charset=utf-8"

NOT_BUILT: Final = "not_built.html"


class Pages:
    """The pages of the present build, each rendered once."""

    def __init__(self, build: ClientBuild) -> None:
        self._build = build
        loader = FileSystemLoader(TEMPLATES)
        self._environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
        self._rendered: dict[tuple[str, str], File] = {}

    def page(self, template: str, script: str) -> File:
        """The page of `template` with the script of that name. Raises `Refused` (`not_built`)."""
        build = self._build.current()
        key = (template, build.version)
        if key not in self._rendered:
            self._rendered = {other: file for other, file in self._rendered.items() if other[1] == build.version}
            self._rendered[key] = self._render(template, script, build)
        return self._rendered[key]

    def filled(self, template: str, script: str, **values: object) -> str:
        """A page of the moment, not to be kept. Raises `Refused` (`not_built`)."""
        return self._text(template, script, self._build.current(), values)

    def not_built(self) -> str:
        """What a browser shows where the client is missing."""
        return self._environment.get_template(NOT_BUILT).render()

    def _render(self, template: str, script: str, build: Build) -> File:
        return file_of(self._text(template, script, build, {}).encode(), MEDIA_TYPE)

    def _text(self, template: str, script: str, build: Build, values: dict[str, object]) -> str:
        names = {"script": build.names.get(script), "style": build.names.get("app.css")}
        paths = {name: f"/{path}" if path else None for name, path in names.items()}
        return self._environment.get_template(template).render(**paths, **values)
