"""Whole ONNX files, and what ONNX Runtime computes with them: those of the shared test material, and torchvision's networks by both of PyTorch's exporters.

Random weights again; see interop_keras.py for why normalizations need statistics of their own. `resnet18.dy` is written by the exporter of torch.export ("dynamo"), with
opset 20, `resnet18.ts` by the older one of TorchScript, with opset 17.
"""

import shutil

import numpy as np
import onnxruntime

import common

SEED = 20265
SHARED = common.ROOT.parent / "shared" / "assets" / "onnx_exports"
# Size of the image, and how the network is made. ViT takes a few patches instead of 196, with all its layers.
NETWORKS = {
    "resnet18": (64, {}),
    "mobilenet_v2": (64, {}),
    "efficientnet_b0": (64, {}),
    "densenet121": (64, {}),
    "convnext_tiny": (64, {}),
    "vit_b_16": (64, {"image_size": 64}),
}


def import_torchvision():
    """Also where its compiled operators do not load, as with a PyTorch that is built for the CPU only: no network here uses them, but importing it describes two."""
    import sys

    import torch

    try:
        import torchvision
    except RuntimeError:
        for module in [module for module in sys.modules if module.partition(".")[0] == "torchvision"]:
            del sys.modules[module]
        library = torch.library.Library("torchvision", "DEF")  # goes when the object goes
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision

        torchvision.declared = library
    return torchvision


def build(name, generator):
    import torch

    torchvision = import_torchvision()

    torch.manual_seed(SEED)
    size, options = NETWORKS[name]
    model = getattr(torchvision.models, name)(weights=None, num_classes=10, **options)
    images = torch.from_numpy(generator.normal(0, 1, (8, 3, size, size)).astype("float32"))
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (torch.nn.BatchNorm2d, torch.nn.LayerNorm)):
                module.weight.uniform_(0.7, 1.3)
                module.bias.normal_(0, 0.2)
            elif isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)) and module.bias is not None:
                module.bias.normal_(0, 0.1)
            if type(module).__name__ == "CNBlock":
                module.layer_scale.uniform_(0.2, 0.6)
        for parameter in [p for n, p in model.named_parameters() if n.startswith("heads.head.weight")]:
            parameter.normal_(0, 0.05)  # torchvision begins with zeros
        for norm in norms:
            norm.momentum = 1.0
        model.train()(images)
        for norm in norms:
            norm.momentum = 0.1
            norm.running_mean += torch.randn_like(norm.running_mean) * 0.1 * norm.running_var.sqrt()
            norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.8, 1.25)
            norm.running_var += 1e-3
    return model.eval(), images[:1]


def export(name, exporter, file):
    import torch

    model, images = build(name, np.random.default_rng([SEED, *name.encode()]))
    options = {"dynamo": False, "opset_version": 17} if exporter == "ts" else {"dynamo": True}  # which puts weights into a file of their own
    torch.onnx.export(model, (images,), file, input_names=["input"], output_names=["output"], **options)


def export_training(name, file):
    """As the network trains, with the batch's statistics and dropout; and what it computes with the weights and moving statistics that are in the file."""
    import onnx
    import torch

    model, images = build(name, np.random.default_rng([SEED, *name.encode()]))
    mode = torch.onnx.TrainingMode.TRAINING
    torch.onnx.export(
        model.train(), (torch.cat([images, images + 1]),), file, input_names=["input"], output_names=["output"], dynamo=False, opset_version=17, training=mode,
        do_constant_folding=False, dynamic_axes={"input": {0: "n"}},
    )
    stored = {i.name: torch.from_numpy(onnx.numpy_helper.to_array(i).copy()) for i in onnx.load(file).graph.initializer}
    model.load_state_dict({key: stored.get(key, value) for key, value in model.state_dict().items()})
    with torch.no_grad():
        return images.numpy(), model.eval()(images).numpy()


def write_export(name, stem):
    network, _, exporter = name.partition(".")
    file = stem.with_suffix(".onnx")
    shared = SHARED / f"{name}.onnx"
    if shared.exists():
        shutil.copyfile(shared, file)
    elif network in NETWORKS and exporter in ("dy", "ts"):
        export(network, exporter, file)
    elif not (network in NETWORKS and exporter == "training"):
        raise ValueError(f"unknown network {name}; expected one of {', '.join(NETWORKS)}, with .dy, .ts or .training")
    if exporter == "training":
        images, output = export_training(network, file)
    else:
        images, output = run(name, file)
    tensors = common.TensorFile(stem.name, stem.parent)
    tensors.write({
        "origin": {"script": "tools/interop_onnx.py", "onnxruntime": onnxruntime.__version__, "seed": SEED},
        "opset": opset(file),
        "input": tensors.add(images),
        "output": tensors.add(output),
    })
    print(f"export {name}: {file.stat().st_size / 1e6:.1f} MB, outputs {output.min():.3g} to {output.max():.3g}", flush=True)


def run(name, file):
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    shape = [size if isinstance(size, int) else 1 for size in given.shape]
    images = np.random.default_rng([SEED, *name.encode()]).normal(0, 1, shape).astype("float32")
    (output,) = session.run(None, {given.name: images})
    return images, output


def opset(file):
    import onnx

    return next(o.version for o in onnx.load(file, load_external_data=False).opset_import if o.domain in ("", "ai.onnx"))
