"""Runs the end-to-end checks: `run.py --binary PATH [--image NAME] [NAME...]`, all of them without names.

Prints a line for each check and one for all; exits 1 when any failed. Needs wrk, h2load, nginx,
curl, openssl, prometheus and promtool; sends nothing beyond the loopback interface, which is its
own where the machine allows.
"""

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path

from checks import ALL
from harness import isolation
from harness.setting import Setting
from harness.verdict import Failed, Skipped


def main():
    options = _options()
    isolation.enter()
    chosen = [check for check in ALL if not options.names or check.__name__ in options.names]
    counts = {"PASS": 0, "FAIL": 0, "SKIP": 0}
    for check in chosen:
        verdict, reason, seconds = _run(check, options)
        counts[verdict] += 1
        detail = f": {reason}" if reason else ""
        print(f"{verdict} {check.__name__} ({seconds:.1f} s){detail}", flush=True)
    skipped = f", {counts['SKIP']} skipped" if counts["SKIP"] else ""
    print(f"e2e: {counts['PASS']} passed, {counts['FAIL']} failed{skipped}")
    return 1 if counts["FAIL"] or not counts["PASS"] else 0


def _run(check, options):
    """The verdict on one check, its reason or figures, and how long it took."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="nuncio-e2e-") as directory:
        try:
            verdict, reason = "PASS", check(Setting(options.binary, Path(directory), options.image)) or ""
        except Failed as error:
            verdict, reason = "FAIL", str(error)
        except Skipped as error:
            verdict, reason = "SKIP", str(error)
        except Exception:
            verdict, reason = "FAIL", traceback.format_exc()
        if verdict == "FAIL":
            _show_logs(Path(directory))
    return verdict, reason, time.monotonic() - started


def _show_logs(directory):
    for log in sorted(directory.rglob("*.log")):
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
        print(f"--- the end of {log.name}", *tail, sep="\n    ")


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=lambda text: Path(text).resolve(), required=True)
    parser.add_argument("--image", help="an image that buildah has, of the same binary")
    parser.add_argument("names", nargs="*", help="the checks to run")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
