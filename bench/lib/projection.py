#!/usr/bin/python3
"""
projection.py FIGURES.json [OPTIONS] -- from what bench/scale has measured to a number of rows that nobody here has measured: memory,
disk, machines, build hours, queries a second, money.

On paper only.  The growth comes from sizes of --growth-dim dimensions, what a row costs from the largest size of --dim.  All
assumptions are options, and are printed.
"""
import argparse
import json
import math

from growth import Growth
from scalereport import by_dim, markdown


def options():
    p = argparse.ArgumentParser(prog="projection", description="bench/scale's figures, continued on paper")
    p.add_argument("figures")
    p.add_argument("--rows", type=float, default=1e9)
    p.add_argument("--dim", type=int, default=768)
    p.add_argument("--growth-dim", type=int, default=96)
    p.add_argument("--ef", type=int, default=40)
    p.add_argument("--cores", type=int, default=64, help="of a machine (default %(default)s)")
    p.add_argument("--memory-gb", type=int, default=512, help="of a machine (default %(default)s)")
    p.add_argument("--disk-gb", type=int, default=7000, help="of a machine (default %(default)s)")
    p.add_argument("--for-index", type=float, default=.75, help="share of the memory that index pages may take (default %(default)s)")
    p.add_argument("--partition-rows", type=float, default=25e6, help="rows of a partition: built at once, searched by one walk (default %(default)s)")
    p.add_argument("--utilisation", type=float, default=.6, help="share of the cores that searches may take (default %(default)s)")
    p.add_argument("--build-efficiency", type=float, default=.7, help="of all cores building, against one (default %(default)s)")
    p.add_argument("--price", type=float, default=1500, help="of a machine a month, in the currency of your choice (default %(default)s)")
    p.add_argument("--copies", type=int, default=2, help="of each shard: the primary and its standbys (default %(default)s)")
    p.add_argument("--heap-bytes", type=float, help="bytes of a row of the table, instead of those measured")
    return p.parse_args()


def at_ef(one, ef):
    return next(r for r in one["recall"] if r["ef"] == ef)


class Paper:
    """Growth in the narrow dimensions, times what a wide row costs more at the same size."""

    def __init__(self, opt, dims):
        self.ef, self.part = opt.ef, opt.partition_rows
        self.narrow = [s for s in dims[opt.growth_dim] if s.get("recall")]
        self.wide = [s for s in dims[opt.dim] if s.get("recall")][-1]
        self.hops, self.cpu_ms = self.searched("hops"), self.searched("cpu_ms")
        self.build_cpu = self.grown(self.narrow, lambda s: s["build_cpu_seconds"] / s["rows"] if "build_cpu_seconds" in s else None)
        missed = [(s["rows"], 1 - at_ef(s, opt.ef)["recall"]) for s in self.narrow if at_ef(s, opt.ef)["recall"] < 1]
        self.recall = 1 - Growth(*zip(*missed)).by_power(self.part) if len(missed) > 1 else 1
        self.index, self.heap = self.wide["index_bytes_per_row"], opt.heap_bytes or self.wide["table_bytes_per_row"]
        self.reads = at_ef(self.wide, opt.ef)["rows_read"]

    def searched(self, figure):
        return self.grown(self.narrow, lambda s: at_ef(s, self.ef)[figure])

    def grown(self, sizes, figure):
        points = [(s["rows"], figure(s)) for s in sizes if figure(s) is not None]
        at_size = min(points, key=lambda p: abs(math.log(p[0] / self.wide["rows"])))[1]
        return figure(self.wide) / at_size * Growth(*zip(*points)).at(self.part)


def project(opt, paper):
    gb = 2 ** 30
    index, heap = opt.rows * paper.index / gb, opt.rows * paper.heap / gb
    by_memory, by_disk = index / (opt.memory_gb * opt.for_index), 1.2 * (index + heap) / opt.disk_gb
    shards = math.ceil(max(by_memory, by_disk))
    parts = math.ceil(opt.rows / opt.partition_rows)
    cpu = parts * paper.cpu_ms / 1000
    qps = shards * opt.cores * opt.utilisation / cpu * opt.copies
    latency = math.ceil(parts / shards / opt.cores) * paper.cpu_ms
    hours = opt.rows * paper.build_cpu / (shards * opt.cores * opt.build_efficiency) / 3600
    yield "index", f"{paper.index:,.0f} bytes a row", f"{index:,.0f} GB"
    yield "table", f"{paper.heap:,.0f} bytes a row", f"{heap:,.0f} GB"
    yield "shards", f"index in {opt.for_index:.0%} of {opt.memory_gb} GB: {by_memory:.1f}; index and table, with a fifth to spare, on {opt.disk_gb:,} GB: {by_disk:.1f}", f"{shards}"
    yield "partitions", f"of {opt.partition_rows:,.0f} rows", f"{parts}, {parts / shards:.1f} a shard"
    yield "hops of a search of all", f"{paper.hops:,.0f} in each partition", f"{parts * paper.hops:,.0f}"
    yield "recall of a partition", f"continued from those measured at ef_search {opt.ef}; that of a search of all is higher", f"{paper.recall:.3f}"
    yield "CPU of a search of all", f"{paper.cpu_ms:.2f} ms in each partition", f"{1000 * cpu:,.0f} ms"
    yield "rows of the table read", f"{paper.reads:.0f} in each partition", f"{parts * paper.reads:,.0f}"
    yield "searches of all a second", f"{opt.copies} copies, {opt.utilisation:.0%} of {opt.cores} cores", f"{qps:,.0f}"
    yield "searches of one partition a second", "by its key: a tenant, a month", f"{qps * parts:,.0f}"
    yield "least time of a search of all", "a core for each partition, index in memory, without the network", f"{latency:.1f} ms"
    yield "build", f"{1e6 * paper.build_cpu:,.0f} us of CPU a row, all cores at {opt.build_efficiency:.0%}", f"{hours:.1f} h"
    yield "machines", f"{opt.copies} copies and a coordinator", f"{shards * opt.copies + 1}"
    yield "a month", f"{opt.price:,.0f} each", f"{(shards * opt.copies + 1) * opt.price:,.0f}"


def main():
    opt = options()
    with open(opt.figures, encoding="utf-8") as f:
        dims = by_dim(json.load(f))
    paper = Paper(opt, dims)
    print(f"{opt.rows:,.0f} rows of {opt.dim} dimensions, ef_search {opt.ef}: growth measured up to {paper.narrow[-1]['rows']:,} rows of {opt.growth_dim} dimensions, "
          f"costs of a row at {paper.wide['rows']:,} of {opt.dim}\n")
    print("\n".join(markdown(["", "from", "figure"], list(project(opt, paper)))), end="")


if __name__ == "__main__":
    main()
