import { testGpu } from "../support/gpu";
import { trainingSuite } from "../support/training";

trainingSuite(testGpu());
