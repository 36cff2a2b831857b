"""The faults, as cases."""

from edge.faults import machine, upstreams

CASES = [*upstreams.CASES, *machine.CASES]
