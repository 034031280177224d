"""Writes tests/fixtures/inside.{json,bin}: Grad-CAM by Keras's gradients, NT-Xent with its gradient by PyTorch, PCA by NumPy.

    python tools/make_inside_goldens.py

The network has a nested base with a skip connection and ends in a softmax; Grad-CAM takes the logit before it, as the paper does. NT-Xent is
computed as a cross-entropy over cosine similarities without the diagonal, in float64. Components of the PCA have their largest entry positive.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import json

import keras
import numpy as np
import tensorflow as tf
import torch

import common

SEED = 60606


class Store:
    def __init__(self):
        self.parts, self.floats = [], 0

    def add(self, array):
        array = np.ascontiguousarray(array, dtype=np.float32)
        place = {"shape": list(array.shape), "offset": self.floats}
        self.parts.append(array.tobytes())
        self.floats += array.size
        return place


def network(generator):
    layers = keras.layers
    x = keras.Input((8, 6, 3))
    a = layers.Conv2D(4, 3, padding="same", activation="relu", name="a")(x)
    b = layers.Conv2D(4, 3, padding="same", activation="relu", name="b")(a)
    c = layers.Conv2D(5, 3, strides=2, padding="same", activation="relu", name="c")(layers.Add(name="sum")([a, b]))
    base = keras.Model(x, c, name="base")
    start = keras.Input((8, 6, 3))
    pooled = layers.GlobalAveragePooling2D(name="pool")(base(start))
    model = keras.Model(start, layers.Dense(3, activation="softmax", name="head")(pooled))
    for w in model.weights:
        w.assign(generator.normal(0, 0.4, w.shape))
    return model, base


def grad_cam(model, base, images, name, class_ids):
    start, head = base.input, model.get_layer("head")
    tapped = keras.Model(start, [base.get_layer(name).output, base.output])
    with tf.GradientTape() as tape:
        if name == "sum":  # d / d sum reaches the score only through c
            features = keras.Model(start, base.get_layer("sum").output)(images)
            tape.watch(features)
            top = base.get_layer("c")(features)
        elif name == "a":  # by both ways: over b, and around it
            features = base.get_layer("a")(images)
            tape.watch(features)
            top = base.get_layer("c")(features + base.get_layer("b")(features))
        else:
            features = tapped(images)[0]
            tape.watch(features)
            top = features
        logits = tf.linalg.matmul(tf.reduce_mean(top, axis=(1, 2)), head.kernel) + head.bias
        ids = np.argmax(logits, axis=1) if class_ids is None else np.full(len(images), class_ids)
        score = tf.reduce_sum(tf.gather(logits, ids, axis=1, batch_dims=1))
    gradients = tape.gradient(score, features).numpy().astype(np.float64)
    weights = gradients.mean(axis=(1, 2), keepdims=True)
    maps = np.maximum((weights * features.numpy()).sum(-1), 0)
    return ids, logits.numpy(), features.numpy(), maps


def nt_xent(z, temperature):
    z = torch.tensor(z, dtype=torch.float64, requires_grad=True)
    u = torch.nn.functional.normalize(z, dim=1)
    s = u @ u.T / temperature
    s = s.masked_fill(torch.eye(len(z), dtype=torch.bool), -torch.inf)
    n = len(z) // 2
    loss = torch.nn.functional.cross_entropy(s, torch.arange(2 * n).roll(n), reduction="none")
    loss.mean().backward()
    return loss.detach().numpy(), z.grad.numpy()


def pca(x, k):
    x = x.astype(np.float64)
    mean = x.mean(0)
    u, s, vt = np.linalg.svd(x - mean, full_matrices=False)
    signs = np.sign(vt[np.arange(len(vt)), np.abs(vt).argmax(1)])
    vt = vt * signs[:, None]
    variance = s**2 / (len(x) - 1)
    return mean, vt[:k], variance[:k], variance[:k] / variance.sum(), (x - mean) @ vt[:k].T


def main():
    generator = np.random.default_rng(SEED)
    store = Store()
    model, base = network(generator)
    images = generator.normal(0, 1, (3, 8, 6, 3)).astype(np.float32)
    weights = {w.path: store.add(w.numpy()) for w in model.weights}
    cams = []
    for name, class_ids in (("a", None), ("a", 2), ("sum", 1), ("c", None), ("c", 0)):
        ids, logits, features, maps = grad_cam(model, base, images, name, class_ids)
        height, width = maps.shape[1:]
        large = tf.image.resize(maps[..., None], (8, 6), method="bilinear").numpy()[..., 0]
        cams.append({"layer": name, "classId": "predicted" if class_ids is None else class_ids, "ids": [int(i) for i in ids], "size": [height, width],
                     "logits": store.add(logits), "features": store.add(features), "maps": store.add(maps), "large": store.add(large)})
    contrast = []
    for rows, width, temperature in ((4, 3, 0.5), (10, 6, 0.1), (66, 5, 1.0), (6, 4, 0.01)):
        z = generator.normal(0, 2, (rows, width)).astype(np.float32)
        loss, gradient = nt_xent(z, temperature)
        contrast.append({"temperature": temperature, "z": store.add(z), "loss": store.add(loss), "gradient": store.add(gradient)})
    analyses = []
    for n, d in ((30, 7), (9, 40)):  # more samples than features, and fewer
        x = (generator.normal(0, 1, (n, d)) * np.linspace(3, 0.5, d) + generator.normal(0, 2, d)).astype(np.float32)
        mean, components, variance, share, scores = pca(x, 3)
        analyses.append({"x": store.add(x), "mean": store.add(mean), "components": store.add(components), "variance": store.add(variance),
                         "share": store.add(share), "scores": store.add(scores)})
    origin = {**common.origin("tools/make_inside_goldens.py", seed=SEED), "torch": torch.__version__}
    golden = {"origin": origin, "images": store.add(images), "weights": weights, "gradCam": cams, "ntXent": contrast, "pca": analyses}
    (common.FIXTURES / "inside.json").write_text(json.dumps(golden, indent=1) + "\n")
    (common.FIXTURES / "inside.bin").write_bytes(b"".join(store.parts))


main()
