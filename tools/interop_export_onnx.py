"""What onnx and ONNX Runtime say of the files that Thaw wrote.

The test writes STEM.todo.json, a list of models (file, inputs, expected outputs by place in STEM.todo.bin), and the files. The answer has for each what the checker refuses,
the largest error of ONNX Runtime's outputs over the largest expected one, and the initializers as onnx reads them, whose numbers lie in STEM.bin.
"""

import json

import numpy as np
import onnx
import onnxruntime


def read(place, numbers):
    count = int(np.prod(place["shape"], dtype=np.int64))
    return numbers[place["offset"] : place["offset"] + count].reshape(place["shape"])


def relative_error(actual, expected):
    if list(actual.shape) != list(expected.shape):
        raise ValueError(f"ONNX Runtime gives {list(actual.shape)} where {list(expected.shape)} is expected")
    difference = np.abs(actual.astype(np.float64) - expected)
    largest = np.abs(expected).max()
    return float(difference.max() / (largest if largest > 0 else 1))


def check(entry, numbers, folder):
    file = str(folder / entry["file"])
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    feeds = {place["name"]: read(place, numbers).astype(np.float32) for place in entry["inputs"]}
    wanted = [read(place, numbers) for place in entry["outputs"]]
    got = session.run([place["name"] for place in entry["outputs"]], feeds)
    errors = [relative_error(a, e) for a, e in zip(got, wanted)]
    return model, max(errors)


def check_exports(name, stem):
    entries = json.loads(stem.with_suffix(".todo.json").read_text())
    numbers = np.fromfile(stem.with_suffix(".todo.bin"), np.float32)
    results, offset = {}, 0
    with open(stem.with_suffix(".bin"), "wb") as out:
        for entry in entries:
            result = results[entry["id"]] = {"initializers": {}}
            try:
                model, result["error"] = check(entry, numbers, stem.parent)
            except Exception as error:
                result["refused"] = f"{type(error).__name__}: {error}"[:600]
                continue
            for tensor in model.graph.initializer if entry.get("weights") else []:
                array = onnx.numpy_helper.to_array(tensor)
                if array.dtype != np.float32:
                    continue
                array.tofile(out)
                result["initializers"][tensor.name] = {"shape": list(array.shape), "offset": offset}
                offset += array.size
    stem.with_suffix(".json").write_text(json.dumps({"versions": [onnx.__version__, onnxruntime.__version__], "results": results}))
