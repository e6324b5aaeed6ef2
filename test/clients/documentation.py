#!/usr/bin/python3
"""What docs/clients.md shows is what the tests run.

A block of code below a comment `<!-- test/clients/knex.js -->` stands in that file, line by
line, indented or not; a line `...` in it leaves lines out.  Every client has a block.
"""

import re
import sys
from pathlib import Path

top = Path(__file__).resolve().parents[2]
blocks = re.findall(r"^<!-- (test/clients/\S+|examples/\S+) -->\n```\w*\n(.*?)^```$", (top / "docs/clients.md").read_text(), re.M | re.S)
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
print(f"1..{tests}")
sys.exit(1 if failures or not blocks else 0)
