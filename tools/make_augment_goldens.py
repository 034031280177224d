"""Writes tests/fixtures/augment.{json,bin}: what Keras's augmentation layers make of images, each with a range of one number.

    python tools/make_augment_goldens.py

A layer with the range (f, f) draws f, so that its result is known. Contrast and hue, whose ranges cannot be one number, are called with the factor itself. Shares of
mixing are checked by the regularized incomplete beta function of TensorFlow; the blur is Keras's in the middle of the image, where borders do not matter.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import tensorflow as tf

import common

SEED = 20266
L = keras.layers
AT = (0.001, 0.02, 0.1, 0.3, 0.45, 0.5, 0.6, 0.8, 0.95, 0.999)


def layers():
    """Yields (name, factory, arguments of the factory, layer or function)."""
    for fill in ("constant", "nearest", "reflect"):
        options = {"fillMode": fill, **({"fillValue": 40} if fill == "constant" else {})}
        keras_options = {"fill_mode": fill, "fill_value": 40.0 if fill == "constant" else 0.0}
        for turn in (0.11, -0.37):
            yield "randomRotation", [[turn, turn], options], L.RandomRotation((turn, turn), **keras_options)
        yield "randomTranslation", [[0.23, 0.23], [-0.41, -0.41], options], L.RandomTranslation((0.23, 0.23), (-0.41, -0.41), **keras_options)
        yield "randomZoom", [[0.3, 0.3], [-0.2, -0.2], options], L.RandomZoom((0.3, 0.3), (-0.2, -0.2), **keras_options)
        yield "randomZoom", [[-0.45, -0.45], None, options], L.RandomZoom((-0.45, -0.45), **keras_options)
    nearest = {"interpolation": "nearest"}
    yield "randomRotation", [[0.06, 0.06], nearest], L.RandomRotation((0.06, 0.06), **nearest)
    for factor in (0.3, -0.25):
        yield "randomBrightness", [[factor, factor]], L.RandomBrightness((factor, factor))
    yield "randomBrightness", [[0.2, 0.2], {"valueRange": [20, 200]}], L.RandomBrightness((0.2, 0.2), value_range=(20, 200))
    for factor in (0.0, 0.3, 0.5):
        yield "randomSaturation", [[factor, factor]], L.RandomSaturation((factor, factor))
    yield "randomGrayscale", [1], L.RandomGrayscale(1.0)


def main():
    generator = np.random.default_rng(SEED)
    file = common.TensorFile("augment")
    images = generator.uniform(0, 255, (2, 7, 5, 3)).round().astype("float32")
    cases = [{"factory": name, "arguments": arguments, "result": file.add(np.asarray(layer(images, training=True)))} for name, arguments, layer in layers()]
    drawn = []
    for factor in (0.4, 1.6):
        result = L.RandomContrast(1.0).transform_images(keras.ops.convert_to_tensor(images), {"contrast_factor": factor})
        drawn.append({"kind": "contrast", "factor": factor, "result": file.add(np.asarray(result))})
    for factor in (0.15, -0.35):
        result = L.RandomHue(1.0).transform_images(keras.ops.convert_to_tensor(images), {"factor": keras.ops.convert_to_tensor(np.full(2, factor, "float32"))})
        drawn.append({"kind": "hue", "factor": factor, "result": file.add(np.asarray(result))})
    blurred = keras.ops.image.gaussian_blur(images, kernel_size=(3, 3), sigma=(0.8, 0.8))
    file.write({
        "origin": common.origin("tools/make_augment_goldens.py", seed=SEED),
        "images": file.add(images),
        "cases": cases,
        "drawn": drawn,
        "blur": {"sigma": 0.8, "radius": 1, "result": file.add(np.asarray(blurred))},
        "beta": [{"alpha": a, "at": list(AT), "below": [float(tf.math.betainc(np.float64(a), np.float64(a), np.float64(x))) for x in AT]} for a in (0.1, 0.2, 0.5, 1.0, 2.0, 30.0)],
    })
    print(f"augment: {len(cases)} layers, {file.floats * 4 / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
