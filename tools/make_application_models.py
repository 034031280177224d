"""Writes .keras files of keras.applications networks with random weights, and what each computes, into a folder of your choice.

    python tools/make_application_models.py OUTDIR [mobilenet mobilenet_v2 resnet50]

They are too large for the repository; the interop tests call this into a cache folder. Next to NAME.keras lie NAME.json and NAME.bin with an input
batch, the penultimate features and the output. BatchNormalization gets random gamma and beta, and moving statistics near those of the input batch:
with Keras's initial zeros and ones a wrongly folded or swapped statistic would go unnoticed, and with arbitrary ones the signal would fade away or
blow up before it reached the output.
"""

import argparse
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np

import common

SEED = 20265
BATCH, CLASSES = 2, 10
A = keras.applications
NETWORKS = {
    "mobilenet": lambda: A.MobileNet(input_shape=(96, 96, 3), alpha=0.25, weights=None, classes=CLASSES),
    "mobilenet_v2": lambda: A.MobileNetV2(input_shape=(96, 96, 3), alpha=0.35, weights=None, classes=CLASSES),
    "resnet50": lambda: A.ResNet50(input_shape=(64, 64, 3), weights=None, classes=CLASSES),
}


def randomise(model, images, generator):
    """Gives every BatchNormalization statistics that fit its input roughly, and every bias something to add."""
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for norm in norms:
        norm.gamma.assign(generator.uniform(0.7, 1.3, norm.gamma.shape))
        norm.beta.assign(generator.normal(0, 0.2, norm.beta.shape))
    for layer in model.layers:
        if getattr(layer, "bias", None) is not None:
            layer.bias.assign(generator.normal(0, 0.1, layer.bias.shape))
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0  # one call in training mode then leaves the batch's own statistics
    model(images, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        mean, variance = (keras.ops.convert_to_numpy(v) for v in (norm.moving_mean, norm.moving_variance))
        norm.moving_mean.assign(mean + generator.normal(0, 0.1, mean.shape) * np.sqrt(variance))
        norm.moving_variance.assign(variance * generator.uniform(0.8, 1.25, variance.shape) + 1e-3)
    # A head whose softmax is not saturated, or the output would not show an error below it.
    head = next(layer for layer in model.layers[::-1] if hasattr(layer, "kernel"))
    features = keras.ops.convert_to_numpy(keras.Model(model.input, head.input)(images, training=False)).reshape(-1, head.kernel.shape[-2])
    logits = features @ keras.ops.convert_to_numpy(head.kernel).reshape(features.shape[-1], -1)
    head.kernel.assign(head.kernel / logits.std())
    return head


def write(name, folder):
    keras.utils.set_random_seed(SEED)
    generator = np.random.default_rng([SEED, *name.encode()])
    model = NETWORKS[name]()
    images = generator.uniform(-1, 1, (BATCH, *model.input.shape[1:])).astype("float32")
    head = randomise(model, images, generator)
    model.save(folder / f"{name}.keras")

    pooled = next(layer for layer in model.layers[::-1] if isinstance(layer, keras.layers.GlobalAveragePooling2D))
    double = keras.models.clone_model(model, clone_function=lambda layer: type(layer).from_config({**layer.get_config(), "dtype": "float64"}))
    double.set_weights(model.get_weights())
    probe = keras.Model(double.input, [double.get_layer(pooled.name).output, double.output])
    features, output = (keras.ops.convert_to_numpy(t) for t in probe(images.astype("float64"), training=False))
    rough = keras.ops.convert_to_numpy(model(images, training=False))
    file = common.TensorFile(name, folder)
    file.write({
        "origin": common.origin("tools/make_application_models.py", precision="float64, rounded to float32", seed=SEED),
        "model": f"{name}.keras",
        "head": head.name,
        "parameters": model.count_params(),
        "input": file.add(images),
        "features": file.add(features),
        "featuresFrom": pooled.name,
        "output": file.add(output),
        "float32Deviation": float(np.abs(rough - output).max()),
    })
    size = (folder / f"{name}.keras").stat().st_size / 1e6
    print(f"{name}: {model.count_params()} parameters, {size:.1f} MB, outputs {output.min():.3g} to {output.max():.3g}, features to {features.max():.3g}, float32 differs by {np.abs(rough - output).max():.1g}", flush=True)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("networks", nargs="*", help="all by default: " + ", ".join(NETWORKS))
    options = arguments.parse_args()
    unknown = set(options.networks) - set(NETWORKS)
    if unknown:
        arguments.error(f"unknown network {', '.join(sorted(unknown))}; expected some of {', '.join(NETWORKS)}")
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.networks or NETWORKS:
        write(name, options.folder)


if __name__ == "__main__":
    main()
