"""Writes assets/thaw_cifar8.onnx from assets/thaw_cifar8.keras and checks it with ONNX Runtime.

    python tools/export_onnx.py

Keras's own export does the work, with the TensorFlow backend: tf2onnx turns the graph to NCHW once at the top and folds BatchNormalization into most
convolutions, where the PyTorch backend leaves a pair of transposes around each. Adds to assets/thaw_cifar8.json how the file was made and how far
ONNX Runtime's answers differ from Keras's.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import hashlib
import importlib.metadata
import json

import keras
import numpy as np
import onnx
import onnxruntime

import common

TOLERANCE = 1e-5


def main():
    source, target, record = (common.ASSETS / f"thaw_cifar8.{suffix}" for suffix in ("keras", "onnx", "json"))
    model = keras.saving.load_model(source, compile=False)
    images = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3)).astype("float32")
    expected = keras.ops.convert_to_numpy(model(images, training=False))
    model.export(target, format="onnx", verbose=False)

    session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
    answer = session.run(None, {session.get_inputs()[0].name: images})[0]
    difference = float(np.abs(answer - expected).max())
    if difference > TOLERANCE:
        raise SystemExit(f"{target.name}: a probability differs by {difference:.2g} between ONNX Runtime and Keras; expected at most {TOLERANCE}")

    description = json.loads(record.read_text()) if record.exists() else {}
    description["files"] = {path.name: {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()} for path in (source, target)}
    description["onnx"] = {
        "script": "tools/export_onnx.py",
        "opset": {entry.domain or "ai.onnx": entry.version for entry in onnx.load(target).opset_import},
        "largestDifference": difference,
        "versions": {name: importlib.metadata.version(name) for name in ("keras", "tensorflow-cpu", "tf2onnx", "onnx", "onnxruntime")},
    }
    record.write_text(json.dumps(description, indent=2) + "\n")
    print(f"{target.name}: {target.stat().st_size / 1e6:.2f} MB, largest difference of a probability {difference:.2g}")


if __name__ == "__main__":
    main()
