"""
progress.py -- the bar of a build that is being measured, at a terminal only: it asks the server once a second, which takes about a
hundredth of one core; into a file nothing is drawn, and nothing is asked.
"""
import sys
import threading
import time

from buildbar import BuildBar, drawn

ROW = "SELECT phase, tuples_done, tuples_total FROM pg_stat_progress_create_index LIMIT 1"


class Progress:
    """with Progress(server, database, extension): CREATE INDEX ..."""

    def __init__(self, server, database, extension):
        self.server, self.database = server, database
        self.bar = BuildBar("pgvector" if extension == "pgvector" else "omenhnsw")
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.draw, daemon=True) if sys.stdout.isatty() else None

    def __enter__(self):
        self.start = time.time()
        if self.thread:
            self.thread.start()

    def __exit__(self, *error):
        self.over.set()
        if self.thread:
            self.thread.join()
            print("\r\033[K", end="", flush=True)

    def draw(self):
        while not self.over.wait(1):
            for phase, done, total in self.server.sql(self.database, ROW):
                seconds = time.time() - self.start
                share = self.bar.update(phase, int(done), int(total), seconds)
                print(f"\r  {drawn(share)}  {seconds:.0f} s, {phase}\033[K", end="", flush=True)
