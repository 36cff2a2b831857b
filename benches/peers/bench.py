"""CPU time and memory of the gateway, beside nginx, HAProxy and Envoy, in one run.

Every proxy has one worker on one core; the load and the upstream share the other. Rounds are
interleaved, so that what disturbs the machine disturbs all. Medians are printed.
"""

import argparse
import os
import resource
import sys
import tempfile
from pathlib import Path

import costs
import idle
import paced
import scenarios
import versions


def main():
    with tempfile.TemporaryDirectory(prefix="nuncio-identity-") as directory:
        os.chmod(directory, 0o755)
        known = scenarios.scenarios(directory)
        options = _options(known)
        if len(os.sched_getaffinity(0)) < 2:
            sys.exit("this needs two cores: one for the proxy, one for the load")
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        busy = os.getloadavg()[0]
        if busy > 0.5:
            print(f"the machine is busy (load {busy:.1f}): expect higher figures, and compare ratios")
        print(f"{versions.found(options.nuncio, options.envoy)}\n")
        _costs(options, known)
        if "paced" in options.scenarios:
            paced.run(options)
        if "idle" in options.scenarios:
            # The gateway keeps to two fifths of the descriptors there are.
            idle.run(options, known["tls"].wanted, min(options.idle, most * 2 // 5 - 200))


def _costs(options, known):
    chosen = [known[name] for name in options.scenarios if name in known]
    if chosen:
        print(
            f"{options.connections} connections, one worker, median of {options.rounds} rounds of "
            f"{options.seconds} s\n"
        )
        costs.header()
    for scenario in chosen:
        costs.run(options, scenario)


def _options(known):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nuncio", type=Path, required=True)
    parser.add_argument("--envoy", type=Path, required=True)
    parser.add_argument("--paced", type=Path, required=True, help="sends at a fixed rate")
    everything = [*known, "paced", "idle"]
    parser.add_argument("--scenarios", type=_words(everything), default=everything)
    proxies = list(scenarios.EVERYBODY)
    parser.add_argument("--proxies", type=_words(proxies), default=proxies)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--idle", type=int, default=10_000, help="connections that are idle")
    return parser.parse_args()


def _words(known):
    def parse(text):
        words = text.split(",")
        for word in words:
            if word not in known:
                raise argparse.ArgumentTypeError(f"{word} is none of {', '.join(known)}")
        return words

    return parse


if __name__ == "__main__":
    sys.exit(main())
