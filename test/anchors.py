#!/usr/bin/python3
"""test/anchors.py -- every anchor of measurements.md named in the sources and pages leads to a heading of docs/measurements.md,
every [text](page.md#anchor) of a page to a heading of that page, README.md and docs/README.md to every page of docs/;
the constants of docs/measurements.md are in the files that it says; the list of folders in src/README.md is that of
make deps; and a header of src/ declares what files of its own folder define, so that an include says who calls whom.
The last line is the count."""

import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = ["src", "docs", "bench", "test", "examples", "."]
CONSTANT = re.compile(r"`([A-Z_]{4,})`")
SOURCE = re.compile(r"`([a-z0-9_/]+\.[ch])`")
HEADING = re.compile(r"^#+ (.*)$", re.M)
NAMED = re.compile(r"measurements\.md#([a-z0-9-]+)")
DECLARED = re.compile(r"^extern [^;()]*?(\w+)\(", re.M)
DEFINED = re.compile(r"^(\w+)\([^;{]*?\)\n\{", re.M)
LINK = re.compile(r"\]\(([^)\s:]*\.md)?(?:#([^)\s]+))?\)")


def anchors(path):
    """Those that GitHub makes of the headings of a page."""
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"^```.*?^```", "", file.read(), flags=re.M | re.S)
    found = set()
    for heading in HEADING.findall(text):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        n, name = 0, slug
        while name in found:
            n += 1
            name = f"{slug}-{n}"
        found.add(name)
    return found


def sources():
    for folder in FOLDERS:
        for at, folders, names in os.walk(os.path.join(TOP, folder)):
            folders[:] = [] if folder == "." else [f for f in folders if f not in ("node_modules", "out") and not at.endswith("unit")]
            for name in sorted(names):
                if name.endswith((".c", ".h", ".md", ".py", ".pl", ".sql", ".sh")):
                    yield os.path.normpath(os.path.join(at, name))


def constants(page, texts):
    """What is wrong with the table of constants: each is a name of one of the source files of its row, if there are any."""
    with open(page, encoding="utf-8") as file:
        table = file.read().partition("### Constants\n")[2]
    for row in table.splitlines():
        row = row.split(" | ")[0]
        files = [path for name in SOURCE.findall(row) for path in texts if path.endswith("/" + name)]
        for name in SOURCE.findall(row):
            if not any(path.endswith("/" + name) for path in texts):
                yield f"docs/measurements.md: there is no {name}"
        for name in CONSTANT.findall(row):
            if not any(re.search(rf"\b{name}\b", texts[path]) for path in files or texts):
                yield f"docs/measurements.md: {name} is not there"


def owners(texts):
    """Functions that a header declares and a file of another folder defines; callbacks of access methods may be anywhere."""
    defined = {name: path for path, text in texts.items() if path.endswith(".c") for name in DEFINED.findall(text)}
    for path, text in texts.items():
        if path.endswith(".h") and not path.endswith("callbacks.h"):
            for name in DECLARED.findall(text):
                if name in defined and os.path.dirname(defined[name]) != os.path.dirname(path):
                    yield f"{os.path.relpath(path, TOP)}: {name}() is defined in {os.path.relpath(defined[name], TOP)}"


def folders(page):
    """What is wrong with the list of folders: the indented block that begins with the line of kernel."""
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    made = subprocess.run(["make", "-s", "-C", TOP, "deps"], env=env, stdout=subprocess.PIPE, text=True, check=False)
    with open(page, encoding="utf-8") as file:
        block = re.search(r"^    kernel +-\n(?:    .*\n)*", file.read(), flags=re.M)
    if made.returncode != 0:
        yield "make deps failed"
    elif block is None or re.sub("^    ", "", block[0], flags=re.M) != made.stdout:
        yield "src/README.md: the list of folders is not what make deps prints"


def main():
    known, checked, wrong, texts = {}, 0, [], {}
    measurements = os.path.join(TOP, "docs", "measurements.md")
    for path in sources():
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if path.endswith((".c", ".h")) and path.startswith(os.path.join(TOP, "src")):
            texts[path] = text
        named = [(measurements, anchor) for anchor in NAMED.findall(text)]
        if path.endswith(".md"):
            for page, anchor in LINK.findall(text):
                target = os.path.normpath(os.path.join(os.path.dirname(path), page)) if page else path
                if page or anchor:
                    named.append((target, anchor))
        for target, anchor in named:
            checked += 1
            if target not in known:
                known[target] = anchors(target) if os.path.exists(target) else None
            if known[target] is None or (anchor and anchor not in known[target]):
                wrong.append(f"{os.path.relpath(path, TOP)}: there is no {os.path.relpath(target, TOP)}#{anchor}")
    wrong += constants(measurements, texts)
    wrong += owners(texts)
    wrong += folders(os.path.join(TOP, "src", "README.md"))
    docs = os.path.join(TOP, "docs")
    for index, folder in (("README.md", "docs/"), ("docs/README.md", "")):
        with open(os.path.join(TOP, index), encoding="utf-8") as file:
            text = file.read()
        for page in sorted(os.listdir(docs)):
            if page.endswith(".md") and page != "README.md" and not re.search(rf"\]\({folder}{page}[)#]", text):
                wrong.append(f"{index} does not lead to {page}")
    print("\n".join(wrong + [f"{checked} links and anchors, {len(wrong)} of them wrong"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
