"""Reads safetensors files that Thaw wrote with the package of their makers: the same names, shapes and bits?"""

import json

import numpy as np
import safetensors
from safetensors.numpy import load_file


def check_saved(name, stem):
    """STEM.safetensors against STEM.given.json (names and shapes in Thaw's order) and STEM.given.bin (the numbers, one after the other)."""
    given = json.loads(stem.with_suffix(".given.json").read_text())
    floats = np.fromfile(stem.with_suffix(".given.bin"), "<f4")
    read = load_file(f"{stem}.safetensors")
    differences = sorted(set(read) ^ {path for path, _ in given})
    at = 0
    for path, shape in given:
        count = int(np.prod(shape))
        expected = floats[at : at + count].reshape(shape)
        at += count
        value = read.get(path)
        if value is None or value.dtype != np.float32 or value.shape != expected.shape or value.tobytes() != expected.tobytes():
            differences.append(path)
    with safetensors.safe_open(f"{stem}.safetensors", "numpy") as file:
        metadata = file.metadata()
    result = {"differences": differences, "tensors": len(read), "metadata": metadata, "version": safetensors.__version__}
    stem.with_suffix(".json").write_text(json.dumps(result))
