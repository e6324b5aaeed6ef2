"""
buildbar.py -- the progress of an index build as one bar, from rows of pg_stat_progress_create_index.

A phase has a part of the bar, about its part of the time; what counts rows moves by these, the others by time: towards
their end, in relation to how long the rows took. The bar never goes back, whatever the counters do.
"""
import math

PREFIX = "building index: "
# Phase and where its part of the bar ends.
PARTS = {
    "omenhnsw": (("initializing", .01), ("sampling table", .03), ("training quantizer", .05), ("inserting tuples", .76),
                 ("relinking nodes", .94), ("connecting nodes", .96), ("writing pages", 1)),
    "pgvector": (("initializing", .01), ("loading tuples", 1)),
}


class BuildBar:
    def __init__(self, method="omenhnsw"):
        self.parts, begin = {}, 0
        for phase, end in PARTS[method]:
            self.parts[phase] = (begin, end)
            begin = end
        self.share = 0.0
        self.since = {}             # phase: seconds at its first row

    def update(self, phase, done, total, seconds):
        """Returns the share of the build that is done, 0 to 1."""
        name = phase.removeprefix(PREFIX)
        if name not in self.parts:
            return self.share       # "initializing", before the index is begun, or of a newer version
        begin, end = self.parts[name]
        first = self.since.setdefault(name, seconds)
        # counts of an earlier phase stay until the next one sets its own
        counted = total > 0 and name in ("inserting tuples", "loading tuples", "training quantizer")
        within = min(done / total, 1) if counted else 1 - math.exp(-(seconds - first) / self.expected(begin, end))
        self.share = max(self.share, begin + (end - begin) * within)
        return self.share

    def expected(self, begin, end):
        """Seconds of a phase without counts, as the phase of the rows took."""
        for counted in ("inserting tuples", "loading tuples"):
            later = [s for s in self.since.values() if s > self.since.get(counted, math.inf)]
            if later:
                rows = self.parts[counted]
                return max((min(later) - self.since[counted]) * (end - begin) / (rows[1] - rows[0]), .1)
        return 1.0


def drawn(share, width=30):
    return "[" + ("#" * round(share * width)).ljust(width) + f"] {share:4.0%}"
