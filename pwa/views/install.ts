/** Whether and how this browser can install the app. */

import { useEffect, useState } from "preact/hooks";

/** Chromium's offer to install; no other browser makes one. */
interface InstallOffer extends Event {
  prompt(): Promise<unknown>;
}

let offer: InstallOffer | null = null;
const listeners = new Set<() => void>();

/** Keeps the browser's offer until the person asks for it; to be called once, before the first render. */
export function watchInstallation(): void {
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    offer = event as InstallOffer;
    for (const listener of listeners) listener();
  });
}

export type Installation = "installed" | "offered" | "ios" | "menu";

function installationNow(): Installation {
  if (matchMedia("(display-mode: standalone)").matches) return "installed";
  if (offer !== null) return "offered";
  return /iPhone|iPad/.test(navigator.userAgent) ? "ios" : "menu";
}

export function useInstallation(): { installation: Installation; install: () => void } {
  const [installation, setInstallation] = useState(installationNow);
  useEffect(() => {
    const refresh = (): void => setInstallation(installationNow());
    listeners.add(refresh);
    return () => void listeners.delete(refresh);
  }, []);
  return { installation, install: () => void offer?.prompt() };
}
