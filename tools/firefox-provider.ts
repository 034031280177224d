/**
 * Vitest's browser mode in the Firefox that is installed. Playwright drives only a Firefox of its own making, which is a
 * download of its own and not the browser that people have; the tests here need a page and nothing else (no clicks, no
 * screenshots), and a page is what Firefox opens when it is started with an address.
 */
import { spawn, type ChildProcess } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { defineBrowserProvider } from "@vitest/browser";
import type { BrowserProvider, BrowserProviderOption } from "vitest/node";

export interface FirefoxOptions {
  /** Path of the program; default: the first "firefox" on PATH. */
  readonly executablePath?: string;
  /** Variables besides those of this process, for example which Vulkan driver to take. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Settings of the profile, which is made anew for each run. */
const preferences: Readonly<Record<string, boolean | number | string>> = {
  "dom.webgpu.enabled": true,
  "gfx.webgpu.ignore-blocklist": true, // a software adapter is on it
  "gfx.webgpu.force-enabled": true,
  "dom.max_script_run_time": 0, // a software adapter keeps a page busy; nobody is there to say "wait"
  "dom.timeout.enable_budget_timer_throttling": false,
  // Nothing but the page: no welcome, no updates, no reports, no look at the network.
  "browser.aboutwelcome.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "browser.startup.homepage_override.mstone": "ignore",
  "browser.sessionstore.resume_from_crash": false,
  "startup.homepage_welcome_url": "",
  "toolkit.startup.max_resumed_crashes": -1,
  "app.update.auto": false,
  "app.update.enabled": false,
  "app.normandy.enabled": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "datareporting.healthreport.uploadEnabled": false,
  "toolkit.telemetry.reportingpolicy.firstRun": false,
  "extensions.update.enabled": false,
  "browser.safebrowsing.malware.enabled": false,
  "browser.safebrowsing.phishing.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "services.settings.server": "data:,",
};

class FirefoxProvider implements BrowserProvider {
  readonly name = "firefox";
  readonly supportsParallelism = false;
  /** Home and profile of this run, so that nothing of the user's own Firefox is seen or touched. */
  #home: string | undefined;
  #firefox: ChildProcess | undefined;

  constructor(readonly options: FirefoxOptions) {
    // Vitest was stopped by a signal: nothing waits any more, but Firefox must not stay.
    process.once("exit", () => {
      this.#firefox?.kill("SIGKILL");
      if (this.#home) fs.rmSync(this.#home, { recursive: true, force: true });
    });
  }

  getCommandsContext(): Record<string, unknown> {
    return {};
  }

  /** Starts Firefox with the page of the session; an earlier page's Firefox ends. */
  async openPage(_session: string, url: string): Promise<void> {
    await this.close();
    const home = fs.mkdtempSync(path.join(os.tmpdir(), "thaw-firefox-"));
    this.#home = home;
    const lines = Object.entries(preferences).map(
      ([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`,
    );
    fs.writeFileSync(path.join(home, "user.js"), lines.join(""));
    const firefox = spawn(
      this.options.executablePath ?? "firefox",
      ["--headless", "--no-remote", "--profile", home, url],
      {
        env: { ...process.env, HOME: home, MOZ_CRASHREPORTER_DISABLE: "1", ...this.options.env },
        stdio: ["ignore", "ignore", "pipe"],
      },
    );
    this.#firefox = firefox;
    let said = "";
    firefox.stderr.on("data", (text: Buffer) => (said = (said + text.toString()).slice(-4000)));
    await new Promise<void>((resolve, reject) => {
      firefox.once("error", reject);
      firefox.once("spawn", resolve);
    });
    firefox.once("exit", (code, signal) => {
      // Vitest sees the lost connection by itself; why it was lost it does not.
      if (this.#firefox === firefox) console.error(`firefox ended (${code ?? signal}) while its tests ran:\n${said}`);
    });
  }

  async close(): Promise<void> {
    const firefox = this.#firefox;
    this.#firefox = undefined;
    if (firefox && firefox.exitCode === null && firefox.signalCode === null) {
      const ended = new Promise((resolve) => firefox.once("exit", resolve));
      firefox.kill();
      const late = setTimeout(() => firefox.kill("SIGKILL"), 5000);
      await ended;
      clearTimeout(late);
    }
    if (this.#home) fs.rmSync(this.#home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    this.#home = undefined;
  }
}

/** The provider for `test.browser.provider`; its one browser is called "firefox". */
export function firefox(options: FirefoxOptions = {}): BrowserProviderOption<FirefoxOptions> {
  return defineBrowserProvider<FirefoxOptions>({
    name: "firefox",
    supportedBrowser: ["firefox"],
    options,
    providerFactory: () => new FirefoxProvider(options),
  });
}
