"""Five training steps by Keras of a network of keras.applications with random weights: the losses, with the base frozen and with everything trained."""

import keras
import numpy as np

import common
from interop_keras import SEED, build, count, generator_of, images_of, randomise

STEPS, BATCH, SIZE = 5, 8, 48
STEP = 0.03  # share of the loss that a step takes away, to first order
NETWORKS = ("mobilenet", "mobilenet_v2", "resnet50", "efficientnet_b0", "densenet121")


def small_rate(model, images, labels):
    """The rate with which a step of gradient descent changes the loss by STEP: gradients of networks with random weights differ by orders of magnitude, and with a
    rate that is too large two systems part within a few steps however well they agree."""
    loss, _, _, gradients = common.differentiate(
        lambda x: (keras.ops.mean(keras.losses.sparse_categorical_crossentropy(labels, model(x, training=True))), None), [images], model.trainable_variables
    )
    return float(f"{STEP * loss / sum(np.sum(np.square(g)) for g in gradients if g is not None):.3g}")


def train(model, head, frozen, images, labels):
    for layer in model.layers:
        layer.trainable = layer is head or not frozen
    start = model.get_weights()
    rate = small_rate(model, images[0], labels[0])
    model.set_weights(start)  # the call has moved the statistics
    model.compile(optimizer=keras.optimizers.SGD(rate), loss="sparse_categorical_crossentropy", jit_compile=False)
    losses = []
    for batch, targets in zip(images, labels, strict=True):
        model.reset_metrics()  # Keras answers with the mean since the last reset
        losses.append(float(model.train_on_batch(batch, targets)))
    return {"rate": rate, "parameters": count(model.trainable_variables), "losses": losses}


def write_training(name, stem):
    if name not in NETWORKS:
        raise ValueError(f"unknown network {name}; expected one of {', '.join(NETWORKS)}")
    keras.backend.clear_session()
    generator = generator_of(f"train {name}")
    model, pixels, _ = build(name, SIZE)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0  # every system draws other numbers
    images = images_of(pixels, STEPS * BATCH, SIZE, generator)
    labels = generator.integers(0, 10, (STEPS, BATCH))
    head = randomise(model, images, generator)
    head.kernel.assign(head.kernel * 0.3)  # features of the batch's own statistics are others than those it was scaled for
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
        "freezeUpTo": pooled.name,
        "batches": file.add(images.reshape(STEPS, BATCH, SIZE, SIZE, 3)),
        "labels": labels.tolist(),
        "runs": runs,
    })
    print(f"train {name}: " + "; ".join(f"{run} rate {r['rate']} losses {np.round(r['losses'], 4).tolist()}" for run, r in runs.items()), flush=True)
