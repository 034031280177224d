"""Small networks of the layers that no network of keras.applications has, with random weights: what each computes, and the losses of five training steps.

Dropout inside attention is left out: every system draws other numbers.
"""

import keras
import numpy as np

import common
from interop_keras import SEED, generator_of
from interop_training import STEPS, small_rate

L = keras.layers
BATCH, CLASSES = 4, 5


def attention():
    """Self-attention, then attention to another sequence with keys of their own, other sizes, and no biases; then over the pixels of an image."""
    x = keras.Input((6, 8), name="words")
    memory = L.Reshape((8, 6), name="memory")(x)  # another sequence, of eight
    y = L.MultiHeadAttention(num_heads=2, key_dim=4, name="itself")(x, x)
    y = L.LayerNormalization(name="norm")(L.Add(name="sum")([x, y]))
    keys = L.Dense(7, name="keys")(memory)
    y = L.MultiHeadAttention(num_heads=3, key_dim=5, value_dim=4, output_shape=12, use_bias=False, name="other")(query=y, key=keys, value=memory)
    y = L.Reshape((3, 2, 12), name="image")(y)
    y = L.MultiHeadAttention(num_heads=2, key_dim=3, attention_axes=(1, 2), name="pixels")(y, y, use_causal_mask=False)
    return x, L.Dense(CLASSES, activation="softmax", name="head")(L.Flatten(name="flat")(y))


def decoder():
    """Transposed convolutions with every way of padding, windows smaller and larger than the strides, and normalizations of groups and of lengths."""
    x = keras.Input((4, 5, 6), name="image")
    y = L.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu", name="same3")(x)
    y = L.GroupNormalization(groups=2, name="groups")(y)
    y = L.Conv2DTranspose(6, 2, strides=3, use_bias=False, name="valid2")(y)
    y = L.GroupNormalization(groups=-1, center=False, epsilon=1e-5, name="each")(y)
    y = L.Conv2D(8, 3, strides=2, name="down")(y)
    y = L.Conv2DTranspose(4, (4, 3), strides=(2, 1), padding="same", name="same4")(y)
    y = L.UnitNormalization(name="unit")(y)
    y = L.Conv2DTranspose(4, 3, strides=2, padding="same", output_padding=1, name="more")(y)
    y = L.Conv2DTranspose(3, 3, name="plain")(y)  # TensorFlow has no dilated ones on CPUs
    y = L.GroupNormalization(groups=3, scale=False, name="centred")(y)
    y = L.MaxPooling2D(4, name="pool")(y)
    return x, L.Dense(CLASSES, activation="softmax", name="head")(L.Flatten(name="flat")(y))


def embedding():
    """A table of vectors, attention among them, and their lengths brought to one together."""
    x = keras.Input((7,), dtype="int32", name="numbers")
    y = L.Embedding(11, 6, name="table")(x)
    y = L.MultiHeadAttention(num_heads=2, key_dim=3, name="attention")(y, y)
    y = L.UnitNormalization(axis=(1, 2), name="unit")(y)
    return x, L.Dense(CLASSES, activation="softmax", name="head")(L.Flatten(name="flat")(y))


NETWORKS = {"attention": attention, "decoder": decoder, "embedding": embedding}


def samples_of(x, generator):
    shape = (STEPS, BATCH, *x.shape[1:])
    samples = generator.integers(0, 11, shape) if x.dtype == "int32" else generator.normal(size=shape)
    return samples.astype("float32")


def train(model, batches, labels):
    start = model.get_weights()
    rate = small_rate(model, batches[0], labels[0])
    model.set_weights(start)
    model.compile(optimizer=keras.optimizers.SGD(rate), loss="sparse_categorical_crossentropy", jit_compile=False)
    losses = []
    for batch, targets in zip(batches, labels, strict=True):
        model.reset_metrics()
        losses.append(float(model.train_on_batch(batch, targets)))
    return {"rate": rate, "losses": losses}


def write_layers(name, stem):
    keras.backend.clear_session()
    generator = generator_of(f"layers {name}")
    x, output = NETWORKS[name]()
    model = keras.Model(x, output, name=name)
    for weight in model.trainable_variables:
        scale = 0.4 if len(weight.shape) > 1 else 0.3
        centre = 1.0 if weight.path.endswith("gamma") else 0.0
        weight.assign(centre + scale * generator.normal(size=weight.shape))
    batches = samples_of(x, generator)
    head = model.layers[-1]
    logits = keras.Model(x, head.input)(batches[0]) @ head.kernel
    head.kernel.assign(head.kernel / keras.ops.std(logits))  # a saturated softmax would hide what is below it
    model.save(stem.with_suffix(".keras"))
    model.save(stem.with_suffix(".h5"))
    labels = generator.integers(0, CLASSES, (STEPS, BATCH))
    outputs = keras.ops.convert_to_numpy(model(batches[0], training=False))
    result = train(model, batches, labels)
    file = common.TensorFile(stem.name, stem.parent)
    file.write({
        "origin": common.origin("tools/interop_layers.py", seed=SEED),
        "batches": file.add(batches),
        "output": file.add(outputs),
        "labels": labels.tolist(),
        **result,
    })
    print(f"layers {name}: rate {result['rate']} losses {np.round(result['losses'], 4).tolist()}", flush=True)
