"""Figures as markdown."""

import statistics


def header(*columns):
    print(f"| {' | '.join(columns)} |")
    print("|---" * len(columns) + "|")


def row(*cells):
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def middle(numbers):
    return statistics.median(numbers)


def spread(numbers, places=2):
    """The median, and between what it lies."""
    low, high = min(numbers), max(numbers)
    return f"{middle(numbers):.{places}f} ({low:.{places}f}-{high:.{places}f})"


def share(numbers, of):
    """The median's part of another's, if there is one."""
    return middle(numbers) / middle(of) if of else None


def percentile(numbers, percent):
    """That which so many percent are not above."""
    ordered = sorted(numbers)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def verdict(value, most):
    """Whether the figure is as wanted."""
    return "met" if value <= most else "MISSED"
