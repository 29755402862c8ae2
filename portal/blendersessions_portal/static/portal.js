// Replaces parts of a page, which live.js keeps current. Without scripts everything works too: forms post, and a meta tag
// refreshes pages.
"use strict";

// The portal leads documents to the sign-in, and scripts not.
const FROM_SCRIPT = { Accept: "text/html", "X-Requested-With": "portal" };

function announce(text) {
  const place = document.getElementById("announcement");
  if (text && place.textContent !== text) place.textContent = text;
}

// Replacing an element closes its popover. So an element with an open popover is left alone.
function replace(old, fresh) {
  if (old.querySelector(":popover-open")) return old;
  const focused = placeOfFocus(old);
  const kept = keepParts(old, fresh);
  old.replaceWith(fresh);
  guardForms(fresh);
  document.dispatchEvent(new CustomEvent("refreshed", { detail: fresh }));
  for (const part of kept) part.dispatchEvent(new Event("kept"));
  focusAgain(focused);
  announce(fresh.dataset.announce);
  return fresh;
}

// The ids of what has the focus and of all around it, from the inside out; none if the focus is not in the element.
function placeOfFocus(element) {
  const ids = [];
  if (!element.contains(document.activeElement)) return ids;
  for (let at = document.activeElement; at; at = at.parentElement) if (at.id) ids.push(at.id);
  return ids;
}

// Sets the focus to the same control, or to what it was part of if it is gone.
function focusAgain(ids) {
  for (const id of ids) {
    const element = document.getElementById(id);
    element?.focus({ preventScroll: true });
    if (element && element === document.activeElement) return;
  }
}

// What a person does in a part with `data-keep` goes on: the part moves into the fresh element, with the fresh state.
function keepParts(old, fresh) {
  const kept = [];
  for (const part of old.querySelectorAll("[data-keep]")) {
    const place = fresh.querySelector(`#${CSS.escape(part.id)}`);
    if (!place) continue;
    part.dataset.open = place.dataset.open;
    place.replaceWith(part);
    kept.push(part);
  }
  return kept;
}

// Shows another page in this document, which goes on with what it does. `address` is empty if the address stays.
function showPage(fresh, address) {
  document.title = fresh.title;
  document.getElementById("main").replaceWith(fresh.getElementById("main"));
  if (address) history.pushState(null, "", address);
  shown = pageAddress();
  setUp(document.getElementById("main"));
  document.getElementById("main").focus();
  window.scrollTo(0, 0);
}

async function fetchFragment(address, id) {
  const answer = await fetch(address, { cache: "no-store", headers: FROM_SCRIPT });
  // The page itself says what is so now: the session is gone, or the person is not signed in any more.
  if (answer.status === 404 || answer.status === 401) return null;
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
}

// The first click disables the form's buttons, so that a double click makes one session. That comes after the browser has
// collected the form's values: it leaves out those of a disabled button.
function guardForms(root) {
  for (const form of root.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", (event) => {
      if (form.hasAttribute("aria-busy")) {
        event.preventDefault();
        return;
      }
      form.setAttribute("aria-busy", "true");
      setTimeout(() => {
        for (const button of form.querySelectorAll("button")) button.disabled = true;
      });
    });
  }
}

function setUp(root) {
  guardForms(root);
  for (const element of root.querySelectorAll("[data-refresh], [data-events]")) new LivePart(element);
  for (const form of root.querySelectorAll("form[data-send]")) form.requestSubmit();
  document.dispatchEvent(new CustomEvent("refreshed", { detail: root }));
}

// Without the hash: a link to a place of the same page is no other page.
function pageAddress() {
  return location.pathname + location.search;
}

// Browsers close popovers by Escape, and not details.
function closeDetails(event) {
  const details = event.key === "Escape" && event.target.closest?.("details[open]");
  if (!details) return;
  details.open = false;
  details.querySelector("summary").focus();
}

// A question that stayed open would cover what has the focus now.
function closeQuestionLeft(event) {
  const question = document.querySelector("[popover]:popover-open");
  const inside = question?.contains(event.target) || event.target.getAttribute("popovertarget") === question?.id;
  if (question && !inside) question.hidePopover();
}

let shown = pageAddress();
document.documentElement.classList.add("scripted");
setUp(document);

// The Back button may restore a page from memory, with disabled buttons and an old state.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
// The address is of another page than the document shows.
window.addEventListener("popstate", () => {
  if (pageAddress() !== shown) location.reload();
});
document.addEventListener("keydown", closeDetails);
document.addEventListener("focusin", closeQuestionLeft);
