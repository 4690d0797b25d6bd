"""Reads raw lines and writes the tables of docs/benchmarks.md."""

import json
import statistics

from rows import PEERS, SIP_PEERS

BEGIN, END = "<!-- results: written by Benchmarks/run -->", "<!-- end of results -->"


def read(path):
    """The reports of a file of JSON lines, by (server, row)."""
    reports = {}
    try:
        with open(path) as file:
            for line in file:
                report = json.loads(line)
                server, _, row = report["label"].partition("/")
                reports.setdefault((server, row), []).append(report)
    except FileNotFoundError:
        pass
    return reports


def is_clean(report):
    counters = ("lost", "dup_or_reordered", "gaps", "misrouted", "stalls", "unacked", "errors")
    return not report.get("result") and all(report.get(counter) == 0 for counter in counters)


def median(reports, member):
    """The median over clean runs, None when there is none."""
    values = [report[member] for report in reports if is_clean(report) and report.get(member) is not None]
    return statistics.median(values) if values else None


def number(value):
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def fraction(ratio):
    """A ratio below 1 as 1/x, the way budgets are written."""
    return f"1/{1 / ratio:.2g}" if 0 < ratio < 1 else f"{ratio:.2g}"


def figure_line(row, figure, reports):
    medians = {}
    for server in row.peers + ("roost",):
        value = median(reports.get((server, row.name), []), figure.member)
        medians[server] = None if value is None else value * figure.scale
    roost = medians["roost"]
    peers = [value for value in (medians[peer] for peer in row.peers) if value is not None and value > 0]
    ratio = roost / min(peers) if peers and roost is not None else None
    if figure.budget is None:
        verdict = "–"
    elif ratio is None:
        verdict = "not measured"
    else:
        verdict = "met" if ratio <= figure.budget else "**missed**"
    # A difference of two small totals can come out at or below nothing.
    shown = "–" if ratio is None else fraction(ratio) if ratio > 0 else "below one tick"
    budget = "–" if figure.budget is None else fraction(figure.budget) if figure.budget != 3 / 5 else "3/5"
    theirs = " | ".join(number(medians[peer]) for peer in row.peers)
    return f"| {figure.title} ({figure.unit}) | {theirs} | {number(roost)} | {shown} | {budget} | {verdict} |"


def tables(rows, reports, facts):
    lines = [facts, "", "Server CPU time of one operation, or memory; median of the runs, less is better. *Ratio* is"
             " Roost to the better peer of the same run."]
    for peers, titles in ((PEERS, "ejabberd | Prosody"), (SIP_PEERS, "Kamailio")):
        measured = [row for row in rows if row.peers == peers
                    and any((server, row.name) in reports for server in row.servers)]
        if measured:
            lines += ["", f"| | {titles} | Roost | ratio | budget | |", "| --- " * (len(peers) + 5) + "|"]
            lines += [figure_line(row, figure, reports) for row in measured for figure in row.figures]
    lines += ["", "Rates and latencies of the same runs (closed loops are saturated: their latency is a queue).", "",
              "| | server | |", "| --- | --- | --- |"]
    for row in rows:
        for server in row.servers:
            runs = reports.get((server, row.name), [])
            if not runs:
                continue
            parts = [f"{title} {number(median(runs, member))}" for member, title in row.extra]
            bad = sum(not is_clean(run) for run in runs)
            parts.append(f"{len(runs)} run{'s' * (len(runs) > 1)}" + (f", **{bad} not clean**" if bad else ""))
            others = [run["other_cores"] for run in runs if run.get("other_cores") is not None]
            if others and max(others) > 0.3:
                parts.append(f"other load up to {max(others):.2g} cores")
            lines.append(f"| {row.name} | {server} | {' · '.join(parts)} |")
    return "\n".join(lines)


def write(path, rows, reports, facts):
    """Replaces the part of the page between the two marks."""
    with open(path) as file:
        text = file.read()
    head, mark, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not mark or not end:
        raise SystemExit(f"{path} lacks the marks for the results")
    with open(path, "w") as file:
        file.write(f"{head}{BEGIN}\n\n{tables(rows, reports, facts)}\n\n{END}{tail}")
