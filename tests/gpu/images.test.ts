import { resizeSuite } from "../support/resize";
import { testGpu } from "../support/gpu";

resizeSuite(testGpu());
