"""What handshakes cost and whether certificates are rotated unseen, beside nginx, HAProxy and Envoy.

Every proxy has one worker on one core; load and upstream share the other. Rounds are interleaved, so
that what disturbs the machine disturbs all. Medians are printed.
"""

import argparse
import os
import resource
import sys
from pathlib import Path

import handshakes
import hosts
import passing
import rotation
import stand
import versions

_SCENARIOS = {
    "handshakes": handshakes.run,
    "rotation": rotation.run,
    "hosts": hosts.run,
    "tcp": passing.run,
}


def main():
    options = _options()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("this needs two cores: one for the proxy, one for the load")
    # Its own clients are load; servers are told their cores as they start.
    os.sched_setaffinity(0, {stand.LOAD_CORE})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    busy = os.getloadavg()[0]
    if busy > 0.5:
        print(f"the machine is busy (load {busy:.1f}): expect higher figures, and compare ratios")
    print(versions.found(options.nuncio, options.envoy))
    for name in options.scenarios:
        _SCENARIOS[name](options)


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nuncio", type=Path, required=True)
    parser.add_argument("--envoy", type=Path, required=True)
    parser.add_argument("--scenarios", type=_words(_SCENARIOS), default=list(_SCENARIOS))
    known = ["nuncio", "nginx", "haproxy", "envoy"]
    parser.add_argument("--proxies", type=_words(known), default=known)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--handshakes", type=int, default=500, help="per second")
    parser.add_argument("--changes", type=int, default=1000, help="of Secrets")
    parser.add_argument("--hosts", type=int, default=10000)
    parser.add_argument("--megabytes", type=int, default=1024)
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
