#!/usr/bin/python3
"""
generate.py TYPE COUNT SEED -- values of vector, halfvec or sparsevec, valid and
mutated, as lines for wire.c: "t TEXT" or "b HEX".  The same lines for the same seed.
"""
import random
import struct
import sys

kind, count, seed = sys.argv[1], int(sys.argv[2]), sys.argv[3]
rng = random.Random(kind + seed)

NUMBERS = ["0", "-0", "1", "-1", "0.5", "1e-45", "1e-46", "7e-46", "3.4028235e38", "3.4028236e38", "1e39", "1e400", "-1e400",
           "1e-400", "65504", "65519.996", "65520", "-65519.999", "65536", "5.9604645e-8", "2.9802322e-8", "2.98023224e-8",
           "6.1e-5", "NaN", "nan", "Infinity", "-Infinity", "inf", "0x10", "0x1p3", "1_000", ".5", "5.", ".", "+1", "+-1", "1e", "1e+",
           "1e5", "1E-5", "--1", "1 2", "00012", "1.00000000000000000000001", "2049", "2051", "16777217", "nan(1)", "infinit", ""]
SPACES = ["", "", "", "", " ", "  ", "\t", "\n", "\r", "\v", "\f", "\u00a0"]


def number():
    if rng.random() < .35:
        return rng.choice(NUMBERS)
    x = rng.choice([rng.gauss(0, 1), rng.uniform(-70000, 70000), 10 ** rng.uniform(-48, 40), rng.randint(-3000, 3000)])
    return rng.choice([repr(x), "%g" % x, "%.3f" % x, "%.17g" % x])


def space():
    return rng.choice(SPACES)


def dense():
    n = rng.choice([0, 1, 2, 3, 3, 4, 8, 17])
    body = ("%s,%s" % (space(), space())).join(number() for _ in range(n))
    return space() + "[" + space() + body + space() + "]" + space()


def sparse():
    n = rng.choice([0, 1, 2, 3, 5])
    dim = rng.choice([1, 3, 5, 10, 1000, 1000000000, 1000000001, 0, -1, 2147483647, 2147483648, 99999999999999999999])
    index = lambda: rng.choice([str(rng.randint(1, max(1, min(dim, 12)))), str(rng.randint(-2, 12)), "2147483647", "2147483648",
                                "-2147483648", "-2147483649", "99999999999999999999", "01", "+1", "1.5", "", "0"][:3 if rng.random() < .8 else 12])
    body = ",".join(space() + index() + space() + ":" + space() + number() + space() for _ in range(n))
    return space() + "{" + body + "}" + space() + "/" + space() + str(dim) + space()


def mutate(text):
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(text))
        what = rng.random()
        if what < .4:
            text = text[:at] + text[at + 1:]
        elif what < .8:
            text = text[:at] + rng.choice("[]{}(),:/.-+e0123456789 x\t") + text[at:]
        else:
            text = text[:at] + text[at:] + text[at:at + 5]
    return text


def half(x):
    try:
        return struct.pack(">e", x)
    except (OverflowError, ValueError):
        return struct.pack(">H", rng.randrange(65536))


def wire():
    n = rng.choice([0, 1, 2, 3, 8])
    odd = rng.random() < .3
    bits = lambda: struct.pack(">I", rng.choice([0, 0x80000000, 0x7f800000, 0x7fc00000, 1, rng.getrandbits(32)]))
    if kind == "sparsevec":
        dim = rng.choice([n + 1, 12, 1000000000, 0, -1, 1000000001]) if odd else n + rng.randint(1, 12)
        index = sorted(rng.sample(range(max(dim, n)), n)) if 0 < dim < 1000 else list(range(n))
        if odd and n > 1 and rng.random() < .5:
            index[1] = rng.choice([index[0], -1, 2147483647])
        data = struct.pack(">iii", dim, rng.choice([n, n, n, n + 1, -1, 16001]) if odd else n, rng.choice([0, 0, 0, 1]) if odd else 0)
        data += b"".join(struct.pack(">i", i) for i in index)
        data += b"".join(bits() if odd else struct.pack(">f", rng.gauss(0, 1)) for _ in range(n))
    else:
        data = struct.pack(">hh", rng.choice([n, n, n, n + 1, -1, 16001]) if odd else n, rng.choice([0, 0, 0, 1, -1]) if odd else 0)
        for _ in range(n):
            if kind == "halfvec":
                data += struct.pack(">H", rng.getrandbits(16)) if odd else half(rng.gauss(0, 100))
            else:
                data += bits() if odd else struct.pack(">f", rng.gauss(0, 1))
    if rng.random() < .1:
        at = rng.randint(0, len(data))
        data = rng.choice([data[:at], data + b"\0", data[:at] + bytes([rng.getrandbits(8)]) + data[at + 1:]])
    return data


for _ in range(count):
    if rng.random() < .3:
        print("b " + wire().hex())
        continue
    text = sparse() if kind == "sparsevec" else dense()
    if rng.random() < .3:
        text = mutate(text)
    for letter, escaped in zip("\\\n\t\r\v\f", "\\ntrvf"):
        text = text.replace(letter, "\\" + escaped)
    print("t " + text)
