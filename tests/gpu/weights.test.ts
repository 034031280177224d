import { testGpu } from "../support/gpu";
import { weightsSuite } from "../support/weights";

weightsSuite(testGpu());
