#!/usr/bin/python3
"""The bar of a build: one for all phases, which never goes back (bench/lib/buildbar.py, test/quickstart.py)."""

import subprocess
import sys
from pathlib import Path

here = Path(__file__).resolve()
sys.path[:0] = [str(here.parent / "lib"), str(here.parents[2] / "bench/lib")]
from browser import done, ok    # noqa: E402
from buildbar import BuildBar   # noqa: E402

PHASES = [("initializing", 0, 0)] + [("building index: " + phase, count, total) for phase, count, total in (
    ("initializing", 0, 0), ("sampling table", 0, 0), ("training quantizer", 0, 98), ("training quantizer", 98, 98), ("inserting tuples", 0, 60000),
    ("inserting tuples", 30000, 60000), ("inserting tuples", 61000, 60000), ("relinking nodes", 61000, 60000), ("relinking nodes", 61000, 60000),
    ("connecting nodes", 61000, 60000), ("writing pages", 61000, 60000), ("writing pages", 61000, 60000))]

bar = BuildBar()
shares = [bar.update(phase, count, total, i / 5) for i, (phase, count, total) in enumerate(PHASES)]
ok(shares == sorted(shares) and shares[0] == 0 and .9 < shares[-1] <= 1, "it goes on through all phases", shares)
half = shares[PHASES.index(("building index: inserting tuples", 30000, 60000))]
ok(.3 < half < .5, "half of the rows are less than half of the work", half)
moved = [b - a for a, b in zip(shares[8:], shares[9:])]
ok(all(step > 0 for step in moved), "phases without counts move, too", shares)

again = BuildBar()
for i, row in enumerate(PHASES[:7] + [PHASES[11]]):
    before = again.update(*row, i / 5)
ok(again.update("building index: inserting tuples", 31000, 60000, 3) == before, "rows that follow written pages do not draw it back", again.share)
ok(again.update("building index: something new", 1, 2, 4) == before, "a phase that it does not know leaves it where it is")
vector = BuildBar("pgvector")
ok(.5 < vector.update("building index: loading tuples", 6, 10, 1) < .7, "pgvector's phases are known")

lines = "".join(f"{i / 5:.1f}\t{phase}\t{count}\t{total}\n" for i, (phase, count, total) in enumerate(PHASES))
run = subprocess.run([sys.executable, str(here.parents[1] / "quickstart.py"), "progress"], input=lines, capture_output=True, text=True)
percent = [int(line.split("%")[0]) for line in run.stdout.splitlines()]
ok(run.returncode == 0 and percent == sorted(percent) and len(percent) > 5, "the quick start draws that", run.stdout + run.stderr)
done()
