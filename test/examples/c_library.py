#!/usr/bin/python3
"""examples/c_library through its Python module: distances and codes as NumPy has them, errors, exported symbols.

The library is built in a temporary folder, unless OMENDB_VECTORS names one.
"""

import ctypes
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

example = Path(__file__).resolve().parents[2] / "examples/c_library"
folder = tempfile.TemporaryDirectory()
if "OMENDB_VECTORS" not in os.environ:
    built = subprocess.run(["make", "-s", "-C", example, f"BUILD={folder.name}", "CPPFLAGS=-Werror"], capture_output=True, text=True)
    if built.returncode or built.stderr:
        print("1..1\nnot ok 1 - the library is built without a warning\n#", built.stderr.replace("\n", "\n# "))
        sys.exit(1)
    os.environ["OMENDB_VECTORS"] = f"{folder.name}/libomendb_vectors.so"
sys.path.insert(0, str(example))
sys.dont_write_bytecode = True
import omendb_vectors as ov

tests = failures = 0
rng = np.random.default_rng(5)


def ok(good, name, detail=""):
    global tests, failures
    tests += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {tests} - {name}" + (f"\n# {detail}" if not good else ""))


def exact(metric, q, x):
    q, x = q.astype(np.float64), x.astype(np.float64)
    if metric == "l2":
        return ((x - q) ** 2).sum(1)
    if metric == "l1":
        return np.abs(x - q).sum(1)
    if metric == "ip":
        return -(x @ q)
    return 1 - x @ q / np.sqrt((x**2).sum(1) * (q**2).sum())


def raises(function, text, name):
    try:
        function()
        ok(False, name, "no error")
    except ValueError as error:
        ok(text in str(error), name, error)


# ---- what the library shows

symbols = subprocess.run(["nm", "-D", "--defined-only", os.environ["OMENDB_VECTORS"]], capture_output=True, text=True).stdout.split()[2::3]
ok(symbols and all(s.startswith("omv_") for s in symbols), "no symbol but those of its header is exported", symbols)
declared = [word for word in (example / "omendb_vectors.h").read_text().replace("*", " ").replace("(", " ( ").split() if word.startswith("omv_")]
ok(set(symbols) <= set(declared), "all of them are declared", set(symbols) - set(declared))
needed = subprocess.run(["nm", "-D", "--undefined-only", os.environ["OMENDB_VECTORS"]], capture_output=True, text=True).stdout
ok("palloc" not in needed and "errstart" not in needed, "nothing of PostgreSQL is needed", needed)
print("# instructions:", ov.instructions().decode())

# ---- distances

wrong = []
for dim in (1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100, 128, 255, 769, 1536, 16000):
    x, q = rng.normal(size=(20, dim)).astype(np.float32), rng.normal(size=dim).astype(np.float32)
    for kind in (np.float32, np.float16):
        a, b = x.astype(kind), q.astype(kind)
        size = {"l2": exact("l2", b, a), "l1": exact("l1", b, a), "ip": np.abs(a.astype(float)) @ np.abs(b.astype(float)), "cosine": 1.0}
        for metric, scale in size.items():
            off = np.abs(ov.distances(metric, b, a) - exact(metric, b, a))
            if not (off <= 1e-5 * scale).all():
                wrong.append((kind.__name__, dim, metric, off.max()))
    bits, one = rng.integers(0, 256, size=(20, dim), dtype=np.uint8), rng.integers(0, 256, size=dim, dtype=np.uint8)
    common, either = np.unpackbits(bits & one, axis=1).sum(1), np.unpackbits(bits | one, axis=1).sum(1)
    if not (ov.distances("hamming", one, bits) == np.unpackbits(bits ^ one, axis=1).sum(1)).all():
        wrong.append((dim, "hamming"))
    if not np.allclose(ov.distances("jaccard", one, bits), 1 - common / either, rtol=1e-15):
        wrong.append((dim, "jaccard"))
ok(not wrong, "distances are NumPy's", wrong)
ok(np.isnan(ov.distances("cosine", np.zeros(3, np.float32), np.ones((1, 3), np.float32))[0]), "cosine: NaN for a vector of zeros")
for scale in (1e-30, 1e30):
    off = ov.distances("cosine", (q * scale).astype(np.float32), (x * scale).astype(np.float32)) - exact("cosine", q, x)
    ok(np.abs(off).max() < 1e-6, f"cosine: vectors scaled by {scale}", off)
ok(ov.distances("jaccard", np.zeros(2, np.uint8), np.zeros((1, 2), np.uint8))[0] == 1, "jaccard: 1 where no bit is common")
ok(len(ov.distances("l2", q, np.empty((0, 16000), np.float32))) == 0, "no rows")

# ---- codes: neighbours by estimates are among those by NumPy

latent = rng.normal(size=(4000, 12)) @ rng.normal(size=(12, 96)) + 0.2 * rng.normal(size=(4000, 96))
base, queries = latent[:3950].astype(np.float32), latent[3950:].astype(np.float32)
KINDS = [("rabitq", {"bits": bits}, least) for bits, least in ((1, 0.4), (2, 0.6), (4, 0.85), (8, 0.97))]
KINDS += [("pq", {"subvectors": 24}, 0.5), ("sq8", {}, 0.95), ("none", {}, 0.999)]
for kind, options, least in KINDS:
    for metric in ("l2", "ip", "cosine", "l1"):
        if metric == "l1" and kind not in ("sq8", "none"):
            raises(lambda: ov.Quantizer.train(kind, metric, base, **options), "invalid argument", f"{kind} {options}: no l1")
            continue
        quantizer = ov.Quantizer.train(kind, metric, base, seed=7, **options)
        codes = quantizer.encode(base)
        found, within = 0, []
        for query in queries:
            true = exact(metric, query, base)
            estimate, error = quantizer.distances(query, codes, errors=True)
            found += len(np.intersect1d(true.argsort()[:10], estimate.argsort()[:10]))
            within.append((np.abs(estimate - true) <= 4 * error + 1e-5 * np.abs(true).max()).mean())
        name = f"{kind} {options or ''} {metric}"
        ok(found >= least * 10 * len(queries), f"{name}: neighbours", found / 10 / len(queries))
        ok(np.mean(within) > 0.99, f"{name}: errors as announced", np.mean(within))
        again = ov.Quantizer.load(quantizer.spec, quantizer.model)
        ok((again.encode(base[:100]) == codes[:100]).all(), f"{name}: a loaded model gives the same codes")
        unit = base / np.linalg.norm(base, axis=1, keepdims=True) if metric == "cosine" else base
        near = np.linalg.norm(quantizer.decode(codes) - unit, axis=1) / np.linalg.norm(unit - unit.mean(0), axis=1)
        ok(near.mean() < (0.75 if options.get("bits") == 1 else 0.6), f"{name}: decoded vectors are near", near.mean())
ok(ov.Quantizer.train("rabitq", "l2", base, bits=4).code_bytes == 96 // 2 + 12, "bytes of a code")

# ---- errors

raises(lambda: ov.Quantizer.train("rabitq", "l2", base, bits=3), "invalid argument", "bits that there are not")
raises(lambda: ov.Quantizer.train("pq", "l2", base, subvectors=97), "invalid argument", "more subvectors than dimensions")
raises(lambda: ov.Quantizer.train("pq", "l2", base[:999], subvectors=24), "too few rows", "too few rows")
raises(lambda: ov.Quantizer.train("rabitq", "l2", np.full((2, 3), np.nan), bits=4), "NaN or infinite", "NaN in training")
raises(lambda: ov.Quantizer.train("rabitq", "l2", np.zeros((2, 16001)), bits=4), "invalid argument", "too many dimensions")
raises(lambda: quantizer.encode(np.full((2, 96), np.inf)), "NaN or infinite", "infinity to encode")
raises(lambda: quantizer.distances(np.full(96, np.nan), codes), "NaN or infinite", "NaN in a query")
raises(lambda: ov.Quantizer.load(quantizer.spec, np.zeros(5)), "invalid argument", "a model of another size")
raises(lambda: ov.distances("hamming", q, x), "invalid argument", "a metric of other values")
raises(lambda: ov.distances("l2", q[:3], x), "where rows of", "dimensions that differ")
ok(ov.encode(None, None, 0, None) == -1 and ov.train(None, None, 0, None) == -1 and ov.code_bytes(None) == -1, "NULL pointers")
buffer = np.zeros(quantizer.code_bytes + 1, np.uint8)
ok(ov.encode(quantizer.handle, base.ctypes.data, 1, buffer.ctypes.data + 1) == -1, "codes that are not aligned")
ov.free(None)
ok(ov.message(-3) == b"out of memory" and ov.message(77) == b"unknown error", "messages")

print(f"1..{tests}")
sys.exit(1 if failures else 0)
