#!/usr/bin/python3
"""What documentation says of programs and of pgvector is what the tests have.

docs/clients.md and docs/c.md show what the tests run.
A block of code below a comment `<!-- test/clients/knex.js -->` stands in that file, line by
line, indented or not; a line `...` in it leaves lines out.  Every client has a block.

docs/compatibility.md has a row for every object of pgvector that sql/compatibility.sql
lists.  The files of tests that a row names exist, and one of them has the object's name.
"""

import re
import sys
from pathlib import Path

top = Path(__file__).resolve().parents[2]
blocks = re.findall(r"^<!-- (test/clients/\S+|examples/\S+) -->\n```\w*\n(.*?)^```$", (top / "docs/clients.md").read_text() + (top / "docs/c.md").read_text(), re.M | re.S)
tests = failures = 0


def lines(text):
    return [line.strip() for line in text.splitlines() if line.strip()]


def stands_in(part, whole):
    return any(whole[i : i + len(part)] == part for i in range(len(whole) - len(part) + 1))


def ok(good, name, details=()):
    global tests, failures
    tests += 1
    print(f"{'ok' if good else 'not ok'} {tests} - {name}")
    if not good:
        failures += 1
        for line in details:
            print("#", line)


for file, block in blocks:
    whole = lines((top / file).read_text())
    for part in re.split(r"^\s*(?:#|//)? ?\.\.\.$", block, flags=re.M):
        part = lines(part)
        missing = [line for line in part if line not in whole]
        ok(stands_in(part, whole), f"{file}: {part[0] if part else 'nothing'}", missing or ["lines in another order, or not together", *part])
clients = {f"test/clients/{path.name}" for path in Path(__file__).parent.glob("*.*") if path.suffix in (".js", ".py")}
clients -= {"test/clients/documentation.py"}
for client in sorted(clients - {file for file, _ in blocks}):
    ok(False, f"{client} is documented")

# ---- docs/compatibility.md

catalog = re.search(r"^COPY peer FROM stdin;\n(.*?)^\\\.$", (top / "sql/compatibility.sql").read_text(), re.M | re.S)[1]
objects = {tuple(line.split("\t")[:2]) for line in catalog.splitlines()}
rows = {}
for line in (top / "docs/compatibility.md").read_text().splitlines():
    cells = [cell.strip() for cell in line.strip("|").split(" | ")]
    if line.startswith("|") and len(cells) == 3:
        for code in re.findall(r"`([^`]+)`|<code>(.*?)</code>", cells[0]):
            rows[(code[0] or code[1]).replace("&#124;", "|").replace(", ", ",")] = (cells[1], cells[2].split(", "))
missing = sorted(name for kind, name in objects if name not in rows)
ok(not missing, f"docs/compatibility.md has all {len(objects)} objects of pgvector", missing)
unsupported = set()
for name, (here, files) in rows.items():
    word = re.escape(re.split(r"[( ]", name)[0])
    paths = [top / file for file in files if file != "-"]
    texts = [path.read_text() if path.is_file() else "" for path in paths if path.exists()]
    if len(texts) != len(paths) or not (texts or here == "not yet"):
        unsupported.add(f"{name}: {files}")
    elif texts and not here.startswith("not here") and (("type", name) in objects or "(" in name) and "the same, behind" not in here:
        if not any(re.search(word, text) for text in texts):
            unsupported.add(f"{name}: not in {files}")
ok(not unsupported, "docs/compatibility.md names tests that are there", sorted(unsupported))
print(f"1..{tests}")
sys.exit(1 if failures or not blocks else 0)
