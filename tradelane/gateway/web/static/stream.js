// Listens to the events at a URL and tells {state: "live", id} or {state: "lost"}; never gives up.

const RETRY_MS = 3000;

export function stream(url, tell) {
  const source = new EventSource(url);
  source.addEventListener("overview", (event) => tell({ state: "live", id: event.lastEventId }));
  source.onerror = () => {
    tell({ state: "lost" });
    if (source.readyState === EventSource.CLOSED) setTimeout(() => stream(url, tell), RETRY_MS);
  };
  return source;
}
