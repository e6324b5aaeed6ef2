#!/usr/bin/python3
"""examples/search: packages are loaded, the page answers by meaning, words and both, in Chromium.

PGHOST names a server that has omendb; the module pg is installed in examples/search.
"""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from browser import Page, chromium, done, ok, skip

example = Path(__file__).resolve().parents[2] / "examples/search"
database = "example_search"
if not (example / "node_modules/pg").exists():
    skip("the module pg of Node is not installed")
chromium()
environment = {**os.environ, "PGDATABASE": database, "PORT": "0"}


def psql(sql):
    return subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql], env=environment, check=True, capture_output=True, text=True).stdout.strip()


# ---- packages of three subjects; those that edit pictures say so in different words

SUBJECTS = {
    "games": ("chess board player opponent game", ["play chess", "chess engine", "board game of chess", "game of cards"]),
    "graphics": ("picture image photo pixel colour", ["edit images", "retouch a photo", "picture editor", "convert image formats"]),
    "sound": ("music audio song tune", ["play music", "record audio", "edit a song", "tune an instrument"]),
}


def stanzas():
    n = 0
    for section, (words, summaries) in SUBJECTS.items():
        words = words.split()
        for i in range(60):
            n += 1
            use = [words[(i + j * (1 + i % 3)) % len(words)] for j in range(3)]
            yield (f"Package: {section}{i}\nVersion: 1.{i}\nSection: {section}\nSize: {(i + 1) * 10000}\n"
                   f"Description: {summaries[i % 4]}\n Works on {use[0]} and {use[1]}.\n .\n For every {use[2]}.\nTag: use::{words[i % len(words)]}\n\n")
    yield "Package: tab\\back\nSize: 1\nDescription: <b>odd</b> \\. name\n\nPackage: nothing\nSize: 1\n\n"


subprocess.run(["dropdb", "--if-exists", database], check=True, capture_output=True)
subprocess.run(["createdb", database], check=True)
loaded = subprocess.run([sys.executable, str(example / "load.py")], env=environment, input="".join(stanzas()), capture_output=True, text=True)
ok(loaded.returncode == 0 and loaded.stdout.startswith("181 packages") and not loaded.stderr, "packages are loaded", loaded.stdout + loaded.stderr)
ok(psql("SELECT name, summary FROM package ORDER BY id DESC LIMIT 1") == "tab\\back|<b>odd</b> \\. name", "texts arrive as they are")
psql("DO $$ BEGIN IF to_regrole('example_page') IS NULL THEN CREATE ROLE example_page LOGIN; END IF; END $$; GRANT SELECT ON package, word TO example_page; "
     # so few rows that reading all of them is cheaper
     "ALTER ROLE example_page SET enable_seqscan = off; ALTER ROLE example_page SET enable_sort = off")

server = subprocess.Popen(["node", str(example / "server.js")], env={**environment, "PGUSER": "example_page"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
try:
    base = server.stdout.readline().strip()
    ok(base.startswith("http://127.0.0.1:"), "the server says where it listens", base)

    def ask(**parameters):
        try:
            with urllib.request.urlopen(base + "api/search?" + urllib.parse.urlencode(parameters)) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    # ---- what is found, and by which index

    for mode, indexes in (("meaning", ["package_embedding"]), ("words", ["package_body"]), ("both", ["package_body", "package_embedding"])):
        status, found = ask(q="picture editing", mode=mode, section="graphics", size=300)
        rows = found.get("rows", [])
        ok(status == 200 and rows and all(row["section"] == "graphics" and row["size"] <= 300 for row in rows), f"{mode}: rows match the filters", found)
        ok(all(index in found["plan"] for index in indexes) and "Index Cond" in found["plan"], f"{mode}: the indexes answer search and filters", found["plan"])
    status, found = ask(q="retouch", mode="meaning")
    names = [row["name"] for row in found["rows"]]
    with_word = psql("SELECT string_agg(name, ' ') FROM package WHERE body ~ 'retouch'").split()
    ok(all(name.startswith("graphics") for name in names), "meaning: packages of the subject come first", names)
    ok(set(with_word) < set(names), "meaning: those that have the word, and then others", (with_word, names))
    status, found = ask(q="opponent zzz", mode="both")
    ok(status == 200 and found["mode"] == "both", "words that nobody knows do not matter beside others", found)
    status, found = ask(q="zzz", mode="both")
    ok(status == 200 and found["mode"] == "words" and found["rows"] == [], "a query without an embedding is one of words", found)

    # ---- what is no query

    for parameters, text in (({"q": ""}, "nothing to search"), ({"q": "x", "mode": "toString"}, "mode is"), ({"q": "x", "size": "1; DROP"}, "whole number"),
                             ({"q": "sto*", "mode": "words"}, "prefix search"), ({"q": "zzz", "mode": "meaning"}, "embedding"), ({"q": "x" * 1001}, "1,000")):
        status, found = ask(**parameters)
        ok(status == 400 and text in found.get("error", ""), f"error: {text}", found)
    status, found = ask(q="chess'; DROP TABLE package; --", mode="both", section="games'; --")
    ok(status == 200 and found["rows"] == [] and psql("SELECT count(*) FROM package") == "181", "what is typed is never a part of SQL", found)

    # ---- the page

    page = Page(base + "?" + urllib.parse.urlencode({"q": "edit a picture", "mode": "both", "section": "graphics", "size": "1000"}))
    ok('data-state="found"' in page.html and not page.console, "the page searches, and its console says nothing", (page.console, page.stderr[-2000:], page.html[:500]))
    names = page.all("name")
    ok(len(names) == 20 and all(name.startswith("graphics") for name in names), "20 results", names)
    ok("by words and meaning in" in (page.text("status") or ""), "the time is shown", page.text("status"))
    ok("FULL JOIN" in (page.text("sql") or "") and "Index Scan using package_embedding" in (page.text("plan") or ""), "SQL and plan are shown")
    ok(all(re.match(r"score 0\.0\d+: ", figure) for figure in page.all("figure")), "scores and ranks are shown", page.all("figure"))
    ok("181 descriptions" in (page.text("about") or "") and "graphics (60)" in page.html, "the sections are offered", page.text("about"))
    page = Page(base + "?q=odd&mode=words")
    ok(page.all("summary") == ["<b>odd</b> \\. name"] and not page.console, "texts are not taken for HTML", page.all("summary"))
    page = Page(base + "?q=sto*&mode=words")
    ok("prefix search is not supported" in (page.text("status") or "") and 'data-state="failed"' in page.html, "errors are shown", page.text("status"))
finally:
    server.terminate()
    log = server.communicate()[1]
ok(log == "", "the server logged no error", log)
subprocess.run(["dropdb", "--force", database], check=True, capture_output=True)
done()
