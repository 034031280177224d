"""Writes tests/fixtures/weights.json: how Keras trains with sample weights and class weights, and what the loss of each epoch is.

    python tools/make_weight_goldens.py

One dense layer with softmax, plain SGD, batches in the order of the data, the last one smaller. Float64, on numbers that float32 holds exactly.
"""

import json
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np

SAMPLES, FEATURES, CLASSES, EPOCHS, BATCH = 10, 4, 3, 3, 4


def train(x, y, loss, kernel, **weights):
    keras.backend.set_floatx("float64")
    model = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(CLASSES, activation="softmax", use_bias=False)])
    model.layers[0].set_weights([kernel])
    model.compile(optimizer=keras.optimizers.SGD(0.25), loss=loss)
    history = model.fit(x, y, epochs=EPOCHS, batch_size=BATCH, shuffle=False, verbose=0, **weights)
    return {"losses": history.history["loss"], "kernel": model.layers[0].get_weights()[0].ravel().tolist()}


def main():
    generator = np.random.default_rng(20264)
    x = np.round(generator.normal(0, 1, (SAMPLES, FEATURES)) * 64) / 64
    y = np.array([0, 0, 0, 0, 0, 1, 1, 2, 0, 1])
    kernel = np.round(generator.normal(0, 0.5, (FEATURES, CLASSES)) * 64) / 64
    sample_weight = np.array([1, 2, 0.5, 0, 1, 1, 0.25, 4, 1, 1])
    class_weight = {0: 0.5, 1: 1.5, 2: 3.0}
    one_hot = np.eye(CLASSES)[y]
    sparse = "sparse_categorical_crossentropy"
    cases = {
        "sample weights": train(x, y, sparse, kernel, sample_weight=sample_weight),
        "class weights": train(x, y, sparse, kernel, class_weight=class_weight),
        # Keras refuses both at once; the product is what Thaw takes them for.
        "both": train(x, y, sparse, kernel, sample_weight=sample_weight * np.array([class_weight[c] for c in y])),
        "one-hot": train(x, one_hot, "categorical_crossentropy", kernel, class_weight=class_weight),
        "squared": train(x, one_hot, "mean_squared_error", kernel, sample_weight=sample_weight),
    }
    golden = {
        "origin": {"script": "tools/make_weight_goldens.py", "keras": keras.__version__, "backend": keras.backend.backend(), "precision": "float64"},
        "x": x.ravel().tolist(),
        "y": y.tolist(),
        "kernel": kernel.ravel().tolist(),
        "sampleWeight": sample_weight.tolist(),
        "classWeight": class_weight,
        "epochs": EPOCHS,
        "batchSize": BATCH,
        "cases": cases,
    }
    path = pathlib.Path(__file__).parent.parent / "tests" / "fixtures" / "weights.json"
    path.write_text(json.dumps(golden) + "\n")


main()
