// Makes the phone's pages an app: they open while the gateway is away, and are forgotten on leaving.

const out = document.querySelector('form[action="/pair/out"]');
out?.addEventListener("submit", () => {
  navigator.serviceWorker?.controller?.postMessage("leave");
  self.caches?.delete("tradelane-last"); // a page reloaded past its worker has nobody to tell
});
navigator.serviceWorker?.register("/me/worker.js", { scope: "/me" });
