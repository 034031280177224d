import { testGpu } from "../support/gpu";
import { trajectorySuite } from "../support/trajectories";

trajectorySuite(testGpu());
