"""Writes tests/fixtures/few-labels.{json,bin}: the loss of FixMatch with its gradient by PyTorch, rotations and nearest views by NumPy.

    python tools/make_few_label_goldens.py

FixMatch is written as in the paper (Sohn et al. 2020, equations 3 and 4), in float64: pseudo-labels and mask come from the weak views' logits
without a gradient. Rows of the logits are labelled, weak, strong. The gradient is that of the whole loss with respect to all logits.
"""

import json

import numpy as np
import torch
import torch.nn.functional as F

import common

SEED = 70707


class Store:
    def __init__(self):
        self.parts, self.floats = [], 0

    def add(self, array):
        array = np.ascontiguousarray(array, dtype=np.float32)
        place = {"shape": list(array.shape), "offset": self.floats}
        self.parts.append(array.tobytes())
        self.floats += array.size
        return place


def fix_match(store, generator, labelled, mu, classes, threshold, weight):
    unlabelled = mu * labelled
    logits = generator.normal(0, 2, (labelled + 2 * unlabelled, classes)).astype(np.float32)
    labels = generator.integers(0, classes, labelled + unlabelled)
    x = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    supervised, weak, strong = x.split([labelled, unlabelled, unlabelled])
    with torch.no_grad():
        confidence, pseudo = weak.softmax(1).max(1)
        mask = (confidence >= threshold).double()
    loss = F.cross_entropy(supervised, torch.tensor(labels[:labelled]))
    loss = loss + weight * (F.cross_entropy(strong, pseudo, reduction="none") * mask).mean()
    loss.backward()
    right = (supervised.argmax(1).numpy() == labels[:labelled]).mean()
    return {
        "labelled": labelled, "threshold": threshold, "lambda": weight, "logits": store.add(logits), "labels": labels.tolist(), "loss": loss.item(),
        "gradient": store.add(x.grad.numpy()), "accuracy": float(right), "confident": float(mask.mean()),
    }


def nearest_views(store, generator, samples, width):
    z = generator.normal(0, 1, (samples, width))
    z = np.concatenate([z, z + generator.normal(0, 0.9, z.shape)]).astype(np.float32)
    u = z / np.linalg.norm(z.astype(np.float64), axis=1, keepdims=True)
    s = u @ u.T
    np.fill_diagonal(s, -2)
    partner = (np.arange(2 * samples) + samples) % (2 * samples)
    return {"z": store.add(z), "correct": (s.argmax(1) == partner).astype(int).tolist()}


def main():
    store, generator = Store(), np.random.default_rng(SEED)
    steps = [fix_match(store, generator, *problem) for problem in [(4, 3, 5, 0.6, 1.0), (2, 7, 3, 0.8, 0.5), (5, 1, 2, 0.95, 2.0)]]
    images = generator.integers(0, 256, (2, 5, 5, 3))
    turned = np.stack([np.rot90(image, k) for image in images for k in range(4)])
    golden = {
        "origin": {**common.origin("tools/make_few_label_goldens.py", seed=SEED), "torch": torch.__version__},
        "fixMatch": steps,
        "rotations": {"x": store.add(images), "y": store.add(turned)},
        "nearest": [nearest_views(store, generator, *size) for size in [(5, 3), (9, 16)]],
    }
    (common.FIXTURES / "few-labels.json").write_text(json.dumps(golden, indent=1) + "\n")
    (common.FIXTURES / "few-labels.bin").write_bytes(b"".join(store.parts))


main()
