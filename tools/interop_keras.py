"""Networks of keras.applications with random weights as real Keras writes them (`.keras` and legacy `.h5`), and what each computes.

All at the smallest size Keras takes. BatchNormalization gets random gamma and beta, and moving statistics near those of a random batch: with Keras's
initial zeros and ones a wrongly folded or swapped statistic would go unnoticed, and with arbitrary ones the signal would fade away or blow up
before it reached the output. The head is scaled so that its softmax is not saturated, or an error below it would not show.
"""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import common

SEED = 20265
BATCH, CALIBRATION, CLASSES = 2, 16, 10
A = keras.applications

SIGNED, BYTES = (-1, 1), (0, 255)
# Class in keras.applications, smallest size, range of its pixels (BYTES: it rescales them itself).
NETWORKS = {
    "mobilenet": ("MobileNet", 32, SIGNED),
    "mobilenet_v2": ("MobileNetV2", 32, SIGNED),
    "mobilenet_v3_small": ("MobileNetV3Small", 32, BYTES),
    "mobilenet_v3_large": ("MobileNetV3Large", 32, BYTES),
    "resnet50": ("ResNet50", 32, SIGNED),
    "resnet101": ("ResNet101", 32, SIGNED),
    "resnet50_v2": ("ResNet50V2", 32, SIGNED),
    "resnet101_v2": ("ResNet101V2", 32, SIGNED),
    "efficientnet_b0": ("EfficientNetB0", 32, BYTES),
    "efficientnet_b1": ("EfficientNetB1", 32, BYTES),
    "efficientnet_b2": ("EfficientNetB2", 32, BYTES),
    "efficientnet_b3": ("EfficientNetB3", 32, BYTES),
    "efficientnet_v2_b0": ("EfficientNetV2B0", 32, BYTES),
    "vgg16": ("VGG16", 32, SIGNED),
    "vgg19": ("VGG19", 32, SIGNED),
    "xception": ("Xception", 71, SIGNED),
    "inception_v3": ("InceptionV3", 75, SIGNED),
    "inception_resnet_v2": ("InceptionResNetV2", 75, SIGNED),
    "densenet121": ("DenseNet121", 32, SIGNED),
    "nasnet_mobile": ("NASNetMobile", 32, SIGNED),
    "convnext_tiny": ("ConvNeXtTiny", 32, BYTES),
}


def generator_of(name):
    keras.utils.set_random_seed(SEED)
    return np.random.default_rng([SEED, *name.encode()])


def build(name, size=None, **options):
    """The network with ten classes, and what is said of it when it is not built as it comes."""
    class_name, smallest, pixels = NETWORKS[name]
    shape = (size or smallest,) * 2 + (3,)
    make = getattr(A, class_name)
    if not class_name.startswith("VGG"):
        return make(input_shape=shape, weights=None, classes=CLASSES, **options), pixels, ""
    # 120 of its 138 million parameters are two ordinary Dense layers, and fill a disk without testing anything more.
    base = make(input_shape=shape, weights=None, include_top=False, pooling="avg", **options)
    head = keras.layers.Dense(CLASSES, activation="softmax", name="predictions")(base.output)
    return keras.Model(base.input, head, name=base.name), pixels, "without its two Dense layers of 4,096: global average pooling instead"


def images_of(pixels, count, size, generator):
    """Blobs of colour, every image with a brightness and contrast of its own: images that are much alike differ only in the last digits
    deep inside a network, where normalizations would make rounding as large as the signal."""
    coarse = generator.uniform(size=(count, 5, 5, 3))
    rows = np.linspace(0, 4.999, size).astype(int)
    mixed = 0.7 * coarse[:, rows][:, :, rows] + 0.3 * generator.uniform(size=(count, size, size, 3))
    contrast = generator.uniform(0.2, 1, size=(count, 1, 1, 3))
    brightness = generator.uniform(size=(count, 1, 1, 3)) * (1 - contrast)
    return (pixels[0] + (mixed * contrast + brightness) * (pixels[1] - pixels[0])).astype("float32")


def kernels_of(layer):
    """Kernels, and whether each channel has its own. Keras's initial ones are so small in depthwise convolutions that BatchNormalization's epsilon outweighs the signal."""
    if isinstance(layer, keras.layers.SeparableConv2D):
        return [(layer.depthwise_kernel, True), (layer.pointwise_kernel, False)]
    return [(layer.kernel, isinstance(layer, keras.layers.DepthwiseConv2D))] if hasattr(layer, "kernel") else []


def ends_branch(layer):
    """Whether it is added to what went around it. Trained networks add little in each block; with random ones that add as much as there was,
    a rounding error grows a thousandfold on the way through a hundred layers."""
    if "_0_" in layer.name:  # ResNet's projection of the way around
        return False
    followers = [node.operation for node in layer._outbound_nodes]
    return any(isinstance(f, keras.layers.Add) or (isinstance(f, keras.layers.Dropout) and ends_branch(f)) for f in followers)


def randomise(model, images, generator):
    """Gives every statistic, bias and scale something to do, and returns the head."""
    L = keras.layers
    layers = list(model._flatten_layers(include_self=False))
    norms = [layer for layer in layers if isinstance(layer, L.BatchNormalization)]
    for layer in layers:
        if isinstance(layer, (L.BatchNormalization, L.LayerNormalization)):
            if layer.gamma is not None:
                layer.gamma.assign(generator.uniform(0.7, 1.3, layer.gamma.shape) * (0.15 if ends_branch(layer) else 1))
            # Mostly on the open side of a rectifier: halved signals would make images part further with every layer, and rounding with them.
            layer.beta.assign(generator.normal(0.5, 0.3, layer.beta.shape))
        elif type(layer).__name__ == "LayerScale":
            layer.gamma.assign(generator.uniform(0.2, 0.6, layer.gamma.shape))  # from 1e-6, which would hide the branch
        elif isinstance(layer, L.Normalization) and getattr(layer, "adapt_mean", None) is not None:
            layer.adapt_mean.assign(generator.uniform(0.3, 0.6, layer.adapt_mean.shape))
            layer.adapt_variance.assign(generator.uniform(0.05, 0.1, layer.adapt_variance.shape))
            layer.finalize_state()
        for kernel, depthwise in kernels_of(layer):
            fan_in = np.prod(kernel.shape[:2] if depthwise else kernel.shape[:-1])
            kernel.assign(generator.normal(0, np.sqrt(2 / fan_in), kernel.shape))  # He's
        if getattr(layer, "bias", None) is not None:
            layer.bias.assign(generator.normal(0, 0.1, layer.bias.shape))
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0  # one call in training mode then leaves the batch's own statistics
    model(images, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        mean, variance = (keras.ops.convert_to_numpy(v) for v in (norm.moving_mean, norm.moving_variance))
        norm.moving_mean.assign(mean + generator.normal(0, 0.1, mean.shape) * np.sqrt(variance))
        norm.moving_variance.assign(variance * generator.uniform(0.8, 1.25, variance.shape) + 1e-3)
    head = next(layer for layer in model.layers[::-1] if hasattr(layer, "kernel"))
    features = keras.ops.convert_to_numpy(keras.Model(model.input, head.input)(images, training=False)).reshape(-1, head.kernel.shape[-2])
    logits = features @ keras.ops.convert_to_numpy(head.kernel).reshape(features.shape[-1], -1)
    head.kernel.assign(head.kernel / logits.std(axis=0).mean())
    # What all images have in common would saturate the softmax all the same.
    head.bias.assign(generator.normal(0, 0.1, head.bias.shape) - logits.mean(axis=0) / logits.std(axis=0).mean())
    return head


def count(variables):
    return int(sum(np.prod(v.shape) for v in variables))


def write_application(name, stem):
    keras.backend.clear_session()
    generator = generator_of(name)
    model, pixels, note = build(name)
    images = images_of(pixels, CALIBRATION, model.input.shape[1], generator)
    randomise(model, images, generator)
    model.save(stem.with_suffix(".keras"))
    model.save(stem.with_suffix(".h5"))
    inputs = images[:BATCH]
    output = keras.ops.convert_to_numpy(model(inputs, training=False))
    # How much the network enlarges a rounding error of its input: far over 1, agreement to 1e-4 would be luck.
    shifted = keras.ops.convert_to_numpy(model(inputs * np.float32(1 + 1e-5), training=False))
    amplification = np.abs(shifted - output).max() / output.max() / 1e-5
    file = common.TensorFile(stem.name, stem.parent)
    file.write({
        "origin": common.origin("tools/interop_keras.py", seed=SEED),
        "amplification": float(amplification),
        "note": note,
        "parameters": count(model.trainable_variables),
        "input": file.add(inputs),
        "output": file.add(output),
    })
    print(f"{name}: {model.count_params()} parameters, outputs {output.min():.3g} to {output.max():.3g}, images differ by {np.abs(output[0] - output[1]).max():.2g}, amplification {amplification:.2g}", flush=True)
