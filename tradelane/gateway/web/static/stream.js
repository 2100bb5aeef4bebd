// Listens to the market's events and tells {state: "live", id} or {state: "lost"}; never gives up.

const RETRY_MS = 3000;

export function stream(tell) {
  const source = new EventSource("/api/v1/events");
  source.addEventListener("overview", (event) => tell({ state: "live", id: event.lastEventId }));
  source.onerror = () => {
    tell({ state: "lost" });
    if (source.readyState === EventSource.CLOSED) setTimeout(() => stream(tell), RETRY_MS);
  };
  return source;
}
