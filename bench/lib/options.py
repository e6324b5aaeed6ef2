"""
options.py -- what the measuring programs can be asked for, and the server's
settings that follow.  Needs nothing but Python, so that --help works at once.
"""
import argparse

EXTENSIONS = {
    "pgvector": {"extension": "vector", "method": "hnsw", "ef": "hnsw.ef_search"},
    "omendb": {"extension": "omendb", "method": "omenhnsw", "ef": "omenhnsw.ef_search"},
}
METRICS = {"l2": ("vector_l2_ops", "<->"), "cos": ("vector_cosine_ops", "<=>")}
SETS = {
    # metric, recall at which queries/s are compared, ef_search values
    "fashion784": ("l2", .996, (10, 20, 40, 80, 160)),
    "glove100": ("cos", .945, (20, 40, 80, 160, 320)),
    "clust128": ("l2", .98, (10, 20, 40, 80, 160)),
}
# and those that only some programs measure
ALL_SETS = SETS | {"text512": ("cos", .97, (10, 20, 40, 80, 160))}


def parser(program, description, sets, seconds, rounds):
    """The options that all measuring programs have."""
    p = argparse.ArgumentParser(prog=program, description=description)
    p.add_argument("--sets", default=",".join(sets), help="comma-separated; default %(default)s")
    p.add_argument("--rows", type=int, help="only the first ROWS rows of each set (their true neighbours are computed)")
    p.add_argument("--ef", help="comma-separated ef_search values instead of the set's own")
    p.add_argument("--seconds", type=type(seconds), default=seconds, help="length of one run (default %(default)s)")
    p.add_argument("--rounds", type=int, default=rounds, help="runs of which the median counts (default %(default)s)")
    p.add_argument("--inserts", type=int, default=2000, help="single-row inserts (default %(default)s)")
    p.add_argument("--m", type=int, default=16)
    p.add_argument("--ef-construction", type=int, default=64)
    p.add_argument("--workers", type=int, default=2, help="parallel workers of a build (default %(default)s)")
    p.add_argument("--shared-buffers", type=int, metavar="MB", help="default 6144, at most a quarter of the memory")
    p.add_argument("--maintenance-work-mem", type=int, metavar="MB", help="default 2048, at most a twelfth of the memory")
    p.add_argument("--json", default=program + ".json", help="where the figures go")
    p.add_argument("--root", help=argparse.SUPPRESS)
    p.add_argument("--sets-folder", help=argparse.SUPPRESS)
    p.add_argument("--commit", default="unknown", help=argparse.SUPPRESS)
    return p


def words(p, given, known):
    """A comma-separated option as a list; p is the parser to complain."""
    given = given.split(",")
    for word in given:
        if word not in known:
            p.error(f"unknown: {word} (known: {', '.join(known)})")
    return given


def memory_mb():
    with open("/proc/meminfo") as f:
        return int(f.readline().split()[1]) // 1024


def settings(opt):
    total = memory_mb()
    buffers = opt.shared_buffers or min(6144, total // 4)
    work = opt.maintenance_work_mem or min(2048, total // 12)
    return {
        "listen_addresses": "", "unix_socket_directories": "/var/lib/omendb-bench", "port": "5432",
        "shared_buffers": f"{buffers}MB", "maintenance_work_mem": f"{work}MB", "work_mem": "64MB",
        "effective_cache_size": f"{total // 2}MB", "max_wal_size": "30GB", "checkpoint_timeout": "1h",
        "max_parallel_maintenance_workers": str(opt.workers), "max_parallel_workers": "8",
        "max_parallel_workers_per_gather": "0", "autovacuum": "off", "jit": "off", "synchronous_commit": "off",
    }
