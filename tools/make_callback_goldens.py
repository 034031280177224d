"""Writes tests/fixtures/callbacks.json: what Keras's EarlyStopping, ReduceLROnPlateau and ModelCheckpoint decide on made-up logs.

    python tools/make_callback_goldens.py

Each case gives a callback's configuration, one value an epoch, and what the callback did after each. Weights of epoch n are filled with n.
NaN is written as null.
"""

import json
import math
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np

import common

NAN = float("nan")
FALLING = [1.0, 0.8, 0.7, 0.75, 0.72, 0.71, 0.69, 0.7, 0.71, 0.9, 0.95, 0.6]
FLAT = [0.5, 0.5, 0.4999, 0.4995, 0.4995, 0.49, 0.49, 0.49, 0.49, 0.49]
RISING = [0.5, 0.6, 0.62, 0.62, 0.61, 0.7, 0.69, 0.7, 0.7, 0.3]
WITH_NAN = [0.9, 0.8, NAN, 0.7, NAN, NAN, 0.75, 0.6, NAN, NAN, NAN]
NAN_FIRST = [NAN, 0.5, 0.4, 0.3]
WORSE = [0.5, 0.6, 0.7, 0.8, 0.9]
EDGE = [0.5, 0.4, 0.3, 0.2, 0.1, 0.0]  # steps of minDelta as nearly as float allows

SEQUENCES = {"falling": FALLING, "flat": FLAT, "rising": RISING, "nan": WITH_NAN, "nanFirst": NAN_FIRST, "worse": WORSE, "edge": EDGE}

EARLY = [
    {"monitor": "val_loss"},
    {"monitor": "val_loss", "patience": 2},
    {"monitor": "val_loss", "patience": 3, "min_delta": 0.05, "restore_best_weights": True},
    {"monitor": "val_loss", "patience": 2, "min_delta": -0.1},
    {"monitor": "val_loss", "patience": 1, "min_delta": 0.1, "restore_best_weights": True},
    {"monitor": "val_accuracy", "patience": 2, "restore_best_weights": True},
    {"monitor": "val_accuracy", "patience": 1, "mode": "min"},
    {"monitor": "val_loss", "patience": 2, "baseline": 0.65, "restore_best_weights": True},
    {"monitor": "val_loss", "patience": 3, "baseline": 0.1, "restore_best_weights": True},
    {"monitor": "loss", "patience": 1, "start_from_epoch": 4, "restore_best_weights": True},
    {"monitor": "loss", "patience": 2, "start_from_epoch": 20, "restore_best_weights": True},
    {"monitor": "val_loss", "mode": "max", "patience": 2, "baseline": 0.6},
]
REDUCE = [
    {"monitor": "val_loss", "patience": 1},
    {"monitor": "val_loss", "patience": 0, "factor": 0.5},
    {"monitor": "val_loss", "patience": 2, "factor": 0.5, "cooldown": 2},
    {"monitor": "val_loss", "patience": 1, "factor": 0.3, "min_lr": 0.004},
    {"monitor": "val_accuracy", "patience": 2, "factor": 0.2, "min_delta": 0.01, "cooldown": 1},
    {"monitor": "val_loss", "patience": 1, "mode": "max", "factor": 0.9, "min_delta": 0.0, "cooldown": 3},
]
CHECKPOINT = [
    {"monitor": "val_loss"},
    {"monitor": "val_loss", "save_best_only": True},
    {"monitor": "val_accuracy", "save_best_only": True},
    {"monitor": "val_loss", "save_best_only": True, "initial_value_threshold": 0.72},
    {"monitor": "val_loss", "save_best_only": True, "mode": "max", "initial_value_threshold": 0.65},
]


def make_model():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile(keras.optimizers.SGD(0.1), loss="binary_crossentropy", metrics=["accuracy"])
    # Metrics exist only after a step.
    model.fit(np.zeros((2, 2)), np.zeros((2, 1)), verbose=0)
    return model


def number(value):
    value = None if value is None else float(value)
    return None if value is None or math.isnan(value) else value


def logs_of(config, value):
    return {"loss": 0.5, "accuracy": 0.5, "val_loss": 0.5, "val_accuracy": 0.5, config["monitor"]: value}


def early(model, config, values):
    callback = keras.callbacks.EarlyStopping(**config)
    callback.set_model(model)
    model.stop_training = False
    callback.on_train_begin()
    epochs = []
    for epoch, value in enumerate(values):
        model.set_weights([np.full(w.shape, epoch) for w in model.get_weights()])
        callback.on_epoch_end(epoch, logs_of(config, value))
        epochs.append({"stop": bool(model.stop_training), "wait": callback.wait, "best": number(callback.best), "bestEpoch": callback.best_epoch})
        if model.stop_training:
            break
    callback.on_train_end()
    return {"epochs": epochs, "stoppedEpoch": callback.stopped_epoch, "weightsOf": int(model.get_weights()[0].flat[0])}


def reduce(model, config, values):
    callback = keras.callbacks.ReduceLROnPlateau(**config)
    callback.set_model(model)
    model.optimizer.learning_rate = 0.1
    callback.on_train_begin()
    rates = []
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, logs_of(config, value))
        rates.append(float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)))
    return {"rates": rates}


def checkpoint(model, config, values):
    saved = []
    callback = keras.callbacks.ModelCheckpoint("unused.keras", **config)
    callback.set_model(model)
    real, model.save = model.save, lambda *_, **__: saved.append(epoch)
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, logs_of(config, value))
    model.save = real
    return {"saved": saved, "best": number(callback.best)}


def main():
    model = make_model()
    cases = []
    for kind, run, configs in (("earlyStopping", early, EARLY), ("reduceLROnPlateau", reduce, REDUCE), ("modelCheckpoint", checkpoint, CHECKPOINT)):
        for config in configs:
            for name, values in SEQUENCES.items():
                cases.append({"kind": kind, "config": config, "sequence": name, **run(model, config, values)})
    sequences = {name: [number(v) for v in values] for name, values in SEQUENCES.items()}
    record = {"origin": common.origin("tools/make_callback_goldens.py"), "sequences": sequences, "cases": cases}
    (common.FIXTURES / "callbacks.json").write_text(json.dumps(record, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
