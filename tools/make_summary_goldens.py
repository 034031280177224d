"""Writes tests/fixtures/summaries.json: what Keras 3 prints for the models that tests/unit/summary.test.ts builds too.

    python tools/make_summary_goldens.py
"""

import json
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ["COLUMNS"] = "200"  # a terminal wide enough for Keras's own line length

import keras

import common

L = keras.layers


def sequential():
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            L.Conv2D(8, 3, activation="relu"),
            L.BatchNormalization(),
            L.ReLU(6.0),
            L.GlobalAveragePooling2D(),
            L.Dropout(0.2),
            L.Dense(10),
        ]
    )


def branched():
    x = keras.Input((32, 32, 3), name="image")
    y = L.Conv2D(8, 3, padding="same", use_bias=False, name="a_convolution_with_a_rather_long_name")(x)
    shared = L.Conv2D(8, 3, padding="same", name="shared", trainable=False)
    z = L.Add(name="add")([y, shared(shared(y))])
    z = L.GlobalAveragePooling2D(name="pool")(z)
    return keras.Model(x, L.Dense(1000, name="classes")(z), name="branched")


def nested():
    x = keras.Input((16, 16, 3), name="image")
    base = keras.Model(x, L.BatchNormalization(name="norm")(L.Conv2D(4, 3, name="conv")(x)), name="base")
    base.trainable = False
    return keras.Sequential([keras.Input((16, 16, 3)), base, L.Flatten(name="flatten"), L.Dense(2, name="head")], name="nested")


def unbuilt():
    return keras.Sequential([L.Flatten(name="flatten"), L.Dense(2, name="head")], name="unbuilt")


def printed(model, **options):
    lines = []
    model.summary(print_fn=lines.append, **options)
    return "".join(lines).rstrip("\n")


def main():
    summaries = {}
    for build in (sequential, branched, nested, unbuilt):
        keras.utils.clear_session()
        summaries[build.__name__] = printed(build())
    keras.utils.clear_session()
    summaries["branched, 80 characters"] = printed(branched(), line_length=80)
    summaries["nested, expanded, trainable"] = printed(nested(), expand_nested=True, show_trainable=True)
    file = common.FIXTURES / "summaries.json"
    description = {"origin": common.origin("tools/make_summary_goldens.py"), "summaries": summaries}
    file.write_text(json.dumps(description, ensure_ascii=False, indent=1) + "\n")
    print(f"{file.name}: {len(summaries)} summaries")


if __name__ == "__main__":
    main()
