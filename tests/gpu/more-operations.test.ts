import { testGpu } from "../support/gpu";
import { moreOperationsSuite } from "../support/more-operations";

moreOperationsSuite(testGpu());
