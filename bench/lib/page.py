#!/usr/bin/python3
"""
page.py FIGURES.json PAGE.html -- a whole run of bench/compare, bench/libraries or bench/rows as one file that needs no other: drawings,
tables that sort by a click on a heading, machine, versions, settings and the command that prints it all again.
"""
import json
import os
import sys
from html import escape

import compareplot
import librariesplot
import rowsplot
from report import LINES, number, ratio

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #fff; --faint: #5c636b; --line: #d7dbe0; --field: #f4f5f8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ec; --paper: #0d1117; --faint: #9aa2ad; --line: #333840; --field: #1a1d23; } }
body { font: 16px/1.45 system-ui, sans-serif; max-width: 66rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.5rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid var(--line); text-align: right; } th:first-child, td:first-child { text-align: left; }
th button { font: inherit; font-weight: 600; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
th[aria-sort=ascending] button::after { content: " \\2191"; } th[aria-sort=descending] button::after { content: " \\2193"; }
figure { margin: 1rem 0; max-width: 40rem; } figure svg { width: 100%; height: auto; }
pre { background: var(--field); padding: .7rem; overflow-x: auto; border-radius: 6px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; } dt { color: var(--faint); } dd { margin: 0; }
"""

# A click on a heading sorts by that column, once more the other way round; cells have what they sort by in data-by.
SCRIPT = """
for (const heading of document.querySelectorAll('th')) {
	heading.querySelector('button').addEventListener('click', () => {
		const body = heading.closest('table').tBodies[0], column = heading.cellIndex;
		const up = heading.getAttribute('aria-sort') !== 'ascending';
		const by = (row) => row.cells[column].dataset.by ?? row.cells[column].textContent;
		const compare = (a, b) => (a === '' || b === '' ? (a === '') - (b === '') : isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b);
		const rows = [...body.rows].sort((a, b) => (by(a) === '' || by(b) === '' || up ? 1 : -1) * compare(by(a), by(b)));
		body.append(...rows);
		for (const other of heading.parentNode.cells) other.removeAttribute('aria-sort');
		heading.setAttribute('aria-sort', up ? 'ascending' : 'descending');
	});
}
"""


def cell(value):
    """Of text, of a number, of (text, what it sorts by), or of None."""
    shown, by = value if isinstance(value, tuple) else (value, None)
    if isinstance(shown, (int, float)):
        shown, by = number(shown), shown
    if shown is None:
        shown, by = "-", ""
    return f'<td data-by="{by}">{escape(shown)}</td>' if by is not None else f"<td>{escape(shown)}</td>"


def table(headings, rows):
    head = "".join(f'<th scope="col"><button>{escape(h)}</button></th>' for h in headings)
    body = "\n".join("<tr>" + "".join(cell(c) for c in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div>'


def systems(one):
    return [s for s in librariesplot.LOOKS if one.get(s)]


def set_parts(name, one, drawing):
    yield f"<h2>{escape(compareplot.NAMES.get(name, name) if 'set' not in one else one['set'])}</h2>"
    yield f"<p>{one['rows']:,} rows of {one['dim']} dimensions, {escape(one['metric'])}</p>"
    if drawing:
        yield f"<figure>{drawing}</figure>"
    there = systems(one)
    lines = [(key, title, smaller) for key, title, smaller in LINES if any(one[s].get(key) is not None for s in there)]
    both = "omendb" in there and "pgvector" in there
    rows = []
    for key, title, smaller in lines:
        row = [title, *(one[s].get(key) for s in there)]
        if both:
            row.append(ratio(one["omendb"].get(key), one["pgvector"].get(key), smaller))
        rows.append(row)
    yield table(["", *there, *(["in omendb's favour"] if both else [])], rows)
    for key, title in (("queries", "Queries"), ("queries_after_vacuum", "Queries after vacuum")):
        rows = [[s, p["ef"], (f"{p['recall']:.4f}", p["recall"]), p.get("qps"), p.get("per_cpu_second")] for s in there for p in one[s].get(key, [])]
        if rows:
            yield f"<h3>{title}</h3>"
            yield table(["system", "ef_search, ef or nprobe", "recall@10", "queries/s", "queries per CPU second"], rows)


def facts(pairs):
    return "<dl>" + "".join(f"<dt>{escape(str(k))}</dt><dd>{escape(str(v))}</dd>" for k, v in pairs) + "</dl>"


def page(result):
    machine = result["machine"]
    libraries = any(set(one) & {"hnswlib", "faiss-hnsw", "faiss-ivfpq"} for one in result["sets"].values())
    by_rows = any("set" in one for one in result["sets"].values())
    title = "omendb and pgvector, hnswlib and faiss" if libraries else "omendb and pgvector"
    parts = ["<!DOCTYPE html>", '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
             f'<link rel="icon" href="data:,"><title>{title}: figures</title><style>{STYLE}</style></head><body>', f"<h1>{title}</h1>"]
    if not libraries:
        drawing = rowsplot.as_text(result) if by_rows else compareplot.as_text(result)
        parts += [f"<figure>{drawing}</figure>"] if drawing else []
    for name, one in result["sets"].items():
        parts += set_parts(name, one, librariesplot.drawn(name, one) if libraries else None)
    versions = {s: one[s]["version"] for one in result["sets"].values() for s in systems(one) if one[s].get("version")}
    parts += ["<h2>How it was measured</h2>", f"<pre>{escape(result.get('command', 'bench/compare'))}</pre>",
              facts([("when", result["when"]), ("commit", result["commit"]), ("processor", f"{machine['cpu']}, {machine['cores']} cores"),
                     ("memory", f"{machine['memory_mb'] / 1024:.0f} GB"), ("system", machine["system"]), ("server", result.get("server", "")),
                     *versions.items()]),
              "<h3>Options</h3>", facts(result["options"].items()), "<h3>Settings of the server</h3>", facts(result["settings"].items()),
              f'<script type="module">{SCRIPT}</script></body></html>']
    return "\n".join(parts) + "\n"


def write_page(result, target):
    with open(target, "w", encoding="utf-8") as f:
        f.write(page(result))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as figures:
        write_page(json.load(figures), sys.argv[2])
    print(os.path.abspath(sys.argv[2]))
