// Keeps a part of a page current: by a stream of events while somebody looks at it, and by questions from time to time
// where there is no stream. `portal.js` has what replaces the part on the page.
"use strict";

const PACES = {
  // `first` and `longest` are pauses in milliseconds. The pause grows by `factor` while the state stays the same.
  quick: { first: 300, factor: 1.12, longest: 2500 },
  slow: { first: 15000, factor: 1, longest: 15000 },
};
const LONGEST_MILLISECONDS_AFTER_ERROR = 10000;
// A proxy may hold a stream back. The portal sends the part at once, and then something every 15 seconds.
const FIRST_EVENT_MILLISECONDS = 4000;
const SILENCE_MILLISECONDS = 40000;
// Pauses before the next attempt at a stream. They are spread, so that not all pages come at once.
const NEXT_STREAM_MILLISECONDS = { first: 3000, longest: 120000 };
const LOST = "The portal does not answer. This page keeps trying, and may be out of date.";
// The HTML of a part as the portal sent it, without the tokens of its forms, which are others each time.
const looks = new WeakMap();

function lookOf(element) {
  const copy = element.cloneNode(true);
  for (const field of copy.querySelectorAll("[name=csrf]")) field.removeAttribute("value");
  for (const place of copy.querySelectorAll("[data-csrf]")) place.removeAttribute("data-csrf");
  return copy.outerHTML;
}

// The part looks the same. Its tokens are renewed, since they are good for a day only.
function renewTokens(old, fresh) {
  const token = fresh.querySelector("[name=csrf]")?.value;
  if (!token) return;
  for (const field of old.querySelectorAll("[name=csrf]")) field.value = token;
  for (const place of old.querySelectorAll("[data-csrf]")) place.dataset.csrf = token;
}

// The element of the fresh part that is the same for a person: it has the same words at the same place among its like.
function counterpart(element, old, fresh) {
  const words = (each) => `${each.getAttribute("aria-label") || ""} ${each.textContent.trim()}`;
  const like = (root) => [...root.querySelectorAll(element.tagName)].filter((each) => words(each) === words(element));
  return like(fresh)[like(old).indexOf(element)];
}

// Puts a fresh part in place of the old one. What a person has opened stays open, and the focus stays where it is.
function exchange(old, fresh) {
  const look = lookOf(fresh);
  if (looks.get(old) === look) {
    renewTokens(old, fresh);
    return old;
  }
  for (const details of old.querySelectorAll("details[open]")) {
    const place = counterpart(details, old, fresh);
    if (place) place.open = true;
  }
  const active = document.activeElement;
  const isFocused = old.contains(active) && !active.id;
  const same = isFocused ? counterpart(active, old, fresh) : null;
  const shown = replace(old, fresh);
  if (shown === fresh) {
    looks.set(fresh, look);
    // What is kept has moved, which loses the focus too.
    if (isFocused) (active.isConnected ? active : same)?.focus({ preventScroll: true });
    if (isFocused && document.activeElement === document.body) document.getElementById("main").focus();
  }
  return shown;
}

class LivePart {
  constructor(element) {
    this.element = element;
    looks.set(element, lookOf(element));
    this.state = element.dataset.state || element.dataset.pace;
    this.pause = PACES[element.dataset.pace]?.first;
    this.again = NEXT_STREAM_MILLISECONDS.first;
    this.timers = {};
    this.stopped = new AbortController();
    const { signal } = this.stopped;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.hide() : this.listen()), { signal });
    // The browser's own way of closing a question in the part. What came meanwhile is shown then.
    document.addEventListener("toggle", () => this.showWaiting(), { signal, capture: true });
    window.addEventListener("pagehide", () => this.stop(), { signal });
    if (document.hidden) this.hide();
    else this.listen();
  }

  // A browser keeps few connections to a site without HTTP/2, so a page that nobody sees has none.
  hide() {
    this.close();
    this.ask(this.pause);
  }

  listen() {
    this.close();
    if (!this.element.dataset.events) {
      this.ask(this.pause);
      return;
    }
    const source = new EventSource(this.element.dataset.events);
    this.source = source;
    this.expect(FIRST_EVENT_MILLISECONDS);
    source.addEventListener("part", (event) => {
      this.hear();
      if (this.stopped.signal.aborted) return;
      this.show(new DOMParser().parseFromString(event.data, "text/html").getElementById(this.element.id));
    });
    source.addEventListener("beat", () => this.hear());
    // The stream has lasted long enough. The next one begins with who this is.
    source.addEventListener("again", () => this.listen());
    source.addEventListener("closed", () => this.fallBack());
    source.addEventListener("out", () => location.reload());
    source.onerror = () => this.fallBack();
  }

  hear() {
    if (!this.element.isConnected) {
      this.stop();
      return;
    }
    this.isHeard = true;
    this.wait("ask", null);
    this.again = NEXT_STREAM_MILLISECONDS.first;
    this.tellLost(false);
    this.expect(SILENCE_MILLISECONDS);
  }

  expect(milliseconds) {
    this.wait("silence", () => this.fallBack(), milliseconds);
  }

  // There is no stream, or it says nothing. The page asks from now on, and tries a stream again later.
  fallBack() {
    this.close();
    if (!this.element.isConnected) {
      this.stop();
      return;
    }
    this.ask(0);
    this.wait("listen", () => (document.hidden ? null : this.listen()), this.again * (0.75 + Math.random() / 2));
    this.again = Math.min(this.again * 2, NEXT_STREAM_MILLISECONDS.longest);
  }

  close() {
    this.source?.close();
    this.source = null;
    this.isHeard = false;
    this.wait("silence", null);
    this.wait("listen", null);
  }

  stop() {
    this.close();
    this.wait("ask", null);
    this.stopped.abort();
  }

  // Each kind of waiting has one timer.
  wait(kind, then, milliseconds) {
    clearTimeout(this.timers[kind]);
    this.timers[kind] = then ? setTimeout(then, milliseconds) : undefined;
  }

  ask(pause) {
    if (this.element.dataset.refresh) this.wait("ask", () => this.refresh(), pause);
  }

  async refresh() {
    const element = this.element;
    if (!element.isConnected) {
      this.stop();
      return;
    }
    try {
      const unseen = document.hidden && element.dataset.pace === "slow";
      const fresh = unseen ? element : await fetchFragment(element.dataset.refresh, element.id);
      // What a stream has shown meanwhile is newer.
      if (this.stopped.signal.aborted || this.isHeard || this.element !== element) return;
      if (fresh === null) {
        location.reload();
        return;
      }
      this.tellLost(false);
      if (fresh !== element) this.show(fresh);
      const pace = PACES[this.element.dataset.pace];
      if (!pace) return;
      const now = this.element.dataset.state || this.element.dataset.pace;
      this.pause = now === this.state ? Math.min(this.pause * pace.factor, pace.longest) : pace.first;
      this.state = now;
    } catch (error) {
      this.tellLost(true);
      this.pause = Math.min((this.pause || 1000) * 2, LONGEST_MILLISECONDS_AFTER_ERROR);
    }
    if (!this.stopped.signal.aborted && !this.isHeard) this.ask(this.pause);
  }

  show(fresh) {
    this.waiting = null;
    const shown = exchange(this.element, fresh);
    if (shown !== fresh && shown.querySelector(":popover-open")) this.waiting = fresh;
    this.element = shown;
    if (shown.dataset.next) {
      this.stop();
      location.replace(shown.dataset.next);
    } else if (!shown.dataset.events) {
      this.stop();
    }
  }

  showWaiting() {
    if (this.waiting && !this.element.querySelector(":popover-open")) this.show(this.waiting);
  }

  tellLost(isLost) {
    const told = document.getElementById("lost");
    if (!isLost) told?.remove();
    else if (!told) {
      const words = Object.assign(document.createElement("p"), { id: "lost", className: "old-news", textContent: LOST });
      words.setAttribute("role", "status");
      this.element.before(words);
    }
  }
}
