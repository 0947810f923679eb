"""Puts the measured figures into README.md and docs/, and draws them: no figure is typed by hand.

    python -m benchmarks.figures [--check]

What stands between `<!-- figures: NAME -->` and `<!-- /figures -->` in those files is written anew
from benchmarks/results/*.json, and the charts beside them. --check: change nothing, and fail where
something would change.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.chart import Panel, bar_chart, line_chart
from benchmarks.one_request import THE_REST
from benchmarks.pythons import HEADS as PYTHONS_HEADS
from benchmarks.pythons import cells as cells_of_python
from benchmarks.serving import HAND_OVER_HEADS, hand_over_rows, shares
from benchmarks.turns import HERE, RESULTS

CHECKOUT = HERE.parent
PAGES = ("README.md", "docs/performance.md")
BLOCK = re.compile(r"(<!-- figures: ([\w-]+) -->\n).*?(<!-- /figures -->)", re.DOTALL)
NOT_YET = "Not measured yet.\n"
NAMES = {
    "flask": "Flask",
    "bottle": "Bottle",
    "falcon": "Falcon",
    "falcon-cython": "Falcon 4.0, compiled",
    "kolben": "Kolben",
    "nothing": "(an empty callable)",
    "starlette": "Starlette",
    "fastapi": "FastAPI",
    "litestar": "Litestar",
    "quart": "Quart",
    "blacksheep": "BlackSheep",
    "kolben-asgi": "Kolben, `def`",
    "kolben-async": "Kolben, `async def`",
}
# In the environments, and without a part in what is measured without a server.
SERVERS = ("granian", "gunicorn", "hypercorn", "uvicorn", "uvloop")
IN_README = {
    "text": "text",
    "JSON": "JSON",
    "path parameter": "path parameter",
    "hooks in a blueprint": "hooks in a blueprint",
    "render_template_string": "template string",
    "JSON POST": "JSON POST",
    "form POST": "form POST",
    "session read and write": "session read and write",
    "404": "404",
}
SHOWN_FROM_US = 0.2
Result = Mapping[str, Any]


def results() -> dict[str, Result]:
    """Read what has been measured."""
    return {file.stem: json.loads(file.read_text("utf-8")) for file in RESULTS.glob("*.json")}


def table(heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Write a table in Markdown; the first column to the left, the others to the right."""
    heads = list(heads)
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    lines += [[_cell(value) for value in row] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, str) else f"{value:,}"


def _machine(result: Result) -> str:
    told = result["machine"]
    return (
        f"{told['implementation']} {told['python']} on {told['system']}, {told['cores']} cores of"
        f" {told['processor']}"
    )


# What README.md has.


def readme(found: Mapping[str, Result]) -> str:
    """Say how many times Kolben's CPU time Flask takes."""
    result = found["inprocess"]
    ratios = {row["workload"]: row["ratio"] for row in result["rows"]}
    versions = result["sides"]["flask"]["versions"]
    python = result["machine"]["python"]
    return (
        f"How many times the CPU time of Kolben Flask {versions['flask']} takes for the same"
        " request to the same app, in one process\neach, without a server"
        f" (CPython {python}, from `benchmarks/results/inprocess.json`):\n\n"
        f"| {' | '.join(IN_README.values())} |\n|{'---|' * len(IN_README)}\n"
        f"| {' | '.join(str(ratios[name]) for name in IN_README)} |\n"
    )


# Without a server.


def inprocess(interface: str, result: Result) -> str:
    """Write the table of an interface, and what there is to know of its cells."""
    names = [name for name, side in result["sides"].items() if side["interface"] == interface]
    rows = []
    for row in result["rows"]:
        cells = [(row["sides"].get(name) or {}).get("median") for name in names]
        if any(cell is not None for cell in cells):
            rows.append([row["workload"], *cells])
    heads = ["µs", *(NAMES[name] for name in names)]
    return f"{_machine(result)}.\n\n{table(heads, rows)}\n{_remarks(names, result)}"


def _remarks(names: list[str], result: Result) -> str:
    """List the versions, and why cells are empty or not quite alike."""
    lines = []
    for name in names:
        side = result["sides"][name]
        versions = [f"{p} {v}" for p, v in side["versions"].items() if p not in SERVERS]
        compiled = f"; {_count_compiled(side['compiled'])}" if side["compiled"] else ""
        lines.append(f"- {NAMES[name]}: {', '.join(versions)}{compiled}.")
        for workload, note in side["notes"].items():
            lines.append(f"  - {workload}: {note}.")
        for reason, workloads in _reasons(name, result).items():
            lines.append(f"  - No {', '.join(workloads)}: {reason}.")
    return "\n".join(lines) + "\n"


def _count_compiled(modules: list[str]) -> str:
    if len(modules) > 9:
        return f"{len(modules)} of its modules are machine code"
    return f"machine code: {', '.join(f'`{module}`' for module in modules)}"


def _reasons(name: str, result: Result) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for row in result["rows"]:
        if name in row["empty"] and name != "nothing":
            reasons.setdefault(row["empty"][name], []).append(row["workload"])
    return reasons


def inprocess_chart(interface: str, result: Result) -> str:
    """Draw a panel for each workload."""
    names = [
        name
        for name, side in result["sides"].items()
        if side["interface"] == interface and name not in ("nothing", "falcon-cython")
    ]
    panels = []
    for row in result["rows"]:
        medians = {n: row["sides"][n]["median"] for n in names if n in row["sides"]}
        if len(medians) > 1:
            bars = {NAMES[n].replace("`", ""): medians.get(n, "none") for n in names}
            panels.append(Panel(row["workload"], bars))
    note = "Microseconds of CPU time, median; shorter is better. Each panel has its own scale."
    return bar_chart(f"What a request costs, called as {interface.upper()}", note, panels)


def one_request(result: Result) -> str:
    """Write what each part of Kolben takes of each request, the largest first."""
    rows = result["rows"]
    names = {name for row in rows for name, us in row["parts"].items() if us >= SHOWN_FROM_US}
    names -= {THE_REST}
    in_all = {name: sum(row["parts"].get(name, 0) for row in rows) for name in names}
    lines = []
    for name in sorted(names, key=lambda name: (-in_all[name], name)):
        words = f"`{name}`: {result['about'][name]}" if name in result["about"] else name
        lines.append([words, *(row["parts"].get(name) for row in rows)])
    rest = [sum(us for name, us in row["parts"].items() if name not in names) for row in rows]
    lines.append([THE_REST, *(round(us, 2) for us in rest)])
    lines.append(["**all of it**", *(row["us"] for row in rows)])
    return table(["µs", *(row["workload"] for row in rows)], lines)


# Over HTTP.


def http_throughput(result: Result) -> str:
    """Write requests per second of all sides and workloads, at the fewest connections."""
    fewest = min(row["connections"] for row in result["rows"])
    rows = [row for row in result["rows"] if row["connections"] == fewest]
    heads = [f"requests/s, {fewest} connections", *(row["workload"] for row in rows)]
    return _sides_table(heads, [[row["sides"], "requests_per_s"] for row in rows])


def http_workload(workload: str, result: Result) -> str:
    """Write what one workload does at each number of connections."""
    heads, columns = [workload], []
    for row in result["rows"]:
        if row["workload"] == workload:
            n = row["connections"]
            heads += [f"{n}: requests/s", "CPU µs", "p50 ms", "p99 ms", "errors", "MB"]
            keys = ("requests_per_s", "cpu_us", "p50_ms", "p99_ms", "errors", "memory_mb")
            columns += [[row["sides"], key] for key in keys]
    return _sides_table(heads, columns) if columns else NOT_YET


def _sides_table(heads: list[str], columns: list[list[Any]]) -> str:
    """Write a row for each side, the fastest of the first column first."""
    first, key = columns[0]
    ranked = sorted(first, key=lambda name: -first[name][key])
    rows = [[name, *((cells.get(name) or {}).get(k) for cells, k in columns)] for name in ranked]
    return table(heads, rows)


def http_sides(result: Result) -> str:
    """List how each server is started, and what is missing."""
    lines = []
    for name, side in result["sides"].items():
        versions = ", ".join(f"{package} {v}" for package, v in side["versions"].items())
        note = f" {side['note'].capitalize()}." if side["note"] else ""
        lines.append(f"- {name}: `{side['command']}` ({versions}).{note}")
    lines += [f"- {name} is not there: {reason}." for name, reason in result["missing"].items()]
    how_long = f"The median of {result['rounds']} rounds of {result['seconds']} s each"
    head = f"{_machine(result)}. {how_long}."
    return f"{head}\n\n" + "\n".join(lines) + "\n"


def http_chart(workloads: list[str], connections: list[int], title: str, result: Result) -> str:
    """Draw a panel for each of some workloads at some numbers of connections."""
    panels = []
    for row in result["rows"]:
        if row["workload"] in workloads and row["connections"] in connections:
            rates = {name: one["requests_per_s"] for name, one in row["sides"].items()}
            ranked = dict(sorted(rates.items(), key=lambda one: -one[1]))
            panels.append(Panel(f"{row['workload']}, {row['connections']} connections", ranked))
    note = "Requests per second, one worker on one core; longer is better."
    return bar_chart(title, f"{note} NAME@1: one thread. Each panel has its own scale.", panels)


# As it grows.


def scaling_sizes(kind: str, result: Result) -> str:
    """Write what a request costs at each size of the app."""
    names = list(result[kind][0]["sides"])
    heads = [kind, *(f"{NAMES[n]}, µs" for n in names)]
    heads += [f"{NAMES[n]}, ms to the first answer" for n in names]
    rows = [
        [
            row["count"],
            *(row["sides"][n]["median"] for n in names),
            *(row["first_answer_ms"][n] for n in names),
        ]
        for row in result[kind]
    ]
    return table(heads, rows)


def scaling_start(result: Result) -> str:
    """Write what starting costs."""
    rows = [[f"`{row['what']}`", row["median_ms"], row["memory_mb"]] for row in result["start"]]
    return table(["", "ms of CPU time", "MB, peak"], rows)


def scaling_workers(result: Result) -> str:
    """Write what more workers do."""
    rows = [[row["side"], row["workers"], row["requests_per_s"]] for row in result["workers"]]
    return table(["server", "workers", "requests/s"], rows)


def serving_hand_over(result: Result) -> str:
    """Write what the server adds to a view, over each interface."""
    return table(HAND_OVER_HEADS, hand_over_rows(result["hand_over_cpu_us"]))


def serving_threads(result: Result) -> str:
    """Write what each number of threads reaches, and the defaults."""
    found = result["threads"]["rsgi"]
    heads = ["threads", *found["default"]]
    rows = [[name, *row.values()] for name, row in found.items()]
    return table(heads, [*rows, ["default, of the best", *shares(found).values()]])


def serving_overload(result: Result) -> str:
    """Write what becomes of requests when there are too many."""
    rows = []
    for view, of in result["overload"].items():
        names = [f"**{view}**: {next(iter(of))}", *list(of)[1:]]
        rows += [[name, *row.values()] for name, row in zip(names, of.values(), strict=True)]
    heads = ["view: load", "asked/s", "answered/s", "p50, ms", "p99, ms", "503/s"]
    return table([*heads, "503 p50, ms", "503 p99, ms", "last 503 after, s"], rows)


def each_python(result: Result) -> str:
    """Write the ratios on each Python."""
    rows = ([name, *cells_of_python(found)] for name, found in sorted(result.items()))
    return table(PYTHONS_HEADS, rows)


def scaling_chart(kind: str, title: str, result: Result) -> str:
    """Draw a line for each framework."""
    sizes = [row["count"] for row in result[kind]]
    lines = {
        NAMES[name]: [row["sides"][name]["median"] for row in result[kind]]
        for name in result[kind][0]["sides"]
    }
    note = "Microseconds of CPU time, median; lower is better. The scale is logarithmic."
    return line_chart(title, note, sizes, lines)


# All of it.


def tables(found: Mapping[str, Result]) -> dict[str, str]:
    """Write the tables of what has been measured."""
    written: dict[str, str] = {}
    if one := found.get("inprocess"):
        written["readme"] = readme(found)
        for interface in ("wsgi", "asgi"):
            written[f"inprocess-{interface}"] = inprocess(interface, one)
    if one := found.get("one_request"):
        written["one-request"] = one_request(one)
    if one := found.get("http"):
        written["http-throughput"] = http_throughput(one)
        written["http-text"] = http_workload("text", one)
        written["http-wait"] = http_workload("wait of 5 ms", one)
        written["http-sides"] = http_sides(one)
    if one := found.get("serving"):
        written["serving-hand-over"] = serving_hand_over(one)
        written["serving-threads"] = serving_threads(one)
        written["serving-overload"] = serving_overload(one)
    if one := found.get("pythons"):
        written["pythons"] = each_python(one)
    return written | scaling_tables(found.get("scaling", {}))


def scaling_tables(grown: Result) -> dict[str, str]:
    """Write the tables of how it grows, for the parts that were measured."""
    written: dict[str, str] = {}
    for kind in ("rules", "hooks"):
        if kind in grown:
            written[f"scaling-{kind}"] = scaling_sizes(kind, grown)
    if "start" in grown:
        written["scaling-start"] = scaling_start(grown)
    if "workers" in grown:
        written["scaling-workers"] = scaling_workers(grown)
    return written


CHARTS = {
    "inprocess-wsgi": "CPU time of a request, called as WSGI",
    "inprocess-asgi": "CPU time of a request, called as ASGI",
    "http-throughput": "Requests per second of each server",
    "http-wait": "Requests per second where each waits for 5 ms",
    "scaling-rules": "CPU time of a request to an app of 1 to 10,000 rules",
    "scaling-hooks": "CPU time of a request with 0 to 50 hooks",
}


def charts(found: Mapping[str, Result]) -> dict[str, str]:
    """Draw all charts, by their names."""
    drawn = {}
    if one := found.get("inprocess"):
        for interface in ("wsgi", "asgi"):
            drawn[f"inprocess-{interface}"] = inprocess_chart(interface, one)
    if one := found.get("http"):
        numbers = sorted({row["connections"] for row in one["rows"]})
        several = ["text", "JSON", "JSON POST", "SQLite"]
        title = CHARTS["http-throughput"]
        drawn["http-throughput"] = http_chart(several, numbers[:1], title, one)
        drawn["http-wait"] = http_chart(["wait of 5 ms"], numbers, CHARTS["http-wait"], one)
    for kind in ("rules", "hooks"):
        if kind in found.get("scaling", {}):
            name = f"scaling-{kind}"
            drawn[name] = scaling_chart(kind, CHARTS[name], found["scaling"])
    return drawn


def blocks(found: Mapping[str, Result]) -> dict[str, str]:
    """Write all blocks that pages may have: tables, and the charts that go before them."""
    images = {
        name: f"![{about}](../benchmarks/results/{name}.svg)\n\n" for name, about in CHARTS.items()
    }
    return {name: images.get(name, "") + text for name, text in tables(found).items()}


def filled(text: str, written: Mapping[str, str]) -> str:
    """Return a page with its blocks written anew."""
    return BLOCK.sub(lambda m: f"{m[1]}{written.get(m[2], NOT_YET)}{m[3]}", text)


def outdated(found: Mapping[str, Result]) -> dict[str, str]:
    """Return the files that are not as they would be written, with what they would be."""
    written = blocks(found)
    wanted = {f"benchmarks/results/{name}.svg": text for name, text in charts(found).items()}
    for page in PAGES:
        wanted[page] = filled((CHECKOUT / page).read_text("utf-8"), written)
    return {
        name: text
        for name, text in wanted.items()
        if not (CHECKOUT / name).exists() or (CHECKOUT / name).read_text("utf-8") != text
    }


def main() -> None:
    """Write what is outdated, or fail if something is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true")
    told = parser.parse_args()
    files = outdated(results())
    for name, text in files.items():
        print(f"{name} {'is not what was measured' if told.check else 'written'}")
        if not told.check:
            (CHECKOUT / name).write_text(text, "utf-8")
    sys.exit(1 if told.check and files else 0)


if __name__ == "__main__":
    main()
