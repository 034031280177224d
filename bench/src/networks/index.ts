/** The networks of the rows. */
import type { Network } from "./layers";
import { mobilenetV2 } from "./mobilenet";
import { resnet50 } from "./resnet";

const mobilenet = (alpha: number, size: number, batch: number): Network => ({
  name: `mobilenetv2-${alpha.toFixed(alpha % 1 === 0 ? 1 : 2)}-${size}`,
  specs: mobilenetV2(alpha, size, 5),
  size,
  classes: 5,
  batch,
});

export const smallNetwork = mobilenet(0.35, 96, 8);

/** Those that want a GPU. */
export const largeNetworks: readonly Network[] = [
  mobilenet(1, 224, 16),
  { name: "resnet50-224", specs: resnet50(5), size: 224, classes: 5, batch: 8 },
];
