/** Operations of the transfer-learning toolkit. They are registered by who needs them, so that other pages do not load them. */
import { augmentOperations } from "./augment/augment";
import { classScore } from "./classScore/classScore";
import { fixMatch } from "./fixMatch/fixMatch";
import { countOperations } from "./counts/counts";
import { ntXent } from "./ntXent/ntXent";
import type { Operation } from "./operation";
import { registerOperations } from "./registry";
import { rotations } from "./rotations/rotations";
import { resizeImagesOperation } from "./resizeImages/resizeImages";
import { updateOperations } from "./updates/updates";
import { weightedLosses } from "./weighted/weighted";

export const transferOperations: readonly Operation[] = [
  ...augmentOperations,
  ...classScore,
  ...fixMatch,
  ...ntXent,
  rotations,
  resizeImagesOperation,
  ...updateOperations,
  ...countOperations,
  ...weightedLosses,
];

/** Makes them known to `findOperation`; calling it again changes nothing. */
export const registerTransferOperations = (): void => registerOperations(transferOperations);
