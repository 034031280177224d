import { testGpu } from "../support/gpu";
import { callbackSuite } from "../support/callbacks";

callbackSuite(testGpu());
