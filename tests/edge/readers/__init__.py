"""Readers of what a proxy sent on: a strict one, and lax ones as real programs are lax."""

from edge.readers.lax import ALL as LAX
from edge.readers.strict import STRICT

ALL = [STRICT, *LAX]
