import { testGpu } from "../support/gpu";
import { recipeSuite } from "../support/recipe";

recipeSuite(testGpu());
