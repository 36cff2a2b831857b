"""The table of a run: a row for each proxy, a column for each kind of case."""

from edge.judge import Mark

COLUMNS = [
    "HTTP/1 requests",
    "HTTP/1 answers",
    "paths",
    "HTTP/2 requests",
    "HTTP/2 frames",
    "attacks",
    "faults",
]


def render(results):
    """`results`: by kind of proxy, a list of (case, verdict). In a cell: passed/scored, how many of
    the others are dangerous, how many are breaches."""
    shown = [
        name
        for name in COLUMNS
        if any(case.column == name for rows in results.values() for case, _ in rows)
    ]
    lines = [
        "| proxy | " + " | ".join(shown) + " | dangerous | breaches |",
        "|---" * (len(shown) + 3) + "|",
    ]
    for kind, rows in results.items():
        cells = [
            _cell([verdict for case, verdict in rows if case.column == name]) for name in shown
        ]
        totals = [
            str(_count([verdict for _, verdict in rows], mark))
            for mark in (Mark.DANGEROUS, Mark.BREACH)
        ]
        lines.append("| " + " | ".join([kind, *cells, *totals]) + " |")
    return "\n".join(lines)


def _cell(verdicts):
    passed = _count(verdicts, Mark.PASSED)
    bad = [
        f"{_count(verdicts, mark)} {name}"
        for mark, name in ((Mark.DANGEROUS, "dangerous"), (Mark.BREACH, "breaches"))
        if _count(verdicts, mark)
    ]
    return f"{passed}/{len(verdicts)}" + (f" ({', '.join(bad)})" if bad else "")


def _count(verdicts, mark):
    return sum(verdict.mark is mark for verdict in verdicts)
