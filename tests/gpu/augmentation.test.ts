import { testGpu } from "../support/gpu";
import { augmentationSuite } from "../support/augmentation";

augmentationSuite(testGpu());
