import { testGpu } from "../support/gpu";
import { optimizerOptionsSuite } from "../support/optimizer-options";

optimizerOptionsSuite(testGpu());
