"""Every command of the documentation is run, and prints what the page says it prints."""

import re
import subprocess
from pathlib import Path

from harness import page_script, pages
from harness.ports import is_free
from harness.verdict import Skipped, expect

_ROOT = Path(__file__).resolve().parents[3]
_PORTS = (8080, 8443, 8877, 9102)


def a_page_that_is_wrong_is_found_out(setting):
    for body, said in _WRONG.items():
        part = setting.part(said.split()[0])
        root = part.directory / "root"
        (root / "docs").mkdir(parents=True)
        (root / "deploy").mkdir()
        (root / "Makefile").touch()
        (root / "docs/page.md").write_text(body, encoding="utf-8")
        blocks = pages.blocks(root, "docs/page.md")
        found = [f"{wrong}" for block in blocks if (wrong := pages.unknown(block))]
        found += [f"{wrong}" for block in blocks if (wrong := _mismarked(block))]
        commands = [block for block in blocks if block.language == "sh"]
        found += _page(commands, root, part) if commands and not found else []
        expect(any(said in one for one in found), f"{body!r}: {found}")


_WRONG = {
    "```console\ntrue\n```\n": "no known language",
    "```sh later\ntrue\n```\n": "unknown words",
    "```sh\nkubectl get pods\n```\n": "stands behind a fence",
    "```sh\ntrue\n```\n\n```sh\nfalse\n```\n": "failed",
    "```sh\necho one\n```\n\n```text\ntwo\n```\n": "prints otherwise",
    "```sh cluster\nkubectl apply -f absent.yaml\n```\n": "absent.yaml",
    "```sh build\nbuildah rename one two\n```\n": "stand-in for rename",
}


def every_fence_says_what_it_is(setting):
    wrong = [f"{block}: {said}" for block in _blocks() if (said := pages.unknown(block))]
    wrong += [f"{block}: {said}" for block in _commands() if (said := _mismarked(block))]
    expect(not wrong, "\n".join(wrong))


def every_command_runs_and_prints_what_its_page_says(setting):
    taken = [port for port in _PORTS if not is_free(port)]
    if taken:
        raise Skipped(f"ports {taken} are in use here, and the pages name them")
    wrong, counts = [], {}
    for number, page in enumerate(pages.all_pages(_ROOT)):
        commands = [block for block in _commands() if block.page == page]
        if commands:
            wrong += _page(commands, _ROOT, setting.part(f"page-{number}"))
            _count(commands, counts)
    expect(not wrong, "\n".join(wrong))
    expect(counts.get("run", 0) > 20, f"few commands were found: {counts}")
    return ", ".join(f"{count} {how}" for how, count in sorted(counts.items()))


def every_manifest_on_a_page_is_as_good_as_it_says(setting):
    """Those that are whole have nothing that `nuncio check` would say, but for those that are to be wrong."""
    wrong, count = [], 0
    for block in _blocks():
        if block.language != "yaml" or "part" in block.markers:
            continue
        count += 1
        file = setting.directory / f"{block.page.replace('/', '-')}-{block.line}.yaml"
        file.write_text(block.body, encoding="utf-8")
        said = subprocess.run([setting.binary, "check", file], capture_output=True, text=True)
        is_wrong = said.returncode != 0
        if is_wrong != ("wrong" in block.markers):
            wrong.append(f"{block}: {said.stdout or 'nothing is wrong'}{said.stderr}")
    expect(not wrong, "\n".join(wrong))
    expect(count, "no manifests were found")
    return f"{count} manifests"


def _blocks():
    return [block for page in pages.all_pages(_ROOT) for block in pages.blocks(_ROOT, page)]


def _commands():
    return [block for block in _blocks() if block.language == "sh"]


def _page(commands, root, setting):
    """What went wrong with the commands of a page, as texts."""
    result = page_script.run(commands, root, setting)
    wrong = []
    for number, block in enumerate(commands):
        printed = result.outputs[number]
        if number == result.failed:
            return [*wrong, f"{block}: failed\n{block.body}--- printed\n{printed}"]
        if block.expected is not None and not _matches(printed, block.expected):
            wrong.append(f"{block}: prints otherwise than the page says\n{printed}")
    return wrong


def _matches(printed, expected):
    """Whether `printed` is `expected`, where `...` stands for any text, and alone on a line for any
    lines."""
    lines = []
    for line in expected.rstrip("\n").split("\n"):
        if line.strip() == "...":
            lines.append(r"(?:.*\n)*?")
        else:
            lines.append(".*?".join(re.escape(part) for part in line.split("...")) + r" *\n")
    return re.fullmatch("".join(lines), printed.rstrip("\n") + "\n") is not None


def _mismarked(block):
    """Whether the words behind a fence fit the commands in it."""
    words = set(re.findall(r"(?:^|[|;&(]\s*|\$\()\s*([a-z]+)(?=\s)", block.body, re.M))
    needs = {
        "cluster": words & set(page_script.OF_A_CLUSTER),
        "build": words & set(page_script.OF_A_BUILD),
    }
    for marker, used in needs.items():
        if bool(used) != (marker in block.markers):
            return f"{marker!r} stands behind a fence if and only if it holds such a command: {used}"
    return None


def _count(commands, counts):
    for block in commands:
        lines = block.body.replace("\\\n", " ").splitlines()
        number = sum(1 for line in lines if line.strip() and not line.startswith((" ", "#")))
        how = "run against stand-ins" if block.markers & {"cluster", "build"} else "run"
        counts[how] = counts.get(how, 0) + number


CHECKS = [
    a_page_that_is_wrong_is_found_out,
    every_fence_says_what_it_is,
    every_manifest_on_a_page_is_as_good_as_it_says,
    every_command_runs_and_prints_what_its_page_says,
]
