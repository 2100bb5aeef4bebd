// Makes the phone's pages an app: they open while the gateway is away, and are forgotten on leaving.

const out = document.querySelector('form[action="/pair/out"]');
out?.addEventListener("submit", () => caches.delete("tradelane-last"));
navigator.serviceWorker?.register("/me/worker.js", { scope: "/me" });
