/**
 * The studio. What the address may say: `?lang=es`, and smaller trainings by `?epochs=2&images=120&validation=120`.
 */
import { render } from "preact";
import "./shared/style/index.css";
import { App } from "./studio/app/app";
import { begin } from "./studio/app/actions";
import { settingsFromAddress } from "./studio/app/address";

settingsFromAddress(new URLSearchParams(location.search));
render(<App />, document.querySelector("#app")!);
void begin();
