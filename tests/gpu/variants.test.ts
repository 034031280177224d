import { testGpu } from "../support/gpu";
import { variantSuite } from "../support/trajectories";

variantSuite(testGpu());
