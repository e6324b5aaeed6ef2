#!/usr/bin/python3
"""
The page of a run of bench/compare, bench/libraries or bench/rows (bench/lib/page.py) in Chromium: no errors, its figures, drawings, and
tables that sort.  The drawings of bench/filters.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

here = Path(__file__).resolve()
sys.path.insert(0, str(here.parent / "lib"))
from browser import Page, chromium, done, ok    # noqa: E402

chromium()


def system(factor, ef=(10, 20, 40), **more):
    queries = [{"ef": e, "recall": 1 - .4 / e, "qps": 9000 * factor / e, "per_cpu_second": 11000 * factor / e} for e in ef]
    return {"version": "1.2.3", "build_seconds": 12.5 / factor, "build_rows_per_second": 4800 * factor, "index_bytes_per_row": 1234, "queries": queries, **more}


def result(**systems):
    sets = {"fashion784": {"rows": 60000, "dim": 784, "metric": "l2", "recall_target": .98, "inserted": 0, **systems}}
    return {"command": "bench/compare --rounds 1", "when": "2026-01-02T03:04:05+00:00", "commit": "abc1234", "server": "PostgreSQL 18.9", "sets": sets,
            "machine": {"cpu": "a <fast> processor", "cores": 2, "memory_mb": 24000, "system": "Linux"}, "options": {"m": 16}, "settings": {"shared_buffers": "6GB"}}


SORT = """<script type="module">
const headings = [...document.querySelectorAll('th button')].filter((b) => b.textContent === 'queries/s');
headings[0].click();
const column = (n) => [...headings[0].closest('tbody, table').tBodies[0].rows].map((row) => row.cells[n].textContent).join('|');
const sorted = document.createElement('p');
sorted.id = 'sorted';
sorted.textContent = column(3);
headings[0].click();
sorted.textContent += ' then ' + column(3);
document.body.append(sorted);
</script>"""

with tempfile.TemporaryDirectory() as folder:
    def shown(figures, more=""):
        figures_path, path = Path(folder, "figures.json"), Path(folder, "page.html")
        figures_path.write_text(json.dumps(figures))
        run = subprocess.run([sys.executable, "-B", str(here.parents[2] / "bench/lib/page.py"), str(figures_path), str(path)], capture_output=True, text=True)
        ok(run.returncode == 0, "the page is written", run.stderr)
        html = path.read_text()
        path.write_text(html.replace("</body>", more + "</body>"))
        return html, Page(path.as_uri())

    after = {"queries_after_vacuum": [{"ef": 10, "recall": .91}]}
    html, page = shown(result(omendb=system(5, vacuum_seconds=1.5, **after), pgvector=system(1)), SORT)
    ok(not page.console, "the console says nothing", page.console)
    ok(not re.search(r"(?:src|href)=\"(?!data:)|@import|url\(", html), "it loads nothing")
    text = re.sub(r"<[^>]*>", " ", page.html)
    for figure in ("0.9900", "4,500", "1,100", "24,000", "5.00 x", "0.9100", "60,000 rows", "PostgreSQL 18.9", "a &lt;fast&gt; processor", "bench/compare --rounds 1", "abc1234", "1.2.3", "6GB"):
        ok(figure in text, f"it has {figure}")
    ok(len(re.findall(r"<svg", page.html)) == 1 and len(re.findall(r'class="mark"', page.html)) >= 6, "it has the drawing")
    up, _, down = (page.text("sorted") or "").partition(" then ")
    values = [float(v.replace(",", "")) for v in up.split("|") if v not in ("", "-")]
    ok(len(values) == 6 and values == sorted(values) and [v for v in reversed(up.split("|"))] == down.split("|"), "tables sort up and down", up + " / " + down)

    html, page = shown(result(omendb=system(5), hnswlib=system(8), **{"faiss-ivfpq": system(6, ef=(1, 2, 4))}))
    text = re.sub(r"<[^>]*>", " ", page.html)
    ok(not page.console and "hnswlib, in process" in text and "faiss IVF-PQ (as Debian has it), in process" in text, "so has that of libraries", page.console)
    figures = result()
    figures["sets"] = {str(n): {"rows": n, "dim": 128, "metric": "l2", "recall_target": .98, "inserted": 0, "set": "clust128", "omendb": system(5), "pgvector": system(1)} for n in (10000, 300000, 1000000)}
    html, page = shown(figures)
    text = re.sub(r"<[^>]*>", " ", page.html)
    ok(not page.console and all(w in text for w in ("build, seconds", "index, MB", "300k", "1M", "As a table grows")), "so has that of rows", page.console)
    ok(len(re.findall(r'class="mark"', page.html)) == 3 * 2 * 3 + 2, "a mark for each size, extension and panel, and two of the legend")
    html, page = shown(result(omendb={"version": "1.2.3", "build_seconds": 4}))
    ok(not page.console and "<svg" not in html, "a run without queries has a page, too", page.console)
    sys.path.insert(0, str(here.parents[2] / "bench/lib"))
    sys.dont_write_bytecode = True
    from filterreport import draw   # noqa: E402
    systems = {"omendb": ("omendb", "omendb", "red", "solid", "circle"), "pgvector": ("pgvector <b>", "pgvector", "grey", "dashed", "square")}
    points = [{"kind": "range", "share": s, "label": s == .09, "limit": 10, "systems": {k: {"recall": r, "qps": 90, "per_cpu_second": 100 / s, "rows": 10, "plans": {"hnsw": 3}}
                                                                                       for k, r in (("omendb", .997), ("pgvector", .5))}} for s in (1, .1, .01, .0001, .09)]
    drawn = list(draw(folder, {"sets": {"fashion784": {"rows": 60000, "dim": 784, "points": points}}}, systems))
    ok([Path(p).name for p in drawn] == ["filters-fashion784-range.svg"], "a drawing of filters", drawn)
    page = Page(Path(drawn[0]).as_uri())
    marks = ElementTree.parse(drawn[0]).getroot().iter()
    ok(sum(e.get("class") in ("mark", "hollow") for e in marks) == 2 * 2 * 5 + 2 and "prefers-color-scheme: dark" in Path(drawn[0]).read_text() and not page.console,
       "it has its points, and is dark on dark paper", page.console)
done()
