"""Writes tests/fixtures/trajectories.{json,bin} and embedded.{json,bin}: 20 training steps of the embedded network, taken by Keras.

    python tools/make_trajectories.py

The network is assets/thaw_cifar8.keras up to out_relu, global average pooling and a new dense head of two logits; a batch is 16 images of the sprite's
labelled split. Trained with all layers trainable, with the lower half frozen, and with the head alone, each with SGD and with Adam. Recorded: the
loss of every step, the gradients of the first, and what 20 steps changed. A fourth configuration, all layers trainable but BatchNormalization in
inference mode as in fine-tuning, records losses and the norms of the changes only, to keep the files small. (It calls the whole model with
training=False: in Keras 3.15 the training=True of fit overrides a training=False written into a functional model, see Keras's issue 20285.)

Some tensors have no gradient at all in exact arithmetic: a beta whose constant shift the next BatchNormalization takes away again. What an optimizer
makes of their rounding errors is arbitrary (Adam blows them up), and no output depends on it. They are listed as "withoutGradient", for a test to
leave out of its relative comparisons.

Keras computes in float64, so that a golden carries no rounding of its own; the same steps in float32 are compared with it, and how far Keras's own
float32 strays is written down ("float32Deviation"): no tolerance below that can be asked of anyone.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import json

import keras
import numpy as np
from PIL import Image

import common

SEED = 20264
STEPS, BATCH, CLASSES = 20, 16, 2
LAST_LAYER, LAST_FROZEN = "out_relu", "block_4_add"
# Rates of fine-tuning. At ten times these, a value that rounding pushes over a kink of ReLU6 sends the run elsewhere: Keras's own float32 strays by
# 3e-3 in Adam's losses and 8e-2 in what it changes.
OPTIMIZERS = {
    "sgd": {"class_name": "SGD", "config": {"learning_rate": 2e-3, "momentum": 0.9}},
    "adam": {"class_name": "Adam", "config": {"learning_rate": 1e-4}},
}
CONFIGURATIONS = ["allTrainable", "halfFrozen", "headOnly", "inferenceMode"]


def split(name):
    """(images uint8 [n, 32, 32, 3], tile numbers, labels) of one split of the sprite."""
    description = json.loads((common.ASSETS / "cats_dogs.json").read_text())
    tile = description["tile"]
    sprite = np.asarray(Image.open(common.ASSETS / description["image"]))
    tiles = sprite.reshape(tile["rows"], tile["height"], tile["columns"], tile["width"], 3).transpose(0, 2, 1, 3, 4).reshape(-1, 32, 32, 3)
    part = description["splits"][name]
    numbers = np.arange(part["start"], part["start"] + part["count"])
    return tiles[numbers], numbers, np.array(part["labels"])


def embedded(dtype):
    """The pretrained network, computing in the given precision."""
    stored = keras.saving.load_model(common.ASSETS / "thaw_cifar8.keras", compile=False)
    copy = keras.models.clone_model(stored, clone_function=lambda layer: type(layer).from_config({**layer.get_config(), "dtype": dtype}))
    copy.set_weights(stored.get_weights())
    return copy


def build(configuration, head, dtype):
    """Returns (model, base) with the trainable flags of the configuration set and the head's given weights."""
    full = embedded(dtype)
    base = keras.Model(full.input, full.get_layer(LAST_LAYER).output, name="base")
    inputs = keras.Input((32, 32, 3), dtype=dtype)
    x = keras.layers.GlobalAveragePooling2D(dtype=dtype)(base(inputs))
    dense = keras.layers.Dense(CLASSES, name="head", dtype=dtype)
    model = keras.Model(inputs, dense(x))
    dense.set_weights(head)
    frozen = [layer.name for layer in base.layers]
    if configuration == "halfFrozen":
        frozen = frozen[: frozen.index(LAST_FROZEN) + 1]
    if configuration in ("halfFrozen", "headOnly"):
        for name in frozen:
            base.get_layer(name).trainable = False
    return model, base


def named(model, variables):
    """{layer/weight: variable}; names in the network are unique."""
    wanted = {id(v) for v in variables}
    layers = [inner for layer in model.layers for inner in getattr(layer, "layers", [layer])]
    return {f"{layer.name}/{v.name}": v for layer in layers for v in layer.weights if id(v) in wanted}


def train(configuration, optimizer, head, batches, dtype):
    """Takes the steps that fit takes, one by one, and keeps the numbers."""
    model, base = build(configuration, head, dtype)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype=dtype)
    optimizer = keras.optimizers.get(optimizer)
    variables = model.trainable_variables
    tracked = named(model, model.weights)
    trainable = named(model, variables)
    before = {name: keras.ops.convert_to_numpy(v).copy() for name, v in tracked.items()}
    result = {"losses": [], "frozen": [layer.name for layer in base.layers if layer.weights and not layer.trainable]}
    for images, labels in batches:

        def forward(x, labels=labels):
            return loss(labels, model(x, training=configuration != "inferenceMode")), None

        value, _, _, gradients = common.differentiate(forward, [images.astype(dtype)], variables)
        if not result["losses"]:
            name_of = {id(v): name for name, v in trainable.items()}
            result["gradients"] = {name_of[id(v)]: g for v, g in zip(variables, gradients, strict=True)}
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients], variables)
        result["losses"].append(value)
    after = {name: keras.ops.convert_to_numpy(v) for name, v in tracked.items()}
    result["changes"] = {name: after[name] - before[name] for name in trainable}
    result["after"] = after
    result["moving"] = {name: after[name] for name in tracked if name not in trainable and not np.array_equal(after[name], before[name])}
    return result


def same_as_fit(head, batches):
    """The loop above against Keras's own fit; returns the largest difference of any weight after all steps."""
    model, _ = build("halfFrozen", head, "float64")
    model.compile(optimizer=keras.optimizers.get(OPTIMIZERS["sgd"]), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    images, labels = (np.concatenate(part) for part in zip(*batches, strict=True))
    model.fit(images.astype("float64"), labels, batch_size=BATCH, epochs=1, shuffle=False, verbose=0)
    ours = train("halfFrozen", OPTIMIZERS["sgd"], head, batches, "float64")
    start, _ = build("halfFrozen", head, "float64")
    begin = {name: keras.ops.convert_to_numpy(v) for name, v in named(start, start.weights).items()}
    fitted = named(model, model.weights)
    return max(float(np.abs(keras.ops.convert_to_numpy(fitted[n]) - begin[n] - change).max()) for n, change in ours["changes"].items())


def without_gradient(golden):
    """Tensors whose gradient is rounding error only: more than nine digits below the largest gradient."""
    norms = {n: np.linalg.norm(g) for n, g in golden["gradients"].items()}
    return [n for n, norm in norms.items() if norm < 1e-9 * max(norms.values())]


def storage_floor(golden):
    """For each tensor, rounding of its float32 storage over the steps (as a random walk) relative to its change."""
    ulp = {n: np.linalg.norm(np.spacing(np.abs(w).astype("float32"))) for n, w in golden["after"].items()}
    return {n: float(ulp[n] * np.sqrt(STEPS / 12) / np.linalg.norm(c)) for n, c in golden["changes"].items() if n not in without_gradient(golden)}


def deviation(golden, other):
    """How far another precision strays: losses relative, changes as norm of the difference over norm of the change (those above 1e-3)."""
    nothing = without_gradient(golden)
    losses = max(abs(a - b) / abs(a) for a, b in zip(golden["losses"], other["losses"], strict=True))
    gradients = max(np.linalg.norm(g - other["gradients"][n]) / np.linalg.norm(g) for n, g in golden["gradients"].items() if n not in nothing)
    changes = {n: float(np.linalg.norm(c - other["changes"][n]) / np.linalg.norm(c)) for n, c in golden["changes"].items() if n not in nothing}
    far = {n: float(f"{c:.2g}") for n, c in sorted(changes.items(), key=lambda item: -item[1]) if c > 1e-3}
    return {"losses": float(losses), "gradients": float(gradients), "changes": far}


def steady_order(head, images, labels):
    """The first seed from SEED on whose first batch has no value next to a kink of ReLU6: there one rounding in float32 turns a whole branch of the
    gradient on or off, and Keras's own float32 strays by half a percent. Returns (seed, tile order [STEPS, BATCH])."""
    for seed in range(SEED, SEED + 40):
        order = np.random.default_rng(seed).permutation(len(images))[: STEPS * BATCH].reshape(STEPS, BATCH)
        first = [(images[order[0]].astype("float64"), labels[order[0]])]
        exact = train("allTrainable", OPTIMIZERS["sgd"], head, first, "float64")
        rounded = train("allTrainable", OPTIMIZERS["sgd"], [w.astype("float32") for w in head], first, "float32")
        strays = deviation(exact, rounded)["gradients"]
        print(f"seed {seed}: float32 strays by {strays:.2g} in the first gradients", flush=True)
        if strays < 1e-4:
            return seed, order
    raise SystemExit("trajectories: no seed gives steady first gradients; expected one below 1e-4")


def write_trajectories():
    images, numbers, labels = split("train")
    features = embedded("float32").get_layer(LAST_LAYER).output.shape[-1]
    limit = np.sqrt(6 / (features + CLASSES))
    head = [common.exact(np.random.default_rng(SEED + 1).uniform(-limit, limit, (features, CLASSES))), np.zeros(CLASSES)]

    seed, order = steady_order(head, images, labels)
    batches = [(images[chosen].astype("float64"), labels[chosen]) for chosen in order]
    fit_difference = same_as_fit(head, batches)
    if fit_difference > 1e-7:
        raise SystemExit(f"trajectories: the step loop and Keras's fit differ by {fit_difference:.2g} in a weight; expected at most 1e-7, which the float32 of the compiled loss explains")

    file = common.TensorFile("trajectories")

    def places(arrays):
        return {name: file.add(array) for name, array in arrays.items()}

    description = {
        "origin": common.origin(
            "tools/make_trajectories.py", precision="float64; tensors rounded to float32", seed=seed, largestDifferenceFromFit=fit_difference
        ),
        "model": "thaw_cifar8.keras",
        "upTo": LAST_LAYER,
        "loss": "SparseCategoricalCrossentropy(from_logits=True)",
        "batchSize": BATCH,
        "steps": STEPS,
        "tiles": numbers[order].tolist(),
        "labels": labels[order].tolist(),
        "head": {"kernel": file.add(head[0]), "bias": file.add(head[1])},
        "optimizers": OPTIMIZERS,
        "configurations": {},
    }
    for configuration in CONFIGURATIONS:
        entry, brief = {}, configuration == "inferenceMode"
        for optimizer, config in OPTIMIZERS.items():
            golden = train(configuration, config, head, batches, "float64")
            in_float32 = train(configuration, config, [w.astype("float32") for w in head], batches, "float32")
            if not entry:
                entry = {"training": not brief, "frozen": golden["frozen"], "withoutGradient": without_gradient(golden)}
                if not brief:  # the first gradient does not depend on the optimizer
                    entry["gradients"] = places(golden["gradients"])
            entry[optimizer] = {"losses": golden["losses"], "storageFloor": storage_floor(golden), "float32Deviation": deviation(golden, in_float32)}
            if brief:
                entry[optimizer]["changeNorms"] = {n: float(np.linalg.norm(c)) for n, c in golden["changes"].items()}
            else:
                entry[optimizer]["changes"] = places(golden["changes"])
                entry[optimizer]["movingStatistics"] = places(golden["moving"])
            print(f"{configuration} {optimizer}: loss {golden['losses'][0]:.4f} to {golden['losses'][-1]:.4f}; float32 {entry[optimizer]['float32Deviation']}", flush=True)
        description["configurations"][configuration] = entry
    file.write(description)
    print(f"trajectories: {file.floats * 4 / 1e6:.2f} MB")


def write_embedded(count=32):
    """What the eight-class network says of the first validation images, and its features below the head."""
    images, numbers, _ = split("validation")
    model = embedded("float64")
    features = keras.Model(model.input, model.get_layer("global_average_pooling2d").output)(images[:count].astype("float64"), training=False)
    head = model.get_layer("predictions")
    file = common.TensorFile("embedded")
    file.write({
        "origin": common.origin("tools/make_trajectories.py", precision="float64, rounded to float32"),
        "model": "thaw_cifar8.keras",
        "tiles": numbers[:count].tolist(),
        "features": file.add(keras.ops.convert_to_numpy(features)),
        "logits": file.add(keras.ops.convert_to_numpy(keras.ops.matmul(features, head.kernel) + head.bias)),
        "probabilities": file.add(model.predict(images[:count].astype("float64"), verbose=0)),
    })
    print(f"embedded: {file.floats * 4 / 1e3:.0f} kB")


if __name__ == "__main__":
    write_trajectories()
    write_embedded()
