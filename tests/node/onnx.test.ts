import { testGpu } from "../support/gpu";
import { onnxSuite } from "../support/onnx";

onnxSuite(testGpu());
