import { preprocessingSuite } from "../support/preprocessing";
import { testGpu } from "../support/gpu";

preprocessingSuite(testGpu());
