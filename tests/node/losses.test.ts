import { testGpu } from "../support/gpu";
import { lossSuite } from "../support/losses";

await lossSuite(testGpu());
