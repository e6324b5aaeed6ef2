"""What the tests of pages share: Chromium without a window, and TAP.  No test of its own."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

tests = failures = 0


def ok(good, name, detail=""):
    global tests, failures
    tests += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {tests} - {name}" + (f"\n# {detail}".replace("\n", "\n# ") if not good else ""), flush=True)
    return good


def done():
    print(f"1..{tests}")
    sys.exit(failures > 0)


def skip(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def chromium():
    """The program; a test without it is skipped by name."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or skip("there is no Chromium")


class Page:
    """What a page is once its scripts have run: its elements as text, and what its console says."""

    def __init__(self, url, *more, milliseconds=10000):
        with tempfile.TemporaryDirectory() as profile:
            command = [chromium(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={profile}",
                       "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-extensions", "--enable-logging=stderr", "--v=0",
                       f"--virtual-time-budget={milliseconds}", *more, "--dump-dom", url]
            run = subprocess.run(command, capture_output=True, text=True, timeout=240)
        self.html = run.stdout
        self.console = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
        self.stderr = run.stderr

    def text(self, identifier):
        """Of the element with that id, without its tags."""
        found = re.search(rf'<(\w+)[^>]*\bid="{identifier}"[^>]*>(.*?)</\1>', self.html, re.S)
        return plain(found.group(2)) if found else None

    def all(self, kind):
        """The texts of all elements of a class that have no such element inside."""
        return [plain(text) for _, text in re.findall(rf'<(\w+)[^>]*\bclass="{kind}"[^>]*>(.*?)</\1>', self.html, re.S)]


def plain(html):
    text = re.sub(r"<[^>]*>", "", html)
    for name, character in (("lt", "<"), ("gt", ">"), ("quot", '"'), ("nbsp", " "), ("amp", "&")):
        text = text.replace(f"&{name};", character)
    return text.strip()
