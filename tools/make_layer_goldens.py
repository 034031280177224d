"""Writes tests/fixtures/layers.{json,bin}: what Keras 3 computes for every layer that Thaw has, forward and backward.

    python tools/make_layer_goldens.py                               # writes, with the TensorFlow backend
    KERAS_BACKEND=torch python tools/make_layer_goldens.py --compare # computes again elsewhere, compares, writes nothing

The two backends of Keras 3.15 disagree in one place: average pooling with "same" padding that is one wider at the end. TensorFlow leaves the padding
out of the average, as it does for every other padding; PyTorch counts it as zeros. The goldens follow TensorFlow.

Keras computes in float64 on numbers that float32 holds exactly, so a golden's own rounding error is half a unit in the last place and a test's
tolerance is all the tested code's. Upstream gradients are random; gradients are those of sum(output * dOutput).
"""

import argparse
import json
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np

import common

L = keras.layers
SEED = 20262


def cases():
    """Yields (name, layer, input shapes, options); options: training, adapt, spread (standard deviation of the inputs), trainable."""
    image, odd = [(2, 6, 6, 3)], [(2, 7, 5, 3)]

    yield "conv2d/same", L.Conv2D(4, 3, padding="same"), odd, {}
    yield "conv2d/valid", L.Conv2D(4, 3), odd, {}
    yield "conv2d/same-stride-2-even", L.Conv2D(4, 3, strides=2, padding="same"), image, {}
    yield "conv2d/same-stride-2-odd", L.Conv2D(4, 3, strides=2, padding="same"), odd, {}
    yield "conv2d/valid-stride-2-even", L.Conv2D(4, 3, strides=2), image, {}
    yield "conv2d/valid-stride-2-odd", L.Conv2D(4, 3, strides=2), odd, {}
    yield "conv2d/same-stride-2-even-kernel", L.Conv2D(4, 4, strides=2, padding="same"), odd, {}
    yield "conv2d/same-stride-3-kernel-7", L.Conv2D(3, 7, strides=3, padding="same"), [(1, 11, 10, 2)], {}
    yield "conv2d/oblong-kernel-and-stride", L.Conv2D(3, (3, 2), strides=(2, 1), padding="same"), odd, {}
    yield "conv2d/kernel-5-wider-than-image", L.Conv2D(2, 5, padding="same"), [(1, 3, 3, 2)], {}
    yield "conv2d/dilation-2-same", L.Conv2D(4, 3, dilation_rate=2, padding="same"), odd, {}
    yield "conv2d/dilation-2-valid", L.Conv2D(4, 3, dilation_rate=2), odd, {}
    yield "conv2d/groups-2", L.Conv2D(6, 3, groups=2, padding="same"), [(2, 5, 5, 4)], {}
    yield "conv2d/groups-4-stride-2", L.Conv2D(4, 3, groups=4, strides=2), [(2, 6, 5, 4)], {}
    yield "conv2d/no-bias", L.Conv2D(4, 3, use_bias=False), odd, {}
    yield "conv2d/pointwise", L.Conv2D(5, 1, use_bias=False), odd, {}
    yield "conv2d/pointwise-stride-2-same", L.Conv2D(5, 1, strides=2, padding="same"), image, {}
    yield "conv2d/relu", L.Conv2D(4, 3, activation="relu"), odd, {}
    yield "conv2d/silu", L.Conv2D(4, 3, activation="silu", padding="same"), odd, {}
    yield "conv2d/frozen", L.Conv2D(4, 3, trainable=False), odd, {}

    yield "depthwise_conv2d/same", L.DepthwiseConv2D(3, padding="same"), odd, {}
    yield "depthwise_conv2d/valid", L.DepthwiseConv2D(3), odd, {}
    yield "depthwise_conv2d/same-stride-2-even", L.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False), image, {}
    yield "depthwise_conv2d/same-stride-2-odd", L.DepthwiseConv2D(3, strides=2, padding="same"), odd, {}
    yield "depthwise_conv2d/valid-stride-2", L.DepthwiseConv2D(3, strides=2), image, {}
    yield "depthwise_conv2d/multiplier-2", L.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), odd, {}
    yield "depthwise_conv2d/multiplier-2-stride-2", L.DepthwiseConv2D(3, depth_multiplier=2, strides=2, use_bias=False), odd, {}
    yield "depthwise_conv2d/dilation-2", L.DepthwiseConv2D(3, dilation_rate=2, padding="same"), odd, {}
    yield "depthwise_conv2d/kernel-5-relu6", L.DepthwiseConv2D(5, padding="same", activation="relu6"), odd, {}

    yield "separable_conv2d/same", L.SeparableConv2D(4, 3, padding="same"), odd, {}
    yield "separable_conv2d/valid-stride-2", L.SeparableConv2D(4, 3, strides=2), image, {}
    yield "separable_conv2d/multiplier-2-no-bias", L.SeparableConv2D(4, 3, depth_multiplier=2, use_bias=False, padding="same"), odd, {}
    yield "separable_conv2d/relu", L.SeparableConv2D(4, 3, activation="relu", padding="same"), odd, {}

    yield "dense/rank-2", L.Dense(4), [(5, 7)], {}
    yield "dense/rank-3", L.Dense(4), [(2, 3, 5)], {}
    yield "dense/rank-4-no-bias", L.Dense(3, use_bias=False), [(2, 3, 2, 4)], {}
    yield "dense/softmax", L.Dense(4, activation="softmax"), [(5, 7)], {}
    yield "dense/sigmoid", L.Dense(1, activation="sigmoid"), [(5, 7)], {}

    for kind, layer in (("max_pooling2d", L.MaxPooling2D), ("average_pooling2d", L.AveragePooling2D)):
        yield f"{kind}/default", layer(2), image, {}
        yield f"{kind}/valid-odd", layer(2), odd, {}
        yield f"{kind}/same-odd", layer(2, padding="same"), odd, {}
        yield f"{kind}/overlapping-valid", layer(3, strides=2), odd, {}
        yield f"{kind}/overlapping-same-even", layer(3, strides=2, padding="same"), image, {}
        yield f"{kind}/overlapping-same-odd", layer(3, strides=2, padding="same"), odd, {}
        yield f"{kind}/stride-1-same", layer(3, strides=1, padding="same"), odd, {}
        yield f"{kind}/oblong", layer((3, 2), strides=(2, 1), padding="same"), odd, {}
    for kind, layer in (("global_average_pooling2d", L.GlobalAveragePooling2D), ("global_max_pooling2d", L.GlobalMaxPooling2D)):
        yield f"{kind}/default", layer(), odd, {}
        yield f"{kind}/keepdims", layer(keepdims=True), odd, {}

    normal = {"spread": 2.0}
    yield "batch_normalization/training", L.BatchNormalization(), odd, {**normal, "training": True}
    yield "batch_normalization/inference", L.BatchNormalization(), odd, normal
    yield "batch_normalization/frozen-in-training", L.BatchNormalization(trainable=False), odd, {**normal, "training": True}
    yield "batch_normalization/no-scale", L.BatchNormalization(scale=False), odd, {**normal, "training": True}
    yield "batch_normalization/no-center", L.BatchNormalization(center=False), odd, {**normal, "training": True}
    yield "batch_normalization/bare-inference", L.BatchNormalization(scale=False, center=False), odd, normal
    yield "batch_normalization/momentum-epsilon", L.BatchNormalization(momentum=0.9, epsilon=1e-5), odd, {**normal, "training": True}
    yield "batch_normalization/rank-2", L.BatchNormalization(), [(6, 5)], {**normal, "training": True}
    yield "layer_normalization/default", L.LayerNormalization(), [(2, 3, 5)], normal
    yield "layer_normalization/rank-2", L.LayerNormalization(epsilon=1e-6), [(4, 7)], normal
    yield "layer_normalization/rank-4", L.LayerNormalization(), odd, normal
    yield "layer_normalization/several-axes", L.LayerNormalization(axis=[1, 2, 3]), odd, normal
    yield "layer_normalization/bare", L.LayerNormalization(center=False, scale=False), [(4, 7)], normal

    wide = {"spread": 4.0}
    for name in "linear relu relu6 sigmoid tanh silu hard_sigmoid hard_silu gelu softmax leaky_relu elu selu softplus softsign exponential mish".split():
        yield f"activation/{name}", L.Activation(name), [(4, 9)], wide
    yield "activation/softmax-rank-4", L.Activation("softmax"), [(2, 2, 3, 4)], wide
    yield "relu/default", L.ReLU(), [(4, 9)], wide
    yield "relu/six", L.ReLU(6.0), [(4, 9)], wide
    yield "relu/negative-slope", L.ReLU(negative_slope=0.1), [(4, 9)], wide
    yield "relu/threshold", L.ReLU(threshold=1.0), [(4, 9)], wide
    yield "relu/all-three", L.ReLU(max_value=5.0, negative_slope=0.2, threshold=0.5), [(4, 9)], wide
    yield "leaky_relu/default", L.LeakyReLU(), [(4, 9)], wide
    yield "leaky_relu/slope", L.LeakyReLU(negative_slope=0.05), [(4, 9)], wide
    yield "elu/alpha", L.ELU(alpha=0.7), [(4, 9)], wide
    yield "prelu/shared", L.PReLU(shared_axes=[1, 2]), odd, wide
    yield "softmax/default", L.Softmax(), [(4, 9)], wide
    yield "softmax/axis-1", L.Softmax(axis=1), [(2, 4, 3)], wide

    pair = [(2, 3, 4, 5)] * 2
    yield "add/two", L.Add(), pair, {}
    yield "add/three", L.Add(), [(2, 3, 4, 5)] * 3, {}
    yield "add/broadcast", L.Add(), [(2, 3, 4, 5), (2, 1, 1, 5)], {}
    yield "subtract/two", L.Subtract(), pair, {}
    yield "multiply/two", L.Multiply(), pair, {}
    yield "multiply/three", L.Multiply(), [(2, 3, 4, 5)] * 3, {}
    yield "multiply/squeeze-and-excite", L.Multiply(), [(2, 3, 4, 5), (2, 1, 1, 5)], {}
    yield "multiply/squeeze-and-excite-first", L.Multiply(), [(2, 1, 1, 5), (2, 3, 4, 5)], {}
    yield "multiply/spatial-mask", L.Multiply(), [(2, 3, 4, 5), (2, 3, 4, 1)], {}
    yield "average/two", L.Average(), pair, {}
    yield "average/three", L.Average(), [(2, 3, 4, 5)] * 3, {}
    yield "maximum/two", L.Maximum(), pair, {}
    yield "minimum/two", L.Minimum(), pair, {}
    yield "concatenate/channels", L.Concatenate(), [(2, 3, 4, 5), (2, 3, 4, 2), (2, 3, 4, 1)], {}
    yield "concatenate/height", L.Concatenate(axis=1), [(2, 3, 4, 5), (2, 1, 4, 5)], {}
    yield "concatenate/width", L.Concatenate(axis=-2), [(2, 3, 4, 5), (2, 3, 2, 5)], {}
    yield "concatenate/rank-2", L.Concatenate(), [(3, 4), (3, 2)], {}

    yield "zero_padding2d/one", L.ZeroPadding2D(1), odd, {}
    yield "zero_padding2d/asymmetric", L.ZeroPadding2D(((0, 1), (2, 3))), odd, {}
    yield "cropping2d/asymmetric", L.Cropping2D(((1, 2), (0, 1))), odd, {}
    yield "reshape/flat-to-image", L.Reshape((2, 3, 4)), [(2, 24)], {}
    yield "reshape/inferred", L.Reshape((-1, 5)), [(2, 3, 4, 5)], {}
    yield "flatten/image", L.Flatten(), [(2, 3, 4, 5)], {}
    yield "permute/channels-first", L.Permute((3, 1, 2)), [(2, 3, 4, 5)], {}
    yield "permute/rank-3", L.Permute((2, 1)), [(2, 3, 4)], {}
    yield "rescaling/scalar", L.Rescaling(1 / 127.5, offset=-1), image, {"spread": 100.0}
    yield "rescaling/per-channel", L.Rescaling([0.5, 2.0, -1.0], offset=[0.1, 0.0, -3.0]), image, {}
    yield "normalization/given", L.Normalization(mean=[0.5, -1.0, 2.0], variance=[0.25, 4.0, 1.5]), image, {}
    yield "normalization/given-scalar", L.Normalization(axis=None, mean=0.5, variance=4.0), image, {}
    yield "normalization/adapted", L.Normalization(), image, {"adapt": True}
    yield "up_sampling2d/nearest", L.UpSampling2D(2), [(2, 3, 2, 3)], {}
    yield "up_sampling2d/nearest-oblong", L.UpSampling2D((3, 2)), [(2, 3, 2, 3)], {}
    yield "up_sampling2d/bilinear", L.UpSampling2D(2, interpolation="bilinear"), [(2, 3, 2, 3)], {}
    yield "up_sampling2d/bilinear-oblong", L.UpSampling2D((3, 2), interpolation="bilinear"), [(1, 4, 3, 2)], {}
    yield "dropout/inference", L.Dropout(0.4), [(4, 9)], {}
    yield "spatial_dropout2d/inference", L.SpatialDropout2D(0.4), image, {}


def run(layer, inputs, upstream_of, training):
    """Output, dOutput, and gradients of one call."""
    upstream = []

    def forward(*tensors):
        output = layer(list(tensors) if len(tensors) > 1 else tensors[0], training=training)
        upstream.append(upstream_of(tuple(output.shape)))
        return keras.ops.sum(output * keras.ops.convert_to_tensor(upstream[0])), output

    _, output, input_gradients, gradients = common.differentiate(forward, inputs, layer.trainable_variables)
    return keras.ops.convert_to_numpy(output), upstream[0], input_gradients, gradients


def golden(name, template, shapes, options):
    """All arrays of one case, by role."""
    # A generator for each case, so that a new case leaves the others as they are.
    generator = np.random.default_rng([SEED, *name.encode()])
    inputs = [common.exact(generator.normal(0, options.get("spread", 1.0), shape)) for shape in shapes]
    if name.startswith(("activation/exponential", "rescaling/scalar")):
        inputs = [np.abs(x) % 4 if "exponential" in name else np.round(np.abs(x)) % 256 for x in inputs]
        inputs = [common.exact(x) for x in inputs]
    layer = type(template).from_config({**template.get_config(), "dtype": "float64"})
    if options.get("adapt"):
        layer.adapt(inputs[0] * 1.5 + 0.25)
    else:
        layer.build(shapes if len(shapes) > 1 else shapes[0])
    for variable in layer.weights:
        if options.get("adapt"):
            value = keras.ops.convert_to_numpy(variable)
        elif variable.name in ("gamma", "moving_variance"):
            value = generator.uniform(0.5, 1.5, variable.shape)
        else:
            value = generator.normal(0, 0.5, variable.shape)
        variable.assign(common.exact(value))
    if options.get("adapt"):
        layer.finalize_state()  # the layer computes with a copy of its statistics
    before = {v.name: keras.ops.convert_to_numpy(v).copy() for v in layer.weights}
    output, upstream, input_gradients, gradients = run(
        layer, inputs, lambda shape: common.exact(generator.normal(0, 1, shape)), options.get("training", False)
    )
    gradient_of = {v.name: g for v, g in zip(layer.trainable_variables, gradients, strict=True)}
    after = {v.name: keras.ops.convert_to_numpy(v) for v in layer.weights}
    return {
        "inputs": inputs,
        "weights": before,
        "trainable": list(gradient_of),
        "output": output,
        "dOutput": upstream,
        "dInputs": input_gradients,
        "gradients": gradient_of,
        "updated": {n: a for n, a in after.items() if not np.array_equal(a, before[n])},
    }


def functions():
    """Forms that Keras offers as a function only, with no layer configuration of their own."""
    generator = np.random.default_rng([SEED, 1])
    x = common.exact(generator.normal(0, 3, (4, 9)))
    calls = {"keras.activations.gelu(x, approximate=True)": lambda t: keras.activations.gelu(t, approximate=True)}
    for call, function in calls.items():
        upstream = common.exact(generator.normal(0, 1, x.shape))

        def forward(t, function=function, upstream=upstream):
            output = function(t)
            return keras.ops.sum(output * keras.ops.convert_to_tensor(upstream)), output

        _, output, (gradient,), _ = common.differentiate(forward, [x], [])
        yield call, {"input": x, "output": keras.ops.convert_to_numpy(output), "dOutput": upstream, "dInput": gradient}


def write():
    file = common.TensorFile("layers")

    def place(value):
        return None if value is None else file.add(value)

    def describe(name, layer, shapes, options):
        arrays = golden(name, layer, shapes, options)
        weights = []
        for weight, value in arrays["weights"].items():
            entry = {"name": weight, "trainable": weight in arrays["trainable"], "value": place(value)}
            if entry["trainable"]:
                entry["gradient"] = place(arrays["gradients"][weight])
            if weight in arrays["updated"]:
                entry["updated"] = place(arrays["updated"][weight])
            weights.append(entry)
        return {
            "name": name,
            "layer": {"class_name": type(layer).__name__, "config": keras.saving.serialize_keras_object(layer)["config"]},
            "training": options.get("training", False),
            "inputs": [place(x) for x in arrays["inputs"]],
            "weights": weights,
            "output": place(arrays["output"]),
            "dOutput": place(arrays["dOutput"]),
            "dInputs": [place(g) for g in arrays["dInputs"]],
        }

    description = {
        "origin": common.origin("tools/make_layer_goldens.py", precision="float64, rounded to float32", seed=SEED),
        "conventions": "NHWC; kernel [height, width, in / groups, out]; depthwise [height, width, in, multiplier]; C order",
        "cases": [describe(*case) for case in cases()],
        "functions": [{"call": call, **{role: place(a) for role, a in arrays.items()}} for call, arrays in functions()],
    }
    file.write(description)
    print(f"{len(description['cases'])} cases, {file.floats * 4 / 1e3:.0f} kB")


def compare():
    """Computes every case with this backend and reports the largest difference from the files."""
    description = json.loads((common.FIXTURES / "layers.json").read_text())
    data = np.fromfile(common.FIXTURES / "layers.bin", "<f4")

    def stored(place):
        return data[place["offset"] : place["offset"] + int(np.prod(place["shape"]))].reshape(place["shape"])

    worst, failed = 0.0, 0
    for case, entry in zip(cases(), description["cases"], strict=True):
        try:
            arrays = golden(*case)
        except Exception as error:  # a CPU kernel that this backend lacks: said, and left out
            failed += 1
            print(f"{case[0]}: not computed by {keras.backend.backend()}: {str(error).splitlines()[0][:120]}")
            continue
        pairs = [("output", arrays["output"], entry["output"])]
        pairs += [(f"dInput {i}", g, e) for i, (g, e) in enumerate(zip(arrays["dInputs"], entry["dInputs"], strict=True))]
        for weight in entry["weights"]:
            pairs += [(f"d{weight['name']}", arrays["gradients"][weight["name"]], weight["gradient"])] if weight["trainable"] else []
            pairs += [(f"new {weight['name']}", arrays["updated"][weight["name"]], weight["updated"])] if "updated" in weight else []
        for role, ours, place in pairs:
            if (ours is None) != (place is None):
                print(f"{case[0]} {role}: one backend has no gradient")
            elif ours is not None:
                difference = float(np.max(np.abs(ours - stored(place)) / (1 + np.abs(ours)), initial=0))
                worst = max(worst, difference)
                if difference > 1e-5:
                    print(f"{case[0]} {role}: differs by {difference:.2g}")
    print(f"{keras.backend.backend()}: largest difference {worst:.2g} over {len(description['cases']) - failed} cases, {failed} not computed")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--compare", action="store_true")
    options = arguments.parse_args()
    (compare if options.compare else write)()
