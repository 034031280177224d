"""Small networks as PyTorch's two exporters write them, and what ONNX Runtime computes with them: tests/fixtures/onnx.

Run with the packages of tools/requirements-interop.txt, e.g. by out/interop/venv/bin/python. `shared.json` there holds what ONNX Runtime
computes with files of ../shared/assets, for the same kind of input.
"""

import json
import pathlib
import sys
import warnings

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from torch import nn

SEED = 3
BATCH = 2


class Cnn(nn.Module):
    """What exporters write in several operations: ReLU6, hard swish, squeeze and excitation, a channel shuffle, GELU, pooling with padding."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.dw = nn.Conv2d(8, 8, 3, 1, 1, groups=8, bias=False)
        self.squeeze = nn.Conv2d(8, 4, 1)
        self.excite = nn.Conv2d(4, 8, 1)
        self.norm = nn.BatchNorm2d(16)
        self.branch = nn.Conv2d(8, 8, 1)
        self.head = nn.Linear(16 * 2 * 2, 5)
        self.norm.running_mean.normal_(0, 0.2)
        self.norm.running_var.uniform_(0.5, 2)

    def forward(self, x):
        x = F.relu6(self.stem(x))
        y = F.hardswish(self.dw(x))
        gate = F.hardsigmoid(self.excite(F.silu(self.squeeze(F.adaptive_avg_pool2d(y, 1)))))
        x = x + y * gate
        a, b = x.chunk(2, 1)
        x = torch.cat([b, a], 1)
        n, c, h, w = x.shape
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        x = torch.cat([x, self.branch(x)], 1)
        x = F.max_pool2d(F.gelu(self.norm(x)), 3, 2, 1)
        return self.head(torch.flatten(F.avg_pool2d(x, 2), 1))


class Attention(nn.Module):
    """Written out, as timm has it."""

    def __init__(self, width, heads):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.heads = heads

    def forward(self, x):
        n, length, width = x.shape
        each = width // self.heads
        q, k, v = self.qkv(x).reshape(n, length, 3, self.heads, each).permute(2, 0, 3, 1, 4).unbind(0)
        weights = ((q * each**-0.5) @ k.transpose(-2, -1)).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(n, length, width))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.n1 = nn.LayerNorm(width)
        self.a = Attention(width, heads)
        self.n2 = nn.LayerNorm(width)
        self.f1 = nn.Linear(width, 2 * width)
        self.f2 = nn.Linear(2 * width, width)

    def forward(self, x):
        x = x + self.a(self.n1(x))
        return x + self.f2(F.gelu(self.f1(self.n2(x))))


class Vit(nn.Module):
    """Patches, a class token, positions, attention written out and as nn.MultiheadAttention."""

    def __init__(self, width=16):
        super().__init__()
        self.patch = nn.Conv2d(3, width, 4, 4)
        self.cls = nn.Parameter(torch.randn(1, 1, width))
        self.pos = nn.Parameter(torch.randn(1, 17, width))
        self.block = Block(width, 2)
        self.mha = nn.MultiheadAttention(width, 2, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.pos
        x = self.block(x)
        y = self.norm(x)
        x = x + self.mha(y, y, y, need_weights=False)[0]
        return self.head(x[:, 0])


def images():
    """The numbers that tests/support/onnx.ts makes again, channels last there and first here."""
    shape = (BATCH, 16, 16, 3)
    i = np.arange(np.prod(shape), dtype=np.float64)
    values = np.sin(i * 0.37) + 0.5 * np.cos(i * 0.0113)
    return torch.tensor(values.astype(np.float32).reshape(shape).transpose(0, 3, 1, 2).copy())


def export(model, x, file, dynamo, literal_batch, opset):
    """`literal_batch`: the file says a batch of 1 instead of leaving it open."""
    options = {"external_data": False} if dynamo else {"opset_version": opset}
    if not literal_batch:
        options |= {"dynamic_shapes": ({0: torch.export.Dim("n")},)} if dynamo else {"dynamic_axes": {"x": {0: "n"}}}
    torch.onnx.export(model, (x[:1] if literal_batch else x,), str(file), input_names=["x"], dynamo=dynamo, **options)


def predict(file, x, literal_batch):
    session = onnxruntime.InferenceSession(file)
    run = lambda batch: session.run(None, {session.get_inputs()[0].name: batch.numpy()})[0]
    return np.concatenate([run(x[i : i + 1]) for i in range(BATCH)]) if literal_batch else run(x)


def main(folder):
    warnings.filterwarnings("ignore")
    torch.manual_seed(SEED)
    golden = {}
    for name, network, opset in (("cnn", Cnn, 17), ("vit", Vit, 14)):
        model, x = network().eval(), images()
        for suffix, dynamo, literal_batch in (("ts.batch1", False, True), ("ts", False, False), ("dy", True, False)):
            file = folder / f"{name}.{suffix}.onnx"
            export(model, x, file, dynamo, literal_batch, opset)
            golden[file.name] = [float(v) for v in predict(file, x, literal_batch).ravel()]
    (folder / "golden.json").write_text(json.dumps(golden))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/fixtures/onnx"))
