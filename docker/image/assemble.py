"""Puts together what the images hold, out of a finished environment: run by the Dockerfile, in its first stage.

The images have no distribution of their own below them: they hold the interpreter, the libraries that it and the packages
load, certificates, time zones, and a shell for whoever looks around. What is not there needs no update.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

TABLES = ("altair", "deltalake", "vl-convert-python")
"""What only the archive and the reports of a replay need. They and what only they need make the second image larger."""

LEFT_OUT = ("test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "pydoc_data", "site-packages")
"""Folders of the standard library that no process of the product imports."""
TESTING = ("sqlalchemy/testing", "alembic/testing")
"""What those packages offer to the tests of others, under names of their own."""
STRIPPED_BYTES = 5_000_000
"""Of libraries that are larger, symbols for debuggers are removed."""
PROGRAMS = ("/bin/sh", "/bin/sleep", "/bin/ls", "/bin/cat")
DATA = ("/etc/ssl/certs/ca-certificates.crt", "/usr/share/zoneinfo", "/usr/lib/locale/C.utf8", "/etc/nsswitch.conf")


def name_of(requirement: str) -> str:
    """The normalised name of a distribution in a requirement."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def reached(
    site: Path, roots: Iterable[str], without: frozenset[str] = frozenset()
) -> dict[str, metadata.Distribution]:
    """Distributions that the roots need, directly or not; those in `without` and what only they need are left out."""
    there = {name_of(one.metadata["Name"]): one for one in metadata.distributions(path=[str(site)])}
    found: dict[str, metadata.Distribution] = {}
    waiting = [name for name in roots if name in there]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = there[name]
            needs = [name_of(one) for one in there[name].requires or () if "extra ==" not in one]
            waiting += [one for one in needs if one in there and one not in without]
    return found


def move_tables(site: Path, to: Path) -> None:
    """Moves the packages that only the second image has out of the environment."""
    kept = reached(site, ["claims-screening"], frozenset(TABLES))
    for name, one in reached(site, TABLES).items():
        if name not in kept:
            for top in {file.parts[0] for file in one.files or () if file.parts[0] not in ("..", "__pycache__")}:
                target = to / top
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(site / top, target)


def slim(site: Path) -> None:
    """Removes symbols for debuggers, and the tests that packages bring along."""
    for folder in [path for path in site.rglob("tests") if path.is_dir()] + [site / one for one in TESTING]:
        shutil.rmtree(folder)
    # A library whose headers were patched when its wheel was made is damaged by strip. Those are never the large ones that
    # were linked whole.
    for library in site.rglob("*.so"):
        if library.stat().st_size > STRIPPED_BYTES and not library.parent.name.endswith(".libs"):
            subprocess.run(["strip", "--strip-unneeded", library], check=True)


def needed(files: Iterable[Path]) -> Iterator[Path]:
    """The shared libraries of the system that the files load, by the paths at which the loader looks for them."""
    for file in files:
        told = subprocess.run(["ldd", file], capture_output=True, text=True, check=False).stdout
        yield from (Path(path) for path in re.findall(r"(/\S+) \(0x", told))


def put(source: Path, root: Path) -> None:
    """Copies a file or a folder to the same place below the root, and what it links to."""
    place = Path("/usr") / source.relative_to("/") if source.parts[1] in ("bin", "lib", "lib64") else source
    target = root / place.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    elif not target.exists():
        shutil.copy2(source, target)


def system(root: Path, environment: Path) -> None:
    """Everything below the environment: interpreter, standard library, loader, libraries, certificates, time zones, a shell."""
    for folder in ("bin", "lib", "lib64"):
        (root / "usr" / folder).mkdir(parents=True, exist_ok=True)
        (root / folder).symlink_to(f"usr/{folder}")
    for folder in ("proc", "sys", "dev", "run", "etc", "var/lib", "tmp"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    interpreter = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    put(interpreter, root)
    for link in environment.glob("bin/python*"):
        named = root / link.readlink().relative_to("/") if link.readlink().is_absolute() else None
        if named is not None and not named.exists():
            named.symlink_to(interpreter)
    ignored = shutil.ignore_patterns("__pycache__", *LEFT_OUT, "config-*")
    shutil.copytree(library, root / library.relative_to("/"), ignore=ignored, dirs_exist_ok=True)
    programs = [Path(one) for one in PROGRAMS]
    loading = [interpreter, *programs, *library.glob("lib-dynload/*.so"), *environment.rglob("*.so*")]
    own = (str(environment), "/opt/tables")
    for path in {*programs, *(one for one in needed(loading) if not str(one).startswith(own))}:
        put(path, root)
    for path in map(Path, DATA):
        if path.exists():
            put(path, root)
    (root / "etc/passwd").write_text("screening:x:10001:10001::/var/lib/screening:/bin/sh\n", "ascii")
    (root / "etc/group").write_text("screening:x:10001:\n", "ascii")


def main(environment: Path, tables: Path, root: Path) -> None:
    """Takes the environment apart and writes the root of the images."""
    (site,) = environment.glob("lib/python*/site-packages")
    slim(site)
    system(root, environment)
    move_tables(site, tables / site.relative_to(environment))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
