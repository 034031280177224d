"""The main job done by Keras: from scratch, frozen base, fine-tuned; the yardstick for what Thaw reports.

    python tools/try_main_job.py [--seeds 3] [--epochs 12] [--scratch 1e-3] [--frozen 3e-3] [--fine 3e-4]

Trains on the first 200 labelled images (100 a class) and a flipped copy of each, validates on the 1,000 validation images. Several learning rates
may be given to each option: every one is tried. Fine-tuning goes on from the first frozen run's weights for the same number of epochs.
"""

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np

import make_trajectories as trajectories

L = keras.layers
BATCH, IMAGES = 16, 200


@keras.saving.register_keras_serializable("thaw")
class InferenceMode(L.Layer):
    """Calls a network in inference mode even within fit, which would override a training=False given to a functional model."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def call(self, x):
        return self.network(x, training=False)


def build(pretrained, inference):
    """A base (pretrained, or with fresh weights) under a new head of two logits."""
    full = trajectories.embedded("float32")
    if not pretrained:
        full = keras.models.clone_model(full)
    base = keras.Model(full.input, full.get_layer(trajectories.LAST_LAYER).output)
    body = InferenceMode(base) if inference else base
    return keras.Sequential([keras.Input((32, 32, 3)), body, L.GlobalAveragePooling2D(), L.Dense(2)]), base


def fit(model, rate, epochs, train, validation):
    """Accuracy on the validation images, an epoch each."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(rate), loss=loss, metrics=["accuracy"])
    history = model.fit(*train, batch_size=BATCH, epochs=epochs, validation_data=validation, validation_batch_size=250, verbose=0).history
    return history["val_accuracy"], history["loss"][-1]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--epochs", type=int, default=12)
    for name, rate in (("scratch", 1e-3), ("frozen", 3e-3), ("fine", 3e-4)):
        arguments.add_argument(f"--{name}", type=float, nargs="*", default=[rate])
    options = arguments.parse_args()
    images, _, labels = trajectories.split("train")
    images, labels = images[:IMAGES].astype("float32"), labels[:IMAGES]
    train = np.concatenate([images, images[:, :, ::-1]]), np.concatenate([labels, labels])
    validation_images, _, validation_labels = trajectories.split("validation")
    validation = validation_images.astype("float32"), validation_labels

    def report(kind, rate, seed, accuracies, loss):
        curve = " ".join(f"{a:.3f}" for a in accuracies)
        print(f"{kind:8} rate {rate:<8g} seed {seed}: final {accuracies[-1]:.3f}, best {max(accuracies):.3f}, training loss {loss:.3f} | {curve}", flush=True)

    for seed in range(options.seeds):
        for rate in options.scratch:
            keras.utils.set_random_seed(seed)
            model, _ = build(False, False)
            report("scratch", rate, seed, *fit(model, rate, options.epochs, train, validation))
        head = None
        for rate in options.frozen:
            keras.utils.set_random_seed(seed)
            model, base = build(True, True)
            base.trainable = False
            report("frozen", rate, seed, *fit(model, rate, options.epochs, train, validation))
            head = head or model.layers[-1].get_weights()
        for rate in options.fine:
            keras.utils.set_random_seed(seed)
            model, base = build(True, True)
            if head:
                model.layers[-1].set_weights(head)
            report("fine", rate, seed, *fit(model, rate, options.epochs, train, validation))


if __name__ == "__main__":
    main()
