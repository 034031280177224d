import { testGpu } from "../support/gpu";
import { pretrainedSuite } from "../support/pretrained";

pretrainedSuite(testGpu());
