"""Numbers the words that phones download: `words.item.gone` becomes `words[57]`, en.json a list of those in use.

The names of words are for those who write and translate; on a phone they are a tenth of the code for nothing. A table
that code looks words up in, such as `words.status`, keeps the names inside of it.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from scripts.bootstrap.progress import Stop

_FILE = "locales/en.json"
_USE = re.compile(r"(?<![\w./])words((?:\.\w+)+)")


def number(pwa: Path) -> None:
    """Rewrites the copy of pwa/ in place; raises `Stop` where code names a word that does not exist."""
    tree: dict[str, Any] = json.loads((pwa / _FILE).read_text())
    sources = {path: path.read_text() for path in sorted((pwa / "views").glob("*.ts*"))}
    uses = Counter(use for text in sources.values() for use in _USE.findall(text))
    places = {use: place for place, (use, _) in enumerate(uses.most_common())}  # the usual ones have the short numbers
    chosen = [_word_at(tree, use) for use in places]
    for path, text in sources.items():
        path.write_text(_USE.sub(lambda use: f"words[{places[use[1]]}]", text))
    (pwa / _FILE).write_text(json.dumps(chosen, ensure_ascii=False, separators=(",", ":")))


def _word_at(tree: dict[str, Any], path: str) -> Any:
    found: Any = tree
    for key in path.removeprefix(".").split("."):
        if not isinstance(found, dict) or key not in found:
            raise Stop(f"The app's code says words{path}, which is not in pwa/{_FILE}.")
        found = found[key]
    return found
