"""Runs the edge test kit: `run.py --nuncio PATH [--envoy PATH] [--proxy KIND]... [--filter TEXT]`.

Prints what did not pass, and the table. Exits 1 when the gateway has any case that did not pass.
All traffic stays on a loopback interface, which is its own where the machine allows."""

import argparse
import asyncio
import dataclasses
import json
import sys
import tempfile
import time
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
# The kit is a package; what it shares with the end-to-end checks and with the benches is theirs.
sys.path[:1] = [str(_ROOT / part) for part in ("tests", "tests/e2e", "benches/peers")]

from harness import isolation  # noqa: E402
from harness.certificates import Authority  # noqa: E402

from edge import cases, proof, proxies, table  # noqa: E402
from edge.attacks import attack  # noqa: E402
from edge.judge import Mark, Verdict  # noqa: E402
from edge.lane import Lane  # noqa: E402

_LONGEST_SECONDS = 120

# What is left out for all proxies but the first where time is short.
_LONG = ("attacks", "faults")


def main():
    options = _options()
    isolation.enter()
    proof.readers_are_worth_asking()
    chosen = [case for case in cases.ALL if _wanted(case, options)]
    keys = tempfile.TemporaryDirectory(prefix="nuncio-edge-keys-")
    settings = proxies.Settings(options.nuncio, options.envoy)
    if options.tls:
        chosen = [case for case in chosen if case.column.startswith("HTTP/2")]
        identity = Authority(Path(keys.name), "edge").issue("edge.test", "edge.test")
        settings = dataclasses.replace(settings, identity=identity)
    if options.brief:
        attack.be_brief()
    results = {}
    for kind in options.proxy or proxies.KINDS:
        started = time.monotonic()
        if options.brief and results:
            chosen = [case for case in chosen if case.column not in _LONG]
        results[kind] = asyncio.run(_run(kind, settings, chosen, options.lanes))
        _tell(kind, results[kind], time.monotonic() - started, options)
    print(table.render(results))
    if options.json:
        options.json.write_text(json.dumps(_as_data(results), indent=1), encoding="utf-8")
    ours = [verdict for kind in proxies.OURS for _, verdict in results.get(kind, [])]
    return 1 if any(verdict.mark is not Mark.PASSED for verdict in ours) else 0


async def _run(kind, settings, chosen, lanes):
    """(case, verdict) in the order of `chosen`."""
    together = [case for case in chosen if not case.alone]
    apart = [case for case in chosen if case.alone]
    verdicts = {}
    with tempfile.TemporaryDirectory(prefix="nuncio-edge-") as directory:
        # nginx's worker, which drops root, enters it.
        Path(directory).chmod(0o755)
        waiting = iter(together)
        count = max(1, min(lanes, len(together)))
        ways = [Lane(kind, settings, Path(directory) / f"lane{n}") for n in range(count)]
        await asyncio.gather(*(_work(lane, waiting, verdicts) for lane in ways))
        if apart:
            await _work(Lane(kind, settings, Path(directory) / "alone"), iter(apart), verdicts)
    return [(case, verdicts[case.name]) for case in chosen]


async def _work(lane, waiting, verdicts):
    async with lane:
        for case in waiting:
            verdicts[case.name] = await _verdict(case, lane)


async def _verdict(case, lane):
    try:
        return await asyncio.wait_for(case.verdict(lane), _LONGEST_SECONDS)
    except asyncio.TimeoutError:
        return Verdict(Mark.FAILED, f"not done in {_LONGEST_SECONDS} s")
    except OSError as error:
        return Verdict(Mark.FAILED, f"no connection: {error}")


def _tell(kind, rows, seconds, options):
    passed = sum(verdict.mark is Mark.PASSED for _, verdict in rows)
    print(f"{kind}: {passed} of {len(rows)} passed in {seconds:.1f} s", flush=True)
    if options.quiet:
        return
    for case, verdict in rows:
        if verdict.mark is not Mark.PASSED or (options.figures and verdict.reason):
            print(f"  {verdict.mark.name:9} {case.name} [{case.source}]: {verdict.reason}")


def _as_data(results):
    return {
        kind: [
            {
                "case": case.name,
                "source": case.source,
                "column": case.column,
                "mark": verdict.mark.name.lower(),
                "reason": verdict.reason,
            }
            for case, verdict in rows
        ]
        for kind, rows in results.items()
    }


def _wanted(case, options):
    name = f"{case.column}: {case.name}"
    return any(text in name for text in options.filter or [""]) and not any(
        text in name for text in options.without or []
    )


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nuncio", type=_program, help="the gateway's binary")
    parser.add_argument("--envoy", type=_program, help="Envoy's binary")
    parser.add_argument("--proxy", action="append", choices=proxies.KINDS, help="only this one")
    parser.add_argument("--filter", action="append", help="only cases with this in `column: name`")
    parser.add_argument("--without", action="append", help="no case with this in it")
    parser.add_argument("--json", type=Path, help="write every verdict there")
    parser.add_argument("--lanes", type=int, default=6, help="proxies of a kind side by side")
    parser.add_argument("--brief", action="store_true", help="short attacks, on one proxy")
    parser.add_argument("--figures", action="store_true", help="what was measured of what passed")
    parser.add_argument("--tls", action="store_true", help="the cases of HTTP/2, over TLS")
    parser.add_argument("--quiet", action="store_true", help="the table alone")
    return parser.parse_args()


def _program(text):
    return Path(text).resolve()


if __name__ == "__main__":
    sys.exit(main())
