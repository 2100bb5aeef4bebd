"""The house rules, each a function from files to offences, so that each can be tried on a planted offender.

An offence is one line of text, ``path:line: what is wrong``. What no rule here can see: a rule is about the
text of a file, not about what runs; the import rules are import-linter's, in pyproject.toml.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from tests.shared import ROOT

LONGEST = 350
LONGEST_LINE_OF_SCRIPT = 400
CODE_SUFFIXES = {".py", ".toml", ".html", ".css", ".js", ".mjs", ".sh", ".yml", ".yaml"}
TEXT_SUFFIXES = CODE_SUFFIXES | {".md", ".txt", ".in", ".json", ".svg", ".mako", ".ini", ".cfg", ""}
SCRIPT_SUFFIXES = {".js", ".mjs", ".cjs", ".ts", ".jsx", ".tsx", ".wasm"}
OUR_SCRIPTS = "tradelane/gateway/web/"
NAMED = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class File:
    """One file of the repository: its path from the root, with slashes, and its text."""

    path: str
    text: str

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.path).suffix

    @property
    def is_product(self) -> bool:
        """Whether it is code that people run, not tests or tools."""
        return self.path.startswith(("tradelane/", "firmware_sim/")) and self.suffix == ".py"

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Everything in its tree: walked once for all the rules."""
        return list(ast.walk(self.tree))

    @cached_property
    def uses(self) -> list[tuple[ast.expr, str]]:
        """Each use of an imported thing with its full name, whatever it was called at import."""
        return list(dotted_uses(self.nodes))

    @cached_property
    def comments(self) -> list[tuple[int, str]]:
        """Line number and text of every comment; a string that looks like one is not one."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return [(t.start[0], t.string) for t in tokens if t.type == tokenize.COMMENT]

    @cached_property
    def imports(self) -> set[tuple[str, str]]:
        """Every ``from package import name``, as (package, name)."""
        froms = [node for node in self.nodes if isinstance(node, ast.ImportFrom)]
        return {(node.module or "", name.name) for node in froms for name in node.names}


Files = Sequence[File]
Rule = Callable[[Files], Iterator[str]]


def repository() -> list[File]:
    """Every text file that is or would be committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    paths = (
        ROOT / name for name in sorted(set(names)) if PurePosixPath(name).suffix in TEXT_SUFFIXES and name
    )
    return [File(str(path.relative_to(ROOT)), path.read_text()) for path in paths if path.is_file()]


def short_files(files: Files) -> Iterator[str]:
    """No file of the product is longer than 350 lines; aim for less than 250."""
    for file in files:
        length = len(file.text.splitlines())
        if (file.is_product or file.path == "dev.py") and length > LONGEST:
            yield f"{file.path}: {length} lines, more than {LONGEST}"


def telling_names(files: Files) -> Iterator[str]:
    """Nothing is called utils, manager or helper: such a name says nothing and gathers everything."""
    empty_words = re.compile(r"utils|^util$|manager|helper", re.IGNORECASE)
    for file in files:
        if file.suffix != ".py":
            continue
        for part in PurePosixPath(file.path).with_suffix("").parts:
            if empty_words.search(part):
                yield f"{file.path}: {part!r} is no name for a module"
        for node in file.nodes:
            if isinstance(node, NAMED) and empty_words.search(node.name):
                yield f"{file.path}:{node.lineno}: {node.name!r} is an empty name"


def dotted_uses(nodes: Sequence[ast.AST]) -> Iterator[tuple[ast.expr, str]]:
    known: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for name in node.names:
                top = name.name.split(".")[0]
                known[name.asname or top] = name.name if name.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            known |= {name.asname or name.name: f"{node.module}.{name.name}" for name in node.names}
    for node in nodes:
        if isinstance(node, ast.Name | ast.Attribute) and (full := dotted(node, known)):
            yield node, full


def dotted(node: ast.expr, known: dict[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute) and (owner := dotted(node.value, known)):
        return f"{owner}.{node.attr}"
    return None


CLOCKS = re.compile(
    r"time\.(time|monotonic|perf_counter|process_time|clock_gettime|thread_time)(_ns)?"
    r"|time\.(localtime|gmtime|ctime|asctime|strftime)"
    r"|datetime\.(datetime\.(now|utcnow|today)|date\.today)"
    r"|sqlalchemy\.func\.(now|current_timestamp|current_date|localtimestamp)"
)
CLOCK_READERS = {"tradelane/gateway/clock.py", "firmware_sim/__main__.py"}


def one_clock(files: Files) -> Iterator[str]:
    """Only gateway/clock.py, and the simulator's own entry point, ask what time it is."""
    for file in files:
        if not file.is_product or file.path in CLOCK_READERS:
            continue
        for node, name in file.uses:
            if CLOCKS.fullmatch(name):
                yield f"{file.path}:{node.lineno}: {name} reads the clock; take `now` as an argument"


SEEDED = {"random.Random", "numpy.random.default_rng", "numpy.random.SeedSequence", "numpy.random.PCG64"}
RANDOM_TYPES = SEEDED | {"numpy.random.Generator", "numpy.random.BitGenerator"}
AMBIENT = re.compile(r"random\.\w+|numpy\.random\.\w+|uuid\.uuid[14]|os\.urandom")


def no_chance(files: Files) -> Iterator[str]:
    """Randomness comes from a seed that was passed in; secrets, for keys, is the one exception."""
    for file in files:
        if not file.is_product:
            continue
        unseeded = {id(node.func) for node in file.nodes if isinstance(node, ast.Call) and not node.args}
        for node, name in file.uses:
            ambient = AMBIENT.fullmatch(name) and name not in RANDOM_TYPES
            if ambient or (name in SEEDED and id(node) in unseeded):
                yield f"{file.path}:{node.lineno}: {name} is chance; pass a seeded generator"


MONEY = re.compile(
    r"tradelane/settlement/[^/]+\.py|tradelane/settlement/ehub/wire\.py"
    r"|tradelane/settlement/ehub/server/(payments|tables|(customs|logistics)/\w+)\.py"
    r"|tradelane/market/(units|product|order|trade|book|exchange|landed)\.py"
)


def whole_money(files: Files) -> Iterator[str]:
    """Where money is counted there is no float: no literal, no conversion, no annotation."""
    for file in files:
        if not MONEY.fullmatch(file.path):
            continue
        refusals = [call for call in file.nodes if is_call_of(call, "isinstance")]
        refused = {id(node) for call in refusals for node in ast.walk(call)}
        for node in file.nodes:
            literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
            named = isinstance(node, ast.Name) and node.id == "float" and id(node) not in refused
            if isinstance(node, ast.expr) and (literal or named):
                yield f"{file.path}:{node.lineno}: a float, where money is counted"


def is_call_of(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def introduced_modules(files: Files) -> Iterator[str]:
    """Every public module says at its head what it is for."""
    for file in files:
        public = not PurePosixPath(file.path).name.startswith("_") or file.path.endswith("__init__.py")
        if file.is_product and public and file.text.strip() and not ast.get_docstring(file.tree):
            yield f"{file.path}: no docstring at its head"


def reasoned_exceptions(files: Files) -> Iterator[str]:
    """A lint exception names its code and its reason: ``# noqa: B008  # FastAPI reads the default``."""
    exception = re.compile(r"# *(noqa|type:\s*ignore|mypy:|ruff:)")
    reasoned = re.compile(r"# (noqa: [A-Z]+\d+(, [A-Z]+\d+)*|type: ignore\[[\w, -]+\]) +# \w+ \w+")
    for file in files:
        if file.suffix == ".py":
            for line, comment in file.comments:
                if exception.search(comment) and not reasoned.search(comment):
                    yield f"{file.path}:{line}: an exception without its code and reason"
        elif file.path == "pyproject.toml":
            yield from unexplained_settings(file)


def unexplained_settings(file: File) -> Iterator[str]:
    """Every line that switches a rule off says why, also inside a list that spans lines."""
    table, in_list = "", False
    for number, line in enumerate(file.text.splitlines(), 1):
        table = line if line.startswith("[") else table
        excepts = re.match(r"(extend-)?ignore\w* *=|disable_error_code *=", line)
        opens, closes = bool(excepts) and line.rstrip().endswith("["), in_list and line.startswith("]")
        concerned = excepts or in_list or ("per-file-ignores" in table and "=" in line)
        if concerned and not opens and not closes and not re.search(r" # \S+ \S+", line):
            yield f"{file.path}:{number}: an exception without its reason"
        in_list = (in_list or opens) and not closes


LOOSE_ENDS = re.compile(
    r"\b(TOD[O]|FIXM[E])\b"
    r"""|(?<!["'])\bXX[X]\b"""  # quoted, it is ISO 4217 for no currency
    r"|\bxfai[l]\b|assert Tru[e]\b|pragma: no cove[r]|NotImplementedErro[r]"
)
"""Spelled so that this file is not its own first offender."""


def no_loose_ends(files: Files) -> Iterator[str]:
    """Nothing is left for later, excused from its test, or asserted in vain."""
    for file in files:
        if file.suffix not in CODE_SUFFIXES:
            continue
        for number, line in enumerate(file.text.splitlines(), 1):
            if found := LOOSE_ENDS.search(line):
                yield f"{file.path}:{number}: {found[0]!r}"


def no_machine_paths(files: Files) -> Iterator[str]:
    """Nothing names one machine: a home folder, this checkout, or a package index."""
    here = [r"/(home|Users)/\w+", "pythonhosted" r"\.org", "py" r"pi\.(org|python)", r"^--(extra-)?index-url"]
    here += [re.escape(str(path)) for path in (ROOT, Path.home()) if len(str(path)) > len("/srv")]
    pattern = re.compile(rf"(?<![\w.])({'|'.join(here)})(?!\w)")
    for file in files:
        for number, line in enumerate(file.text.splitlines(), 1):
            if found := pattern.search(line):
                yield f"{file.path}:{number}: {found[0]!r} is of one machine"


def our_scripts(files: Files) -> Iterator[str]:
    """Every script is ours: written here to be read, none fetched from elsewhere."""
    remote = re.compile(r"""<script[^>]+src=["'](https?:)?//""", re.IGNORECASE)
    for file in files:
        if file.suffix in SCRIPT_SUFFIXES:
            if not file.path.startswith(OUR_SCRIPTS):
                yield f"{file.path}: a script outside {OUR_SCRIPTS}"
            longest = max(map(len, file.text.splitlines()), default=0)
            if ".min." in file.path or longest > LONGEST_LINE_OF_SCRIPT:
                yield f"{file.path}: minified, so nobody wrote it here"
        if file.suffix == ".html" and remote.search(file.text):
            yield f"{file.path}: fetches a script from elsewhere"


def mirrored_rooms(files: Files) -> Iterator[str]:
    """Every module with code is named by a test of its own room or by one that goes the whole way.

    Or it is used directly by a module of its room that is: a file split in two needs no second test file.
    """
    modules = [file for file in files if file.is_product and "/migrations/" not in file.path]
    named = {file.path for file in modules if any(names_module(test, file) for test in tests_of(file, files))}
    for file in modules:
        users = (m for m in modules if m.path in named and room(m) == room(file) and m is not file)
        if has_code(file) and file.path not in named and not any(names_module(user, file) for user in users):
            yield f"{file.path}: no test in tests/{room(file)}/ or tests/e2e/ names it or what uses it"


def room(file: File) -> str:
    parts = PurePosixPath(file.path).parts
    return parts[0] if parts[0] == "firmware_sim" else parts[1]


def tests_of(module: File, files: Files) -> list[File]:
    homes = (f"tests/{room(module)}/", "tests/e2e/")
    return [file for file in files if file.path.startswith(homes) and file.suffix == ".py"]


def has_code(file: File) -> bool:
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in file.nodes)


def names_module(user: File, module: File) -> bool:
    """By import, or as text: a module may also be started as a process."""
    parts = PurePosixPath(module.path).with_suffix("").parts
    if parts[-1] in ("__init__", "__main__"):
        parts = parts[:-1]
    if (".".join(parts[:-1]), parts[-1]) in user.imports:
        return True
    name = ".".join(parts)
    return name in user.text and re.search(rf"\b{re.escape(name)}\b", user.text) is not None


def two_commands_first(files: Files) -> Iterator[str]:
    """The top of the README shows how to see it work and how to test it."""
    readme = next((file.text for file in files if file.path == "README.md"), "")
    top = "\n".join(readme.splitlines()[:40])
    for command in ("python3 dev.py demo", "python3 dev.py test"):
        if command not in top:
            yield f"README.md: its first 40 lines do not show {command!r}"


RULES: tuple[Rule, ...] = (
    short_files,
    telling_names,
    one_clock,
    no_chance,
    whole_money,
    introduced_modules,
    reasoned_exceptions,
    no_loose_ends,
    no_machine_paths,
    our_scripts,
    mirrored_rooms,
    two_commands_first,
)
