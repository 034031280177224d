import { testGpu } from "../support/gpu";
import { metricSuite } from "../support/metrics";

metricSuite(testGpu());
