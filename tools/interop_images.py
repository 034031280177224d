"""Photographs as pixels for the real networks of the shared test material, and what Keras says of them.

STEM.u8 holds the images one after the other, [224, 224, 3] bytes each: the middle of the photograph, its shorter side scaled to fit.
"""

import json
import os
import pathlib
import re

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from PIL import Image

import common

SIZE = 224
SHARED = common.ROOT.parent / "shared" / "assets"
MOBILENET = SHARED / "models" / "keras_written" / "mobilenet_v1_0.25_224_imagenet.keras"


def imagenet():
    """Class ids stand in front of the names; an eighth of the margin is cut off, as is usual for this data set."""
    files = sorted((SHARED / "images" / "imagenet_samples").iterdir())
    return [(file, int(re.match(r"\d+", file.name)[0])) for file in files], 256


def cats_dogs():
    folder = SHARED / "images" / "cats_dogs"
    return [(file, label) for label, kind in enumerate(("cat", "dog")) for file in sorted((folder / kind).iterdir())], SIZE


def pixels(file, shorter):
    image = Image.open(file).convert("RGB")
    scale = shorter / min(image.size)
    image = image.resize([max(SIZE, round(side * scale)) for side in image.size], Image.Resampling.BILINEAR)
    left, top = ((side - SIZE) // 2 for side in image.size)
    return np.asarray(image.crop((left, top, left + SIZE, top + SIZE)))


def write_images(name, stem):
    sets = {"imagenet": imagenet, "cats_dogs": cats_dogs}
    if name not in sets:
        raise ValueError(f"unknown images {name}; expected one of {', '.join(sets)}")
    files, shorter = sets[name]()
    images = np.stack([pixels(file, shorter) for file, _ in files])
    stem.with_suffix(".u8").write_bytes(images.tobytes())
    file = common.TensorFile(stem.name, stem.parent)
    description = {"images": len(images), "size": SIZE, "labels": [label for _, label in files]}
    if name == "imagenet":
        import keras

        network = keras.models.load_model(MOBILENET, compile=False)
        output = network.predict(images.astype("float32") / 127.5 - 1, batch_size=20, verbose=0)
        description["output"] = file.add(output.reshape(len(images), -1))
    file.write(description)
