"""numpy_copy.py -- NumPy arrays into a table by binary COPY, and out of it.

    from numpy_copy import copy_in, copy_out

    with psycopg.connect(...) as connection, connection.cursor() as cursor:
        copy_in(cursor, "item", {"id": ids, "embedding": vectors})
        ids, vectors = copy_out(cursor, "SELECT id, embedding FROM item", [np.int64, (np.float32, 768)])

Each array is a column, its first axis the rows.  An array of two axes is a vector
(float32), a halfvec (float16) or a bit (bool); one of one axis an integer, float4, float8
or bool column of exactly that size.  There are no NULLs.

The format of COPY is laid over one buffer of some thousand rows as a NumPy dtype, and
the values are assigned to it, which puts their bytes into network order: no text, no
Python object for a value, no second array of the whole.  With another driver than psycopg
3, send what blocks() yields.  Needs: python3-numpy, python3-psycopg.
"""

import numpy as np

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)     # then flags and the length of an extension, 0
END = b"\xff\xff"


def wire_type(kind, length=None):
    """The dtype of a value in PostgreSQL's binary format, with its length before it.

    A vector is its dimensions and 0 as int16, then float4s; a halfvec the same with
    float2s; a bit string its length as int32, then bytes.
    """
    kind = np.dtype(kind)
    if length is None:
        fields = [("value", kind.newbyteorder(">"))]
    elif kind == np.bool_:
        fields = [("bits", ">i4"), ("value", "u1", ((length + 7) // 8,))]
    elif kind in (np.float32, np.float16):
        fields = [("dim", ">i2"), ("unused", ">i2"), ("value", kind.newbyteorder(">"), (length,))]
    else:
        raise TypeError(f"no type of omendb has elements of {kind}")
    value = np.dtype(fields)
    return np.dtype([("size", ">i4")] + fields), value.itemsize


def row_type(columns):
    """The dtype of a row of COPY, and what is the same in all rows."""
    row = [("columns", ">i2")]
    fixed = {"columns": len(columns)}
    for i, (kind, length) in enumerate(columns):
        field, size = wire_type(kind, length)
        row.append((f"c{i}", field))
        fixed[f"c{i}"] = {"size": size, "dim": length, "bits": length, "unused": 0}
    return np.dtype(row), fixed


def column_of(array):
    if array.ndim not in (1, 2):
        raise ValueError(f"a column has one axis or two, not {array.ndim}")
    return array.dtype, None if array.ndim == 1 else array.shape[1]


def blocks(arrays, rows_at_once=4096):
    """What COPY ... FROM STDIN (FORMAT binary) wants to read, in pieces; each is valid until the next."""
    arrays = [np.asarray(array) for array in arrays]
    if len({len(array) for array in arrays}) != 1:
        raise ValueError("columns differ in their number of rows")
    dtype, fixed = row_type([column_of(array) for array in arrays])
    buffer = np.zeros(min(rows_at_once, max(1, len(arrays[0]))), dtype)
    buffer["columns"] = fixed["columns"]
    for name, values in fixed.items():
        for field in (dtype[name].names or ()) if name != "columns" else ():
            if field != "value":
                buffer[name][field] = values[field]
    yield SIGNATURE
    for start in range(0, len(arrays[0]), len(buffer)):
        block = buffer[: len(arrays[0]) - start]
        for i, array in enumerate(arrays):
            piece = array[start : start + len(block)]
            if array.ndim == 2 and array.dtype == np.bool_:
                piece = np.packbits(piece, axis=1)
            block[f"c{i}"]["value"] = piece
        yield memoryview(block.view(np.uint8))
    yield END


def quoted(name):
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def copy_in(cursor, table, columns, rows_at_once=4096):
    """COPY arrays, by column name, into a table.  `table` may be schema.table."""
    names = ", ".join(quoted(name) for name in columns)
    with cursor.copy(f"COPY {quoted(table)} ({names}) FROM STDIN (FORMAT binary)") as copy:
        for block in blocks(columns.values(), rows_at_once):
            copy.write(block)


def copy_out(cursor, query, types):
    """The columns of a query as arrays; a type is a dtype, or (dtype, dimensions) of a vector, halfvec or bit."""
    columns = [kind if isinstance(kind, tuple) else (kind, None) for kind in types]
    dtype, fixed = row_type(columns)
    data = bytearray()
    with cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT binary)") as copy:
        for block in copy:
            data += block
    count, rest = divmod(len(data) - len(SIGNATURE) - len(END), dtype.itemsize)
    rows = np.frombuffer(data, dtype, count, len(SIGNATURE))
    if rest or any((rows[name]["size"] != values["size"]).any() for name, values in fixed.items() if name != "columns"):
        raise ValueError("a NULL, or another type or number of dimensions than expected")
    result = []
    for i, (kind, length) in enumerate(columns):
        value = rows[f"c{i}"]["value"]
        if length is not None and np.dtype(kind) == np.bool_:
            value = np.unpackbits(value, axis=1, count=length)
        result.append(value.astype(kind))
    return result
