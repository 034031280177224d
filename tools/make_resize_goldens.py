"""Writes tests/fixtures/resize.{json,bin}: images resized by TensorFlow as Keras's image_dataset_from_directory does it.

    python tools/make_resize_goldens.py

"plain" is tf.image.resize with and without antialias, "crop" Keras's smart_resize, "pad" tf.image.resize_with_pad. Results are in float32, before
rounding to bytes. Sizes have no exact ties of "nearest", which float32 and whole numbers may decide differently.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import json

import keras
import numpy as np
import tensorflow as tf

import common

SEED = 50505
CASES = [  # image, result, kind, interpolation, antialias
    ((19, 27), (8, 8), "plain", "bilinear", True),
    ((19, 27), (8, 8), "plain", "bilinear", False),
    ((19, 27), (8, 8), "plain", "nearest", False),
    ((9, 7), (20, 17), "plain", "bilinear", True),
    ((9, 7), (20, 17), "plain", "nearest", False),
    ((11, 40), (23, 8), "plain", "bilinear", True),
    ((32, 24), (6, 6), "crop", "bilinear", False),
    ((21, 30), (14, 9), "crop", "bilinear", False),
    ((32, 24), (8, 8), "pad", "bilinear", True),
    ((21, 30), (14, 12), "pad", "bilinear", True),
    ((5, 40), (10, 16), "pad", "bilinear", False),
]


def resize(image, size, kind, interpolation, antialias):
    if kind == "crop":
        return keras.preprocessing.image.smart_resize(image, size, interpolation)
    if kind == "pad":
        return tf.image.resize_with_pad(image, *size, method=interpolation, antialias=antialias).numpy()
    return tf.image.resize(image, size, method=interpolation, antialias=antialias).numpy()


def main():
    generator = np.random.default_rng(SEED)
    parts, count, cases = [], 0, []

    def add(array):
        nonlocal count
        place = {"shape": list(array.shape), "offset": count}
        parts.append(np.ascontiguousarray(array, np.float32).tobytes())
        count += array.size
        return place

    for (height, width), size, kind, interpolation, antialias in CASES:
        image = generator.integers(0, 256, (height, width, 3)).astype(np.float32)
        result = np.asarray(resize(image, size, kind, interpolation, antialias), np.float32)
        cases.append({"size": list(size), "kind": kind, "interpolation": interpolation, "antialias": antialias, "image": add(image), "result": add(result)})
    origin = common.origin("tools/make_resize_goldens.py", seed=SEED)
    (common.FIXTURES / "resize.json").write_text(json.dumps({"origin": origin, "cases": cases}, indent=1) + "\n")
    (common.FIXTURES / "resize.bin").write_bytes(b"".join(parts))


main()
