"""`python -m tests.authorisation.page` prints docs/AUTHORISATION.md from the two tables."""

from __future__ import annotations

from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent

HEAD: Final = """# Who may do what

Written by `python -m tests.authorisation.page > docs/AUTHORISATION.md` from the tables that `tests/authorisation` holds
the running server to. A mutation, role or route that is not in them fails the tests.

What a full pull and its counts hold is compared, after random histories with changing rights, with one SQL statement
that says who may see which row (`tests/authorisation/visible.py`).
"""


def page() -> str:
    """The text of docs/AUTHORISATION.md."""
    parts = [HEAD]
    for title, name in (("Mutations", "matrix.txt"), ("Routes", "routes.txt")):
        lines = (HERE / name).read_text().splitlines()
        said = "\n".join(line[2:] for line in lines if line.startswith("#"))
        table = "\n".join(line for line in lines if not line.startswith("#"))
        parts.append(f"## {title}\n\n{said}\n\n```text\n{table}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    print(page(), end="")
