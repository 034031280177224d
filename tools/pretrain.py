"""Trains the embedded network: eight CIFAR-10 classes (all but cat and dog), a compact MobileNetV2, written by Keras.

    python tools/pretrain.py [--epochs 22] [--out assets] [--work FOLDER]

Writes thaw_cifar8.keras (Keras's own save) and thaw_cifar8.json (seed, versions, accuracy); export_onnx.py makes the ONNX file. A checkpoint an
epoch goes to the work folder. Cats and dogs are left out of the training on purpose: they are the lesson's new task.
"""

import argparse
import json
import os
import pathlib
import time

os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # the quickest of the three on two cores: 370 images/s

import keras
import numpy as np

import common

LAYERS = keras.layers
SEED = 20260


def network(classes=8):
    """An inverted-residual network for 32x32x3 pixels in 0..255; layers are named as in keras.applications.MobileNetV2."""
    # (expansion, output channels, repetitions, stride of the first); most work happens at 16x16 and below, to be quick on a CPU
    stages = [(1, 16, 1, 1), (4, 24, 2, 2), (6, 32, 3, 2), (6, 72, 3, 2)]

    def batch_norm(x, name):
        return LAYERS.BatchNormalization(momentum=0.99, name=name)(x)

    inputs = LAYERS.Input((32, 32, 3), name="image")
    x = LAYERS.Rescaling(1 / 127.5, offset=-1, name="rescaling")(inputs)
    x = LAYERS.Conv2D(16, 3, padding="same", use_bias=False, name="Conv1")(x)
    x = LAYERS.ReLU(6.0, name="Conv1_relu")(batch_norm(x, "bn_Conv1"))
    block = 0
    for expansion, channels, repetitions, first_stride in stages:
        for i in range(repetitions):
            prefix = "expanded_conv_" if block == 0 else f"block_{block}_"
            entry, stride = x, first_stride if i == 0 else 1
            if expansion > 1:
                x = LAYERS.Conv2D(expansion * x.shape[-1], 1, use_bias=False, name=prefix + "expand")(x)
                x = LAYERS.ReLU(6.0, name=prefix + "expand_relu")(batch_norm(x, prefix + "expand_BN"))
            x = LAYERS.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False, name=prefix + "depthwise")(x)
            x = LAYERS.ReLU(6.0, name=prefix + "depthwise_relu")(batch_norm(x, prefix + "depthwise_BN"))
            x = batch_norm(LAYERS.Conv2D(channels, 1, use_bias=False, name=prefix + "project")(x), prefix + "project_BN")
            if stride == 1 and entry.shape[-1] == channels:
                x = LAYERS.Add(name=prefix + "add")([entry, x])
            block += 1
    x = LAYERS.Conv2D(256, 1, use_bias=False, name="Conv_1")(x)
    x = LAYERS.ReLU(6.0, name="out_relu")(batch_norm(x, "Conv_1_bn"))
    x = LAYERS.GlobalAveragePooling2D(name="global_average_pooling2d")(x)
    outputs = LAYERS.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name="thaw_cifar8")


def augment(images, generator):
    """Flips half of the images and shifts each by up to four pixels (mid-grey border)."""
    n = len(images)
    padded = np.full((n, 40, 40, 3), 127, np.uint8)
    padded[:, 4:36, 4:36] = images
    dy, dx = generator.integers(0, 9, (2, n))
    rows = dy[:, None] + np.arange(32)
    columns = dx[:, None] + np.arange(32)
    columns = np.where(generator.random(n)[:, None] < 0.5, columns[:, ::-1], columns)
    return padded[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


class Batches(keras.utils.PyDataset):
    """Shuffled, augmented batches of one epoch; the last partial batch is left out."""

    def __init__(self, images, labels, batch, generator):
        super().__init__()
        self.images, self.labels, self.batch, self.generator = images, labels, batch, generator
        self.on_epoch_end()

    def __len__(self):
        return len(self.images) // self.batch

    def __getitem__(self, i):
        chosen = self.order[i * self.batch : (i + 1) * self.batch]
        return augment(self.images[chosen], self.generator).astype("float32"), self.targets[chosen]

    def on_epoch_end(self):
        self.order = self.generator.permutation(len(self.images))
        self.targets = np.eye(8, dtype="float32")[self.labels]


@keras.saving.register_keras_serializable("thaw")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Linear rise over the first fifth of the steps, then half a cosine down to zero (Smith and Topin 2018)."""

    def __init__(self, peak, steps):
        self.peak, self.steps = peak, steps

    def __call__(self, step):
        t = keras.ops.cast(step, "float32") / self.steps
        rise, fall = t / 0.2, 0.5 * (1 + keras.ops.cos(np.pi * (t - 0.2) / 0.8))
        return self.peak * keras.ops.where(t < 0.2, 0.05 + 0.95 * rise, fall)

    def get_config(self):
        return {"peak": self.peak, "steps": self.steps}


def only_kept(images, labels):
    """The eight classes other than cat and dog, numbered 0 to 7."""
    kept = [i for i, name in enumerate(common.CLASSES) if name not in ("cat", "dog")]
    mask = np.isin(labels, kept)
    return images[mask], np.searchsorted(kept, labels[mask])


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--epochs", type=int, default=22)
    arguments.add_argument("--batch", type=int, default=128)
    arguments.add_argument("--rate", type=float, default=0.3)
    arguments.add_argument("--out", default=str(common.ASSETS))
    arguments.add_argument("--work", default=str(common.ROOT / ".cache" / "pretrain"))
    options = arguments.parse_args()
    work, out = pathlib.Path(options.work), pathlib.Path(options.out)
    work.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)

    keras.utils.set_random_seed(SEED)
    train_x, train_y, test_x, test_y = common.load_cifar10()
    train_x, train_y = only_kept(train_x, train_y)
    test_x, test_y = only_kept(test_x, test_y)
    batches = Batches(train_x, train_y, options.batch, np.random.default_rng(SEED))
    model = network()
    optimizer = keras.optimizers.SGD(OneCycle(options.rate, len(batches) * options.epochs), momentum=0.9, nesterov=True, weight_decay=3e-3)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    model.compile(optimizer=optimizer, loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.05), metrics=["accuracy"])
    started = time.time()

    def after_epoch(epoch, logs):
        right = (model.predict(test_x.astype("float32"), batch_size=500, verbose=0).argmax(-1) == test_y).mean()
        print(f"epoch {epoch + 1}/{options.epochs}: loss {logs['loss']:.4f}, test accuracy {right:.4f}, {time.time() - started:.0f} s", flush=True)
        model.save(work / "checkpoint.keras", include_optimizer=False)

    model.fit(batches, epochs=options.epochs, verbose=0, callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=after_epoch)])
    accuracy = float((model.predict(test_x.astype("float32"), batch_size=500, verbose=0).argmax(-1) == test_y).mean())

    # Saved from a model without optimizer: its state would triple the file.
    bare = network()
    bare.set_weights(model.get_weights())
    bare.save(out / "thaw_cifar8.keras")
    record = {
        "network": "MobileNetV2-style, 32x32x3, eight CIFAR-10 classes without cat and dog",
        "labels": [name for name in common.CLASSES if name not in ("cat", "dog")],
        "testAccuracy": accuracy,
        "testImages": len(test_x),
        "parameters": model.count_params(),
        "seed": SEED,
        "epochs": options.epochs,
        "seconds": round(time.time() - started),
        "origin": common.origin("tools/pretrain.py"),
        "data": common.CITATION,
        "licence": "MIT (the weights, as the project); CIFAR-10 is published for research without a formal licence",
    }
    (out / "thaw_cifar8.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
