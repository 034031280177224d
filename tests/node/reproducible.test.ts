import { testGpu } from "../support/gpu";
import { reproducibleSuite } from "../support/reproducible";

reproducibleSuite(testGpu());
