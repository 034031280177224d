/** All runs as plain data, for a program to read. */
import { adapter, data, network, runs, settings } from "../app/state";

export function report() {
  const classes = data.value?.classes.map(({ name, training, validation }) => ({ name, training, validation }));
  return {
    format: "thaw-studio-report",
    version: 1,
    made: new Date().toISOString(),
    adapter: adapter.value,
    network: network.value && { name: network.value.name, parameters: network.value.parameters },
    classes,
    settings: settings.value,
    runs: runs.value.map(({ phase, points, end }) => ({ phase, points, end })),
  };
}
