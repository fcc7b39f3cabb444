"""Where things lie in the checkout."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

BUILD = ROOT / "build"
NODE_MODULES = ROOT / "node_modules"
REQUIREMENTS = ROOT / "requirements"
VENV = ROOT / ".venv"
VENV_BIN = VENV / "bin"
VENV_PYTHON = VENV_BIN / "python"

# What set-up notes for itself: its lock and the log of what it ran.
NOTES = ROOT / ".setup"
LOCK = NOTES / "lock"
LOG = NOTES / "log"
