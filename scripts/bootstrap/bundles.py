"""What goes into build/, and under which name.

    build/
      assets/main-HASH.js     a page's code, with the chunks it shares or loads later
      assets/app-HASH.css     all of pwa/styles, in the order of their names
      sw.js                   the service worker: one classic script, never renamed
      manifest.webmanifest  icons/  fonts/      as they are in pwa/
      NAME.gz                 a text as it is sent, packed once
      manifest.json           {"version", "files": {"main.js": "assets/main-HASH.js"}, "precache": ["/assets/…"]}

The server gives every file at the same path from its root.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from scripts.bootstrap import places, wording
from scripts.bootstrap.node import Node
from scripts.bootstrap.programs import run_quietly
from scripts.bootstrap.progress import Stop

# name -> where its first line of code may be; only `main` must be there.
_PAGES = {
    "main": ("pwa/main.tsx", "pwa/main.ts"),
    "office": ("pwa/office/main.tsx", "pwa/office/main.ts"),
    "operations": ("pwa/operations/main.tsx", "pwa/operations/main.ts"),
}
# Screens of the office, which a phone on the site never downloads beforehand.
_LATER = ("pwa/office/", "pwa/operations/")
_WORKER = "service-worker/main.ts"
_COPIED = ("manifest.webmanifest", "icons", "fonts")
# Pictures that only an installation asks for are not kept on the phone beforehand.
_PRECACHED_KINDS = (".svg", ".webmanifest", ".woff2")
_ESBUILD = places.NODE_MODULES / "esbuild" / "bin" / "esbuild"
_COMMON = ("--bundle", "--minify", "--sourcemap", "--target=es2022", "--log-level=warning", "--legal-comments=eof")
_TERSER = places.NODE_MODULES / "terser" / "bin" / "terser"
_SQUEEZE = (
    "--compress",
    "passes=5,ecma=2022,keep_fargs=false,unsafe_arrows",
    "--mangle",
    "--ecma=2022",
    "--toplevel",
    "--comments=some",
)

# Words that only our own code and preact's call by name: no browser, no wire and no database knows them, so that they
# may become short. Data is snake_case and keeps its names.
_OWN_WORDS = (
    r"^(apply|drop|save|set|take|want|laid|export|provisional|send|new|sign|mark|comments|events|key|has|is)"
    r"(Update|Draft|Dirty|Filters|Message|Search|Asking|Children|Outbox|Rows|Number|Now|Id|In|Out|Of|Work|Offline)$"
    r"|^(component[A-Z]|getDerivedStateFrom|getSnapshotBefore|shouldComponent|getChildContext|forceUpdate|setState$)"
    r"|^debounceRendering$"
)


def build(node: Node, into: Path, version: str) -> None:
    """Writes everything the server gives to browsers into the new folder `into`."""
    into.mkdir(parents=True)
    source = into / "source"  # what is bundled: pwa/ with its words numbered
    shutil.copytree(places.ROOT / "pwa", source / "pwa")
    wording.number(source / "pwa")
    outputs = _bundle_pages(node, into, source, version)
    shutil.rmtree(source)
    static = _copy_static(into)
    files = {name: path for path, output in outputs.items() if (name := _page_name(path, output))}
    precache = [f"/{path}" for path in sorted(_shell(outputs, files) | static)]
    _bundle_worker(node, into, version, precache)
    manifest = {"version": version, "files": {**files, "sw.js": "sw.js"}, "precache": precache}
    run_quietly([places.VENV_PYTHON, "-m", "scripts.bootstrap.packing", into], failure="The app could not be packed")
    (into / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def _bundle_pages(node: Node, into: Path, source: Path, version: str) -> dict[str, dict[str, Any]]:
    """Bundles pages and styles; esbuild's account of each output by its path in `into`."""
    styles, account = source / "app.css", into / "account.json"
    styles.write_text("".join(f'@import "{path}";\n' for path in sorted((source / "pwa/styles").glob("*.css"))))
    _esbuild(
        node,
        *(f"{name}={source / path}" for name, path in _entries().items()),
        f"app={styles}",
        "--format=esm",
        "--splitting",
        "--tsconfig=tsconfig.page.json",
        f"--define:__VERSION__={json.dumps(version)}",
        f"--outdir={into / 'assets'}",
        "--entry-names=[name]-[hash]",
        "--chunk-names=[name]-[hash]",
        "--asset-names=[name]-[hash]",
        "--loader:.woff2=file",
        "--loader:.json=file",  # words are data: fetched beside the code, hashed and kept like it
        "--external:/icons/*",
        "--external:/fonts/*",
        f"--metafile={account}",
    )
    outputs = json.loads(account.read_text())["outputs"]
    account.unlink()
    words = into / "words.json"  # so that a word becomes the same in every chunk
    for script in (into / "assets").glob("*.js"):
        _squeeze(node, script, "--module", "--mangle-props", f"regex=/{_OWN_WORDS}/", "--name-cache", str(words))
    words.unlink()
    for output in outputs.values():
        if "entryPoint" in output:
            output["entryPoint"] = _path_in(source, output["entryPoint"])
    return {_path_in(into, name): output for name, output in outputs.items() if not name.endswith(".map")}


def _entries() -> dict[str, str]:
    found = {name: path for name, paths in _PAGES.items() for path in paths if (places.ROOT / path).is_file()}
    if "main" not in found:
        raise Stop(f"There is no {_PAGES['main'][0]} to build the app from: this checkout is not complete.")
    return found


def _copy_static(into: Path) -> set[str]:
    """Copies what needs no building; the paths that the service worker keeps."""
    for name in _COPIED:
        source = places.ROOT / "pwa" / name
        if source.is_dir():
            shutil.copytree(source, into / name)
        elif source.is_file():
            shutil.copy(source, into / name)
    copied = (path.relative_to(into) for name in _COPIED for path in [into / name, *(into / name).rglob("*")])
    return {str(path) for path in copied if path.suffix in _PRECACHED_KINDS and (into / path).is_file()}


def _page_name(path: str, output: dict[str, Any]) -> str | None:
    """`main.js` for assets/main-HASH.js; None for a chunk, which only other code names."""
    if path.endswith(".css"):
        return "app.css"
    return next((f"{name}.js" for name, source in _entries().items() if source == output.get("entryPoint")), None)


def _shell(outputs: dict[str, dict[str, Any]], files: dict[str, str]) -> set[str]:
    """The page's code and all it may load on the site, with its styles."""
    reached: set[str] = set()
    waiting = [path for name, path in files.items() if name in ("main.js", "app.css")]
    while waiting:
        path = waiting.pop()
        if path in reached or outputs[path].get("entryPoint", "").startswith(_LATER):
            continue
        reached.add(path)
        waiting += [match for use in outputs[path]["imports"] if (match := _ending(outputs, use["path"]))]
    return reached


def _ending(outputs: dict[str, dict[str, Any]], name: str) -> str | None:
    return next((path for path in outputs if name.endswith(path)), None)


def _bundle_worker(node: Node, into: Path, version: str, precache: list[str]) -> None:
    if not (places.ROOT / _WORKER).is_file():
        raise Stop(f"There is no {_WORKER} to build the app from: this checkout is not complete.")
    _esbuild(
        node,
        _WORKER,
        "--format=iife",
        "--tsconfig=tsconfig.worker.json",
        f"--define:__VERSION__={json.dumps(version)}",
        f"--define:__PRECACHE__={json.dumps(precache)}",
        f"--outfile={into / 'sw.js'}",
    )
    _squeeze(node, into / "sw.js")


def _path_in(into: Path, name: str) -> str:
    return str((places.ROOT / name).resolve().relative_to(into.resolve()))


def _esbuild(node: Node, *arguments: str) -> None:
    run_quietly([node.program, _ESBUILD, *_COMMON, *arguments], failure="The app could not be built")


def _squeeze(node: Node, script: Path, *arguments: str) -> None:
    """Minifies a bundle once more: terser inlines what esbuild leaves, 4 % of what a phone downloads."""
    map_of = f"content='{script}.map'"  # the map lies beside; the script does not carry its address to every phone
    squeezed = ("--output", script, "--source-map", map_of)
    run_quietly(
        [node.program, _TERSER, script, *_SQUEEZE, *arguments, *squeezed], failure="The app could not be made small"
    )
