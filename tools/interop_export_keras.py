"""Reads files that Thaw wrote with Keras: are the weights the same bits, what does it predict, and how does it go on training."""

import json

import keras
import numpy as np
from keras.src.applications.convnext import LayerScale
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

import common
from interop_keras import build, generator_of, images_of, randomise

CUSTOM = {"LayerScale": LayerScale, "CustomScaleLayer": CustomScaleLayer}


def write_start(name, stem):
    """A network of keras.applications for Thaw to change and write: 64x64, random weights, statistics that fit them."""
    keras.backend.clear_session()
    generator = generator_of(f"start {name}")
    model, pixels, _ = build(name, 64)
    randomise(model, images_of(pixels, 8, 64, generator), generator)
    model.save(stem.with_suffix(".keras"))
    stem.with_suffix(".json").write_text(json.dumps({"origin": common.origin("tools/interop_export_keras.py")}))


class Given:
    """What tests/interop/export-keras.test.ts wrote beside the files: a description, and its tensors."""

    def __init__(self, stem):
        self.json = json.loads(stem.with_suffix(".given.json").read_text())
        self.floats = np.fromfile(stem.with_suffix(".given.bin"), "<f4")

    def tensor(self, place):
        return self.floats[place["offset"] : place["offset"] + int(np.prod(place["shape"]))].reshape(place["shape"])


def layer_at(model, names):
    for name in names:
        model = model.get_layer(name)
    return model


def differences(model, given):
    """Weights whose bits are others than Thaw's, by name."""
    wrong = []
    for entry in given.json["weights"]:
        variables = layer_at(model, entry["names"]).weights
        values = [np.asarray(keras.ops.convert_to_numpy(v), dtype="<f4") for v in variables]
        places = entry["places"]
        if len(values) != len(places):
            wrong.append(f"{entry['names']} has {len(values)} weights, expected {len(places)}")
            continue
        for variable, value, place in zip(variables, values, places, strict=True):
            if list(value.shape) != place["shape"] or value.tobytes() != given.tensor(place).tobytes():
                wrong.append(variable.path)
    return wrong


def flags(model):
    return sorted(
        [layer.name, bool(layer.trainable)]
        for outer in model.layers
        for layer in (outer.layers if hasattr(outer, "layers") else [outer])
        if not isinstance(layer, (keras.layers.InputLayer, keras.layers.SpatialDropout2D)) and not hasattr(layer, "layers")
    )


def check_saved(name, stem):
    keras.backend.clear_session()
    given = Given(stem)
    model = keras.models.load_model(f"{stem}.keras")
    result = {"differences": differences(model, given), "flags": flags(model)}
    tensors = common.TensorFile(stem.name, stem.parent)
    outputs = model.predict(given.tensor(given.json["input"]), verbose=0)
    result["output"] = tensors.add(outputs[0] if isinstance(outputs, list) else outputs)
    if given.json["legacy"]:
        older = keras.models.load_model(f"{stem}.h5", custom_objects=CUSTOM)
        result["legacyDifferences"] = differences(older, given)
    bare = keras.models.clone_model(model)
    bare.load_weights(f"{stem}.weights.h5")
    result["weightsDifferences"] = differences(bare, given)
    if "batches" in given.json:
        # Steps; its property counts changes of the weights, which are fewer where gradients are accumulated.
        result["iterations"] = int(model.optimizer._iterations.numpy())
        result["optimizer"] = type(model.optimizer).__name__
        model.save(f"{stem}.again.keras")  # for Thaw to go on from what Keras writes
        result["losses"] = []
        for place, labels in zip(given.json["batches"], given.json["labels"], strict=True):
            model.reset_metrics()  # Keras answers with the mean since the last reset
            answer = model.train_on_batch(given.tensor(place), np.array(labels), return_dict=True)
            result["losses"].append(float(answer["loss"]))
        result["metrics"] = sorted(answer)
    tensors.write({"origin": common.origin("tools/interop_export_keras.py"), **result})
