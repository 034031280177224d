"""Makes what the interop tests compare Thaw with, one thing at a time, as the tests ask for it.

    python tools/interop_make.py OUTDIR

Reads a request a line on stdin, `keras:resnet50` or `export:vit_b_16`, and answers each on stdout with a line that begins with `made `: a JSON object of the request and either
the stem of the files or the error. What OUTDIR has already is not made again. One process for everything, because importing Keras takes longer than most networks
do, and no more than asked for, because all files together would take gigabytes.
"""

import importlib
import json
import pathlib
import re
import sys
import traceback

KINDS = {
    "keras": ("interop_keras", "write_application"),
    "train": ("interop_training", "write_training"),
    "images": ("interop_images", "write_images"),
    "layers": ("interop_layers", "write_layers"),
    "export": ("interop_onnx", "write_export"),
    "export-onnx": ("interop_export_onnx", "check_exports"),
    "start": ("interop_export_keras", "write_start"),
    "check-keras": ("interop_export_keras", "check_saved"),
    "check-safetensors": ("interop_export_safetensors", "check_saved"),
    "node-tests": ("interop_node_tests", "write_node_tests"),
}


def answer(request, folder, answers):
    kind, _, name = request.partition(":")
    stem = folder / re.sub("[^a-z0-9_]", "-", request)
    try:
        if kind not in KINDS:
            raise ValueError(f"unknown request {request}; expected one of {', '.join(KINDS)}")
        if not stem.with_suffix(".json").exists():
            module, function = KINDS[kind]
            getattr(importlib.import_module(module), function)(name, stem)
        result = {"request": request, "stem": str(stem)}
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        result = {"request": request, "error": f"{type(error).__name__}: {error}"}
    answers.write(f"made {json.dumps(result)}\n")
    answers.flush()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
    for line in sys.stdin:
        if line.strip():
            answer(line.strip(), folder, answers)


if __name__ == "__main__":
    main()
