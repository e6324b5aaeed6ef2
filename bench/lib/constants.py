"""
constants.py -- what constants of the quantizers do to the error of codes.

    bench/lib/constants.py [--rows N] [NAME...]

For each constant and each of some values: builds examples/c_library from a copy of src/ with that
value, encodes rows of synthetic data sets, and prints two figures of the distances from queries to
codes: their error (root mean square of estimate less distance, in thousandths of the mean distance),
and of the 10 nearest rows the share that is among the 10 nearest codes.  No figure is a time: the
result is the same on a busy machine.  docs/measurements.md#constants has the figures.

Needs: python3-numpy, make, gcc.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

import numpy as np

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

# name: file, values (the one in the source among them), quantizer, its options, data sets
CONSTANTS = {
    "TRIAL_PASSES": ("rabitq.c", ("1", "2", "4", "8", "16"), "rabitq", {"bits": 4}, ("normal128", "student128", "clusters256")),
    "TRIAL_PASSES_SHORT": ("rabitq.c", ("2", "4", "10", "20"), "rabitq", {"bits": 4}, ("normal16", "normal64", "student32")),
    "ITERATIONS": ("pq_train.c", ("1", "2", "5", "10", "20"), "pq", {"subvectors": 32}, ("normal128", "student128", "clusters256")),
    "SEED_ROWS": ("pq_train.c", ("512", "2048", "8192"), "pq", {"subvectors": 32}, ("normal128", "clusters256")),
    "TRIM": ("sq8.c", ("100", "1000", "10000"), "sq8", {}, ("normal128", "student32", "clusters256")),
    "WIDEN": ("sq8.c", ("0.0", "0.25", "1.0"), "sq8", {}, ("normal128", "student32", "clusters256")),
    "TRIM_NARROW": ("sq8.c", ("30", "100", "300"), "sq8", {}, ("normal128", "student32", "clusters256")),
    "LEAST_WIDTH": ("sq8.c", ("(1.0 / 4)", "(1.0 / 64)", "(1.0 / 1024)"), "sq8", {}, ("normal128", "scales64")),
}


def data_set(name, n):
    rng = np.random.default_rng(7)
    kind, dim = re.fullmatch(r"([a-z]+)(\d+)", name).groups()
    dim = int(dim)
    if kind == "normal":
        x = rng.standard_normal((n, dim))
    elif kind == "student":
        x = rng.standard_t(3, (n, dim))
    elif kind == "scales":      # components over two powers of ten
        x = rng.standard_normal((n, dim)) * 10 ** rng.uniform(-1, 1, dim)
    else:                       # 50 clusters of 24 intrinsic dimensions
        basis = rng.standard_normal((50, 24, dim))
        cluster = rng.integers(50, size=n)
        x = 3 * rng.standard_normal((50, dim))[cluster] + np.einsum("nk,nkd->nd", rng.standard_normal((n, 24)), basis[cluster]) / 5
    return x.astype(np.float32)


def measure(kind, options, rows, queries):
    """In a process of its own, as it loads the library that OMENDB_VECTORS names."""
    sys.path.insert(0, os.path.join(TOP, "examples/c_library"))
    from omendb_vectors import Quantizer
    quantizer = Quantizer.train(kind, "l2", rows, **options)
    codes = quantizer.encode(rows)
    errors, scale, hits = [], [], 0
    for query in queries:
        exact = ((rows.astype(np.float64) - query) ** 2).sum(axis=1)
        found = quantizer.distances(query, codes)
        errors.append(np.mean((found - exact) ** 2))
        scale.append(exact.mean())
        hits += len(set(np.argsort(exact)[:10]) & set(np.argsort(found, kind="stable")[:10]))
    print(f"{1000 * np.sqrt(np.mean(errors)) / np.mean(scale):.3f} {hits / 10 / len(queries):.3f}")


def copy_sources(folder):
    """The library's sources, where one file at a time is changed: make then compiles that one only."""
    shutil.copytree(os.path.join(TOP, "src"), os.path.join(folder, "src"), ignore=shutil.ignore_patterns("*.o", "*.bc", "*.d"))
    shutil.copytree(os.path.join(TOP, "examples/c_library"), os.path.join(folder, "examples/c_library"), ignore=shutil.ignore_patterns("build"))


def build(folder, file, name, value):
    """The library with another value of one constant; the one of the source if value is None."""
    with open(os.path.join(TOP, "src/quant", file)) as f:
        text = f.read()
    if value is not None:
        text, n = re.subn(rf"^(#define\s+{name})\s+(\(.*?\)|\S+)", rf"\g<1> {value}", text, flags=re.MULTILINE)
        if n != 1:
            sys.exit(f"constants.py: {file} defines {name} {n} times")
    with open(os.path.join(folder, "src/quant", file), "w") as f:
        f.write(text)
    subprocess.run(["make", "-s", "-C", os.path.join(folder, "examples/c_library")], check=True)
    return os.path.join(folder, "examples/c_library/build/libomendb_vectors.so")


def main():
    parser = argparse.ArgumentParser(usage="bench/lib/constants.py [--rows N] [NAME...]")
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    if args.one:
        _, _, kind, options, _ = CONSTANTS[args.one[0]]
        rows = data_set(args.one[1], args.rows + args.queries)
        measure(kind, options, rows[:args.rows], rows[args.rows:])
        return
    with tempfile.TemporaryDirectory() as folder:
        copy_sources(folder)
        for name in args.names or CONSTANTS:
            file, values, _, _, sets = CONSTANTS[name]
            print(f"| `{name}` | " + " | ".join(sets) + " |\n|---|" + "---|" * len(sets), flush=True)
            for value in values:
                library = build(folder, file, name, value)
                cells = [", ".join(subprocess.run(
                    [sys.executable, __file__, "--rows", str(args.rows), "--queries", str(args.queries), "--one", name, s],
                    env={**os.environ, "OMENDB_VECTORS": library}, check=True, capture_output=True, text=True).stdout.split()) for s in sets]
                print(f"| {value} | " + " | ".join(cells) + " |", flush=True)
            build(folder, file, name, None)
            print()


main()
