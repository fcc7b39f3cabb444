"""Every setting of the server, read once from the environment; `python -m server.settings` prints docs/SETTINGS.md."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

PREFIX: Final = "HOLDFAST_"


def _setting(default: Any, unit: str, text: str, **limits: Any) -> Any:
    """A field with its default, its unit (shown in the page, "" where it has none) and one line of help."""
    return Field(default=default, description=text, json_schema_extra={"unit": unit}, **limits)


class Settings(BaseSettings):
    """The server's settings, each from `HOLDFAST_<NAME>`; a secret also from the file `HOLDFAST_<NAME>_FILE`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    data_folder: Path = _setting(Path("data"), "path", "Folder of both databases and the keys; made at first start.")
    objects_folder: str = _setting(
        "", "path", "Folder of the photos; empty: objects in DATA_FOLDER. Made when the first photo arrives."
    )
    max_photo_bytes: int = _setting(
        67_108_864, "bytes", "Largest file of a photo that is taken.", ge=65_536, le=2_147_483_647
    )
    build_folder: Path = _setting(Path("build"), "path", "Folder of the built client (scripts/build writes it).")
    host: str = _setting("127.0.0.1", "address", "Address the server listens on.")
    port: int = _setting(8000, "port", "Port the server listens on; 0 takes a free one.", ge=0, le=65535)
    public_url: str = _setting("", "URL", "How people reach the server, like https://site.example; empty: localhost.")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = _setting(
        ("localhost", "127.0.0.1", "[::1]"),
        "host names",
        "Host headers that are answered, with commas between; the host of PUBLIC_URL is always among them.",
    )
    trusted_proxies: str = _setting(
        "", "addresses", "Proxies whose X-Forwarded-For and -Proto are believed, with commas between; empty: none."
    )
    secret: SecretStr = _setting(
        SecretStr(""), "text", "Key of cookies, at least 32 characters; empty: made at first start in keys/secret."
    )
    session_idle_days: int = _setting(30, "days", "Days without a visit after which a sign-in ends.", ge=1)
    session_max_days: int = _setting(90, "days", "Days after which a sign-in ends in any case.", ge=1)
    readers: int = _setting(3, "connections", "Connections that read the punch list at the same time.", ge=1, le=64)
    group_max: int = _setting(
        16,
        "pushes",
        "Pushes that may share one write to the disk; more share it better, but wait longer.",
        ge=1,
        le=1000,
    )
    job_threads: int = _setting(
        2,
        "threads",
        "Background jobs that run at the same time in this process; 0: other processes run them.",
        ge=0,
        le=64,
    )
    busy_timeout_ms: int = _setting(5000, "ms", "How long a write waits for another process that writes.", ge=0)
    body_timeout_s: int = _setting(60, "s", "How long a request's body may take to arrive.", ge=1)
    keep_alive_s: int = _setting(75, "s", "How long an idle connection stays open.", ge=1)
    shutdown_s: int = _setting(
        10, "s", "How long running requests and jobs may take to end when the server stops.", ge=1
    )
    log_level: str = _setting("info", "level", "Least level that is logged: debug, info, warning or error.")

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("secret")
    @classmethod
    def _is_long(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < 32:
            raise ValueError("must have at least 32 characters")
        return value

    @field_validator("public_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("must look like https://site.example")
        return value.rstrip("/")

    @property
    def url(self) -> str:
        """Where people open the app, without a slash at the end."""
        return self.public_url or f"http://localhost:{self.port}"

    @property
    def is_secure(self) -> bool:
        """Whether people reach the server over TLS: then cookies are `__Host-` and `Secure`."""
        return self.public_url.startswith("https://")

    @property
    def hosts(self) -> frozenset[str]:
        """Host names, lower case and without port, that are answered."""
        public = urlsplit(self.public_url).hostname
        return frozenset(host.lower() for host in (*self.allowed_hosts, *([public] if public else [])))

    @property
    def punchlist_path(self) -> Path:
        """The database of everything a device syncs."""
        return self.data_folder / "punchlist.db"

    @property
    def objects_path(self) -> Path:
        """The folder of the photos' bytes."""
        return Path(self.objects_folder) if self.objects_folder else self.data_folder / "objects"

    @property
    def core_path(self) -> Path:
        """The database of sign-ins, jobs and the audit chain."""
        return self.data_folder / "core.db"

    @property
    def secret_path(self) -> Path:
        """Where the key is kept when none is set."""
        return self.data_folder / "keys" / "secret"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _SecretFiles(settings_cls)


class _SecretFiles(PydanticBaseSettingsSource):
    """Reads a secret from the file that `HOLDFAST_<NAME>_FILE` names, as container platforms hand them over."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE") if field.annotation is SecretStr else None
        return (Path(path).read_text().strip() if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        found = ((name, self.get_field_value(field, name)[0]) for name, field in self.settings_cls.model_fields.items())
        return {name: value for name, value in found if value is not None}


def page() -> str:
    """The text of docs/SETTINGS.md."""
    lines = [
        "# Settings",
        "",
        "Made by `python -m server.settings`. Every setting is read once, at the start, from the environment.",
        f"A secret may also stand in a file: `{PREFIX}SECRET_FILE=/run/secrets/key` instead of `{PREFIX}SECRET`.",
        "",
        "| variable | unit | default | what it does |",
        "|---|---|---|---|",
    ]
    lines += [_line(name, field) for name, field in Settings.model_fields.items()]
    return "\n".join(lines) + "\n"


def _line(name: str, field: FieldInfo) -> str:
    default = field.default
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if isinstance(default, tuple):
        default = ",".join(default)
    extra = field.json_schema_extra
    unit = extra["unit"] if isinstance(extra, dict) else ""
    return (
        f"| `{PREFIX}{name.upper()}` | {unit} | {f'`{default}`' if str(default) else 'empty'} | {field.description} |"
    )


if __name__ == "__main__":
    print(page(), end="")
