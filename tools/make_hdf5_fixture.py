"""Writes tests/fixtures/hdf5/plain.h5: every type, layout and kind of text that the plain HDF5 reader knows, as h5py writes them.

    out/interop/venv/bin/python tools/make_hdf5_fixture.py
"""

import os

import h5py
import numpy as np

path = "tests/fixtures/hdf5/plain.h5"
os.makedirs(os.path.dirname(path), exist_ok=True)
values = np.array([[0, 1, 2], [3, 100, 127]])

with h5py.File(path, "w") as file:  # as Keras opens it: the earliest format
    file.attrs["writer"] = f"h5py {h5py.__version__}, HDF5 {h5py.version.hdf5_version}"
    numbers = file.create_group("numbers")
    for name in ["float16", "float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]:
        numbers[name] = values.astype(name)
    numbers["bool"] = values % 2 == 1
    halves = np.array([-1.5, 65504, 6e-8, np.inf, 0.333], "float16")
    numbers["halves"] = halves
    # Keras stores bfloat16 as two opaque bytes.
    bfloat16 = (np.array([1.5, -2.25, 3e38], "float32").view("uint32") >> 16).astype("uint16").view("V2")
    numbers["bfloat16"] = bfloat16
    numbers["scalar"] = np.float32(-7)
    numbers["empty"] = np.zeros((0, 4), "float32")
    numbers["null"] = h5py.Empty("float32")
    space = h5py.h5s.create_simple((2, 3))
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    dataset = h5py.h5d.create(numbers.id, b"compact", h5py.h5t.IEEE_F32LE, space, compact)
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, values.astype("float32"))
    texts = file.create_group("texts")
    texts.attrs["one"] = "é, of any length"
    texts.attrs["nothing"] = ""
    texts.attrs["fixed"] = np.bytes_("fixed")
    texts.attrs["list"] = ["a", "läyer", ""]
    texts.attrs["fixedList"] = np.array([b"conv", b"dense_1"])
    texts.attrs["square"] = np.array([[b"a", b"b"], [b"c", b"d"]])
    texts.attrs["noneAtAll"] = np.array([], "float64")
    texts.attrs["number"] = 5
    texts.attrs["numbers"] = np.arange(3.0)
    texts.attrs["truth"] = True
    texts.attrs["null"] = h5py.Empty("S1")
    texts.attrs.create("ascii", "plain ascii", dtype=h5py.string_dtype("ascii"))
    # So many that the header goes on in another block.
    for i in range(12):
        texts.attrs[f"more{i}"] = f"{i}" * 40
