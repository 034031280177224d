"""Five training steps by Keras of a network of keras.applications with random weights: the losses, with the base frozen and with everything trained."""

import keras
import numpy as np

import common
from interop_keras import SEED, build, count, generator_of, images_of, randomise

STEPS, BATCH, SIZE, RATE = 5, 8, 64, 0.01
# Dropout draws other numbers in every system, so it is switched off.
NO_DROPOUT = {
    "mobilenet": {"dropout": 0.0},
    "mobilenet_v2": {},
    "resnet50": {},
    "efficientnet_b0": {"dropout_rate": 0.0, "drop_connect_rate": 0.0},
    "densenet121": {},
}


def train(model, head, frozen, images, labels):
    for layer in model.layers:
        layer.trainable = layer is head or not frozen
    model.compile(optimizer=keras.optimizers.SGD(RATE), loss="sparse_categorical_crossentropy", jit_compile=False)
    losses = []
    for batch, targets in zip(images, labels, strict=True):
        model.reset_metrics()  # Keras answers with the mean since the last reset
        losses.append(float(model.train_on_batch(batch, targets)))
    return {"parameters": count(model.trainable_variables), "losses": losses}


def write_training(name, stem):
    if name not in NO_DROPOUT:
        raise ValueError(f"unknown network {name}; expected one of {', '.join(NO_DROPOUT)}")
    keras.backend.clear_session()
    generator = generator_of(f"train {name}")
    model, pixels, _ = build(name, SIZE, **NO_DROPOUT[name])
    images = images_of(pixels, STEPS * BATCH, SIZE, generator)
    labels = generator.integers(0, 10, (STEPS, BATCH))
    head = randomise(model, images, generator)
    pooled = next(layer for layer in model.layers[::-1] if isinstance(layer, keras.layers.GlobalAveragePooling2D))
    model.save(stem.with_suffix(".keras"))
    start = model.get_weights()
    runs = {}
    for run in ("frozen", "unfrozen"):
        model.set_weights(start)
        runs[run] = train(model, head, run == "frozen", images.reshape(STEPS, BATCH, SIZE, SIZE, 3), labels)
    file = common.TensorFile(stem.name, stem.parent)
    file.write({
        "origin": common.origin("tools/interop_training.py", seed=SEED),
        "optimizer": "sgd",
        "rate": RATE,
        "freezeUpTo": pooled.name,
        "batches": file.add(images.reshape(STEPS, BATCH, SIZE, SIZE, 3)),
        "labels": labels.tolist(),
        "runs": runs,
    })
    print(f"train {name}: " + "; ".join(f"{run} {np.round(r['losses'], 4).tolist()}" for run, r in runs.items()), flush=True)
