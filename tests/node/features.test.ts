import { testGpu } from "../support/gpu";
import { featureSuite } from "../support/features";

featureSuite(testGpu());
