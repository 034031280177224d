import { testGpu } from "../support/gpu";
import { layerContractSuite } from "../support/layer-contract";

layerContractSuite(testGpu());
