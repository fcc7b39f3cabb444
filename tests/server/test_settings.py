"""Settings: documented, read once, and from nowhere else."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
from pydantic import ValidationError

from server.keys import secret_of
from server.settings import PREFIX, Settings, page

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_settings_is_current() -> None:
    assert (ROOT / "docs" / "SETTINGS.md").read_text() == page(), "run: python -m server.settings > docs/SETTINGS.md"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_has_a_unit_a_default_and_one_line_of_help(name: str) -> None:
    field = Settings.model_fields[name]
    assert not field.is_required()
    assert field.description is not None
    assert field.description.endswith(".")
    assert isinstance(field.json_schema_extra, dict)
    assert field.json_schema_extra["unit"]
    assert f"`{PREFIX}{name.upper()}`" in page()


def test_only_the_settings_read_the_environment() -> None:
    readers = [
        path.relative_to(ROOT).as_posix()
        for path in [*(ROOT / "server").rglob("*.py"), *(ROOT / "sync").rglob("*.py")]
        if re.search(r"os\.environ|os\.getenv|getenv\(", path.read_text())
    ]
    assert readers == ["server/settings.py"]


def test_settings_cannot_be_changed_after_they_were_read() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1


def test_a_setting_comes_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_PORT", "81")
    monkeypatch.setenv("HOLDFAST_ALLOWED_HOSTS", "a.example, B.example")
    monkeypatch.setenv("HOLDFAST_PUBLIC_URL", "https://site.example/")
    settings = Settings()
    assert (settings.port, settings.url, settings.is_secure) == (81, "https://site.example", True)
    assert settings.hosts == {"a.example", "b.example", "site.example"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "70000"), ("PORT", "x"), ("SECRET", "short"), ("PUBLIC_URL", "site.example"), ("READERS", "0")],
)
def test_a_wrong_value_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_a_secret_comes_from_a_file_and_is_shown_nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k" * 40 + "\n")
    monkeypatch.setenv("HOLDFAST_SECRET_FILE", str(tmp_path / "key"))
    settings = Settings()
    assert secret_of(settings) == b"k" * 40
    assert "kkk" not in repr(settings)


def test_the_key_is_made_once_and_kept(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path)
    first = secret_of(settings)
    assert secret_of(settings) == first
    assert len(first) == 64
    assert stat.S_IMODE(settings.secret_path.stat().st_mode) == 0o600
    assert [path.name for path in settings.secret_path.parent.iterdir()] == ["secret"]
