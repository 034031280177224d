import { testGpu } from "../support/gpu";
import { contractSuite } from "../support/contract";

contractSuite(testGpu(), { forms: true });
