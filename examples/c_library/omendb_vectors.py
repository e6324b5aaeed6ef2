"""omendb_vectors.py -- omendb's distances and quantizers on NumPy arrays, by ctypes.

    from omendb_vectors import Quantizer, distances

    near = distances("cosine", query, rows).argsort()[:10]

    quantizer = Quantizer.train("rabitq", "l2", rows, bits=4)
    codes = quantizer.encode(rows)                     # uint8[n][quantizer.code_bytes]
    near = quantizer.distances(query, codes).argsort()[:100]

The library is libomendb_vectors.so beside this file, in build/, or what the environment
variable OMENDB_VECTORS names.  Shapes and units: omendb_vectors.h.  Needs: python3-numpy.
"""

import ctypes
import os
from pathlib import Path

import numpy as np

METRICS = {"l2": 1, "ip": 2, "cosine": 3, "l1": 4, "hamming": 5, "jaccard": 6}
KINDS = {"rabitq": 1, "pq": 3, "sq8": 4, "none": 5}

library = ctypes.CDLL(os.environ.get("OMENDB_VECTORS", Path(__file__).parent / "build/libomendb_vectors.so"))


class Spec(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("kind", "metric", "dim", "bits", "subvectors")] + [("seed", ctypes.c_uint64)]


def declare(name, result, *arguments):
    function = getattr(library, name)
    function.restype = result
    function.argtypes = arguments
    return function


pointer, count, number, handle = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int, ctypes.POINTER(ctypes.c_void_p)
version = declare("omv_version", number)
instructions = declare("omv_instructions", ctypes.c_char_p)
message = declare("omv_message", ctypes.c_char_p, number)
distance_functions = {
    np.dtype(kind): declare("omv_distances_" + name, number, number, pointer, pointer, count, number, pointer)
    for kind, name in ((np.float32, "f32"), (np.float16, "f16"), (np.uint8, "bits"))
}
train = declare("omv_train", number, ctypes.POINTER(Spec), pointer, count, handle)
load = declare("omv_load", number, ctypes.POINTER(Spec), pointer, count, handle)
free = declare("omv_free", None, pointer)
code_bytes = declare("omv_code_bytes", number, pointer)
model_floats = declare("omv_model_floats", count, pointer)
get_model = declare("omv_model", number, pointer, pointer)
encode = declare("omv_encode", number, pointer, pointer, count, pointer)
decode = declare("omv_decode", number, pointer, pointer, count, pointer)
distances_codes = declare("omv_distances_codes", number, pointer, pointer, pointer, count, pointer, pointer)

if version() != 1:
    raise ImportError(f"libomendb_vectors has version {version()}, and 1 is needed")


def check(error):
    if error != 0:
        raise ValueError(message(error).decode())


def rows_of(array, dtype, dim=None):
    """The array as the library reads it: C order, two axes."""
    array = np.ascontiguousarray(array, dtype)
    if array.ndim != 2 or (dim is not None and array.shape[1] != dim):
        raise ValueError(f"an array of shape {array.shape} where rows of {dim or 'some'} elements are expected")
    return array


def distances(metric, query, rows):
    """Distances of one query to each row: float32, float16, or uint8 with 8 bits a byte."""
    rows = rows_of(rows, None)
    query = rows_of([query], rows.dtype, rows.shape[1])
    out = np.empty(len(rows))
    check(distance_functions[rows.dtype](METRICS[metric], query.ctypes.data, rows.ctypes.data, len(rows), rows.shape[1], out.ctypes.data))
    return out


class Quantizer:
    """Codes of vectors, and distances to codes."""

    def __init__(self, spec, function, array, size):
        self.spec = spec
        self.handle = ctypes.c_void_p()
        check(function(spec, array.ctypes.data, size, self.handle))
        self.code_bytes = code_bytes(self.handle)

    @classmethod
    def train(cls, kind, metric, rows, bits=0, subvectors=0, seed=0):
        rows = rows_of(rows, np.float32)
        spec = Spec(KINDS[kind], METRICS[metric], rows.shape[1], bits, subvectors, seed)
        return cls(spec, train, rows, len(rows))

    @classmethod
    def load(cls, spec, model):
        """The quantizer whose spec and model these are."""
        model = np.ascontiguousarray(model, np.float32)
        return cls(spec, load, model, len(model))

    def __del__(self):
        free(self.handle)

    @property
    def model(self):
        out = np.empty(model_floats(self.handle), np.float32)
        check(get_model(self.handle, out.ctypes.data))
        return out

    def encode(self, rows):
        rows = rows_of(rows, np.float32, self.spec.dim)
        codes = np.empty((len(rows), self.code_bytes), np.uint8)
        check(encode(self.handle, rows.ctypes.data, len(rows), codes.ctypes.data))
        return codes

    def decode(self, codes):
        codes = rows_of(codes, np.uint8, self.code_bytes)
        rows = np.empty((len(codes), self.spec.dim), np.float32)
        check(decode(self.handle, codes.ctypes.data, len(codes), rows.ctypes.data))
        return rows

    def distances(self, query, codes, errors=False):
        """Estimated distances to codes; with errors=True also their standard errors."""
        codes = rows_of(codes, np.uint8, self.code_bytes)
        query = rows_of([query], np.float32, self.spec.dim)
        out = np.empty(len(codes), np.float32)
        error = np.empty(len(codes), np.float32) if errors else None
        check(distances_codes(self.handle, query.ctypes.data, codes.ctypes.data, len(codes), out.ctypes.data, error.ctypes.data if errors else None))
        return (out, error) if errors else out
