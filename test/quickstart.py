#!/usr/bin/python3
"""
quickstart.py -- what test/quickstart.sh needs besides SQL.

  quickstart.py copy train|test     bytes for COPY (id, label, embedding) ... (FORMAT binary)
  quickstart.py progress            reads progress rows, one a line, and draws a progress line
  quickstart.py report FOUND PAGE FACTS
                                    recall@10 of what was found, and the page with images

FOUND has a line per returned row: number of the test image, number of the training
image, distance.  FACTS has what else the page shows, a line each: name, tab, value.
"""
import base64
import html
import os
import struct
import sys
import zlib

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench")
sys.path[:0] = [os.path.join(BENCH, "sets"), os.path.join(BENCH, "lib")]

import numpy as np                                       # noqa: E402
from buildbar import BuildBar, drawn                     # noqa: E402
from vecs import copy_binary, exact, read_idx, recall    # noqa: E402

SOURCE = os.environ.get("FASHION_DIR", "/usr/share/datasets/fashion-mnist")
FILES = {"train": "train", "test": "t10k"}
NAMES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
K = 10


def load(part):
    prefix = os.path.join(SOURCE, FILES[part])
    return read_idx(prefix + "-images-idx3-ubyte.gz"), read_idx(prefix + "-labels-idx1-ubyte.gz")


def copy(part):
    images, labels = load(part)
    for piece in copy_binary(images, labels=labels):
        sys.stdout.buffer.write(piece)


# ---------------------------------------------------------------- progress

def progress():
    """
    Lines 'seconds<TAB>phase<TAB>done<TAB>total'.  One bar for the whole build, drawn over itself on a
    terminal; into a file a line for each phase, each tenth of the bar and each ten seconds.
    """
    terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    bar, last, shown, when = BuildBar(), "", None, 0.0
    for line in sys.stdin:
        seconds, phase, done, total = line.rstrip("\n").split("\t")
        seconds, done, total = float(seconds), int(done), int(total)
        share = bar.update(phase, done, total, seconds)
        rows = f"{min(done, total):,} of {total:,} rows, " if total and "inserting" in phase else ""    # the total is an estimate
        last = f"{seconds:.1f} s, {rows}{phase}"
        if terminal:
            print(f"\r  {drawn(share)}  {last}\033[K", end="", flush=True)
        elif (phase, int(share * 10)) != shown or seconds >= when + 10:
            print(f"  {share:4.0%}  {last}", flush=True)
            shown, when = (phase, int(share * 10)), seconds
    if terminal and last:
        print(f"\r  {drawn(1)}  {last}\033[K")


# --------------------------------------------------------------------- page

def png(pixels):
    """A 28 x 28 greyscale PNG, as a data URI; dark on light, as print is."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + bytes(255 - p for p in row) for row in pixels.reshape(28, 28))
    data = (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 28, 28, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))
    return "data:image/png;base64," + base64.b64encode(data).decode()


def figure(pixels, label, number, below, mark=""):
    name = html.escape(NAMES[label])
    return (f'<figure{mark}><img src="{png(pixels)}" width="84" height="84" alt="{name}, image {number}">'
            f"<figcaption>{name}<br>{below}</figcaption></figure>")


STYLE = """
body { font: 16px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1b1b1f; background: #fff; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; }
dt { color: #55555f; } dd { margin: 0; }
section { display: flex; gap: .5rem; align-items: flex-start; padding: .7rem 0; border-top: 1px solid #ddd; overflow-x: auto; }
figure { margin: 0; text-align: center; font-size: .78rem; line-height: 1.25; border: 2px solid transparent; border-radius: 6px; padding: 3px; }
figure.query { margin-right: 1.2rem; border-color: #3355aa; }
figure.other { border-color: #c26a00; }
img { image-rendering: pixelated; display: block; }
pre { background: #f4f4f7; padding: .8rem; overflow-x: auto; border-radius: 6px; }
"""


def page(path, found, recalled, facts_path):
    """A query of each class, and two whose neighbours are of several classes."""
    train, train_labels = load("train")
    test, test_labels = load("test")
    agree = np.array([np.mean(train_labels[[i for i, _ in rows]] == test_labels[q]) if rows else 0
                      for q, rows in enumerate(found)])
    show = [int(np.flatnonzero(test_labels == c)[0]) for c in range(10)]
    show += [int(q) for q in np.flatnonzero((agree >= .4) & (agree <= .6))[:2] if int(q) not in show]
    facts = [("recall@10", f"{recalled:.4f}, of all {len(found):,} test images against the exact answer")]
    with open(facts_path, encoding="utf-8") as f:
        facts += [line.rstrip("\n").split("\t") for line in f]
    out = ["<!DOCTYPE html>", '<html lang="en"><head><meta charset="utf-8">',
           '<meta name="viewport" content="width=device-width, initial-scale=1">',
           "<title>omendb quick start: nearest neighbours of Fashion-MNIST images</title>",
           f"<style>{STYLE}</style></head><body>",
           "<h1>Nearest neighbours of Fashion-MNIST images, found by omenhnsw</h1>",
           "<p>Left, a test image (blue frame); beside it the ten nearest of 60,000 training images by the Euclidean "
           "distance of their 784 pixels, nearest first, as the index returned them. The number below "
           "each is that distance. An orange frame: the neighbour is of another class.</p>", "<dl>"]
    out += [f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in facts] + ["</dl>"]
    for q in show:
        out.append("<section>" + figure(test[q], test_labels[q], q, f"test image {q}", ' class="query"'))
        for i, distance in found[q]:
            mark = "" if train_labels[i] == test_labels[q] else ' class="other"'
            out.append(figure(train[i], train_labels[i], i, f"{distance:,.0f}", mark))
        out.append("</section>")
    out.append(f"<h2>Plan</h2><pre>{html.escape(os.environ.get('PLAN', ''))}</pre>")
    out.append("</body></html>")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(out) + "\n")


def report(found_path, page_path, facts_path):
    train, _ = load("train")
    test, _ = load("test")
    found = [[] for _ in test]
    with open(found_path, encoding="ascii") as f:
        for line in f:
            q, i, distance = line.split("\t")
            found[int(q)].append((int(i), float(distance)))
    for rows in found:
        rows.sort(key=lambda row: row[1])
    base = train.astype(np.float32)
    truth = np.concatenate([exact(base, test[s:s + 1000].astype(np.float32), "l2", k=K)[1]
                            for s in range(0, len(test), 1000)])
    recalled = recall([[i for i, _ in rows] for rows in found], base, test, truth, "l2", K)
    page(page_path, found, recalled, facts_path)
    print(f"{recalled:.4f}")


def main():
    what = sys.argv[1] if len(sys.argv) > 1 else ""
    if what == "copy":
        copy(sys.argv[2])
    elif what == "progress":
        progress()
    elif what == "report":
        report(*sys.argv[2:5])
    else:
        raise SystemExit(__doc__)


main()
