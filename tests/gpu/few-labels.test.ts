import { fewLabelsSuite } from "../support/few-labels";
import { testGpu } from "../support/gpu";

fewLabelsSuite(testGpu());
