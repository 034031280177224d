"""The node tests of ONNX as plain data: STEM.json lists them, STEM.bin holds models, inputs and expected outputs one after the other, each from a multiple of eight bytes."""

import json
import tarfile

import numpy as np
import onnx
from onnx import numpy_helper

import common

ARCHIVE = common.ROOT.parent / "shared" / "assets" / "onnx_node_tests.tar.gz"


class Blob:
    def __init__(self):
        self.parts, self.size = [], 0

    def add(self, data):
        place = {"offset": self.size, "bytes": len(data)}
        padding = b"\0" * (-len(data) % 8)
        self.parts += [data, padding]
        self.size += len(data) + len(padding)
        return place


def tensor(data, value_info, blob):
    """Type, shape and place; a `kind` without data for what is no tensor of a usual type, such as a sequence."""
    kind = value_info.type.WhichOneof("value")
    if kind != "tensor_type":
        return {"name": value_info.name, "kind": kind}
    array = numpy_helper.to_array(onnx.TensorProto.FromString(data))
    if array.dtype.name not in {"float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool"}:
        return {"name": value_info.name, "kind": str(array.dtype)}
    stored = np.dtype("float32") if array.dtype == np.float16 else array.dtype  # JavaScript has no float16 everywhere
    data = np.ascontiguousarray(array.astype(stored.newbyteorder("<"))).tobytes()
    return {"name": value_info.name, "type": array.dtype.name, "shape": list(array.shape), **blob.add(data)}


def operator_of(graph):
    """What the test is of. Graphs of several nodes surround it with constants or casts."""
    names = [node.op_type for node in graph.node if node.op_type not in ("Constant", "Cast", "Identity")]
    names = names or [node.op_type for node in graph.node]
    return names[0] if len(set(names)) == 1 else " ".join(sorted(set(names)))


def write_node_tests(_, stem):
    blob, tests = Blob(), []
    with tarfile.open(ARCHIVE) as archive:
        files = {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}
    for path in sorted(name for name in files if name.endswith("/model.onnx")):
        folder = path.removesuffix("/model.onnx")
        graph = onnx.ModelProto.FromString(files[path]).graph

        def tensors(kind, infos, folder=folder):
            names = [f"{folder}/test_data_set_0/{kind}_{i}.pb" for i in range(len(infos))]
            return [tensor(files[name], info, blob) for name, info in zip(names, infos, strict=True) if name in files]

        tests.append({
            "name": folder.rpartition("/")[2],
            "operator": operator_of(graph),
            "model": blob.add(files[path]),
            "inputs": tensors("input", graph.input),
            "outputs": tensors("output", graph.output),
        })
    stem.with_suffix(".bin").write_bytes(b"".join(blob.parts))
    stem.with_suffix(".json").write_text(json.dumps({"tests": tests}) + "\n")
    print(f"{len(tests)} node tests, {blob.size / 1e6:.1f} MB", flush=True)
