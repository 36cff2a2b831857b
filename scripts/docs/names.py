"""Names of things of ours on pages: flags, variables of the environment, targets of make. And the
other way round: every variable that the program reads is on a page of reference."""

import re

# Flags of other programs that pages write beside prose.
_FLAG = re.compile(r"`(--[a-z][a-z0-9-]+)")
_VARIABLE = re.compile(r"`(NUNCIO_[A-Z_]+)")
_TARGET = re.compile(r"`make ([a-z0-9-]+)[ `]")
# In a source, a text that is a variable's name.
_READ = re.compile(r'"((?:AMBASSADOR|DD|DISABLE|DOGSTATSD|NUNCIO|STATSD|KUBE|SSL)[A-Z_]*)"')


def unknown(root, pages):
    """What pages name and is not there, and what is read and named nowhere, as texts."""
    flags_page = (root / "docs/flags.md").read_text(encoding="utf-8")
    flags = set(re.findall(r"`(--[a-z][a-z0-9-]+)", flags_page)) | _others(root)
    documented = _documented(root)
    targets = set(re.findall(r"^([a-z0-9-]+):", (root / "Makefile").read_text(), re.M))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for known, pattern, what in (
            (flags, _FLAG, "flag"),
            (documented, _VARIABLE, "variable"),
            (targets, _TARGET, "target of make"),
        ):
            for name in sorted(set(pattern.findall(text)) - known):
                yield f"{page.relative_to(root)}: no {what} {name}"
    for name in sorted(_read(root) - documented):
        yield f"docs/environment.md: {name} is read, and is not there"


def _documented(root):
    pages = [root / "docs/flags.md", root / "docs/environment.md"]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    return set(re.findall(r"`([A-Z][A-Z_]+)`", text)) | _of_tests(root)


def _of_tests(root):
    """Variables of the tests and of the build, which are named where these are described."""
    folders = [root / "benches", root / "crates", root / "tests", root / "scripts"]
    found = set()
    for folder in folders:
        for file in folder.rglob("*"):
            if file.suffix in (".rs", ".sh", ".py") and (file.name == "reference.rs" or "src" not in file.parts):
                found |= set(re.findall(r"NUNCIO_[A-Z_]+", file.read_text(encoding="utf-8")))
    return found


def _others(root):
    """Flags of programs of the repository that are not `nuncio`."""
    found = set()
    for folder in ("benches", "tests/edge", "tests/e2e"):
        for file in (root / folder).rglob("*.py"):
            found |= set(re.findall(r'"(--[a-z-]+)"', file.read_text(encoding="utf-8")))
    return found | {"--help", "--version", "--previous", "--run-ignored", "--set", "--values"}


def _read(root):
    found = set()
    for file in root.glob("crates/*/src/**/*.rs"):
        if "tests" in file.parts or file.name in ("tests.rs", "reference.rs"):
            continue
        code = file.read_text(encoding="utf-8").split("#[cfg(test)]\nmod tests {")[0]
        found |= {name for name in _READ.findall(code) if not name.endswith("_")}
    return found - {"NUNCIO_COMMIT", "NUNCIO_COMMIT_OR_NONE"}
