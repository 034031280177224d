/** The worker's first file. */
import { serve } from "../shared/remote/worker-side";
import type { StudioEvent, StudioMethods } from "./protocol";
import { Studio } from "./studio";

serve<StudioMethods, StudioEvent>((tell) => new Studio(tell));
