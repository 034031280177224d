import { insideSuite } from "../support/inside";
import { testGpu } from "../support/gpu";

insideSuite(testGpu());
