"""Faults of upstreams and of the machine, which clients are to notice as little of as can be."""
