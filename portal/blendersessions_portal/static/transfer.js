// Sends a person's own files, and shows how far they have come. Without this file plain forms do it.
"use strict";

const SCENE_ENDINGS = [".blend", ".zip"];
const TAKEN = 412;
const UNITS = ["bytes", "KB", "MB", "GB", "TB"];

// The same words as size() in file_view.py.
function size(count) {
  let amount = count, unit = 0;
  while (Math.round(amount) >= 1000 && unit < UNITS.length - 1) [amount, unit] = [amount / 1000, unit + 1];
  if (!unit) return `${count} byte${count === 1 ? "" : "s"}`;
  return `${amount >= 10 ? amount.toFixed(0) : amount.toFixed(1)} ${UNITS[unit]}`;
}

class DropZone {
  constructor(element) {
    this.element = element;
    this.input = element.querySelector("label input[type=file]");
    this.sending = element.querySelector(".sending");
    this.bar = element.querySelector("progress");
    this.cancel = element.querySelector("[data-cancel]");
    this.waiting = null;
    this.request = null;
    this.busy = false;
    this.input.addEventListener("change", () => {
      const files = [...this.input.files];
      this.input.value = "";
      this.take(files);
    });
    this.cancel.addEventListener("click", () => this.stop());
    element.addEventListener("dragover", (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = this.busy ? "none" : "copy";
      element.classList.toggle("over", !this.busy);
    });
    element.addEventListener("dragleave", (event) => {
      if (!element.contains(event.relatedTarget)) element.classList.remove("over");
    });
    element.addEventListener("drop", (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      element.classList.remove("over");
      this.take([...event.dataTransfer.files]);
    });
    element.addEventListener("submit", (event) => event.preventDefault());
    // The page around the zone was refreshed: Blender may be ready for the file now.
    element.addEventListener("kept", () => this.sendWaiting());
  }

  get then() {
    return this.element.dataset.then;
  }

  take(files) {
    if (this.busy || !files.length) return;
    this.fault("");
    this.element.querySelector(".done")?.remove();
    const wrong = this.whyNot(files);
    if (wrong) {
      this.fault(wrong);
      return;
    }
    if (this.then === "start") this.start(files[0]);
    else if (this.then === "folder") this.sendAll(files);
    else {
      this.waiting = files[0];
      this.sendWaiting();
    }
  }

  whyNot(files) {
    const most = Number(this.element.dataset.most);
    if (this.then !== "folder") {
      if (files.length > 1) return "Choose one file. Pack a scene and its textures into one .zip.";
      const name = files[0].name.toLowerCase();
      if (!SCENE_ENDINGS.some((ending) => name.endsWith(ending))) {
        return `“${files[0].name}” is no .blend and no .zip, so Blender does not open it. Choose another file.`;
      }
    }
    const large = files.find((file) => file.size > most);
    if (large) return `“${large.name}” has ${size(large.size)}. A file may have at most ${this.element.dataset.mostWords} here.`;
    const empty = this.then === "folder" ? undefined : files.find((file) => file.size === 0);
    return empty ? `“${empty.name}” is empty. Choose another file.` : "";
  }

  // Makes a session, and goes on to its page without leaving this document, which holds the file.
  async start(file) {
    this.show(file.name, "Blender is asked for …", null);
    const fields = new FormData(this.element.closest("form"));
    fields.delete("url");
    fields.set("upload", "yes");
    try {
      const answer = await fetch("/sessions", { method: "POST", body: new URLSearchParams(fields), headers: { Accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      showPage(fresh, answer.redirected ? answer.url : "");
    } catch (error) {
      this.end();
      this.fault("The portal does not answer. Choose the file again in a moment.");
      return;
    }
    const zone = zones.get(document.getElementById("own-file"));
    if (zone) zone.take([file]);
  }

  async sendWaiting() {
    const file = this.waiting;
    if (!file || this.request) return;
    if (this.element.dataset.open !== "yes") {
      this.show(file.name, `${size(file.size)}, sent as soon as Blender runs`, null);
      return;
    }
    this.waiting = null;
    const answer = await this.send(file, 1, 1);
    if (!answer.ok) {
      this.end();
      this.fault(answer.message);
    } else if (this.then === "opened") {
      this.end();
      this.opened(file.name);
    } else {
      this.show(file.name, "Blender opens it …", null);
      this.cancel.hidden = true;
      this.busy = false;
    }
  }

  async sendAll(files) {
    const there = new Set([...document.querySelectorAll("[data-file]")].map((row) => row.dataset.file.normalize()));
    const taken = files.filter((file) => there.has(file.name.normalize()));
    if (taken.length && !(await mayReplace(taken))) return;
    for (const [index, file] of files.entries()) {
      let answer = await this.send(file, index + 1, files.length, taken.includes(file));
      // The page may not list all of the folder, or somebody else has added the file.
      if (answer.status === TAKEN && (await mayReplace([file]))) {
        answer = await this.send(file, index + 1, files.length, true);
      }
      if (!answer.ok) {
        this.end();
        this.fault(files.length > 1 ? `${file.name}: ${answer.message}` : answer.message);
        return;
      }
    }
    this.busy = false;
    location.reload();
  }

  send(file, number, count, replace) {
    this.show(count > 1 ? `${file.name} (${number} of ${count})` : file.name, `0 of ${size(file.size)}`, 0);
    announce(`${file.name} is sent.`);
    let told = 0;
    return new Promise((resolve) => {
      const request = new XMLHttpRequest();
      this.request = request;
      const end = (ok, message) => {
        this.request = null;
        resolve({ ok, message, status: request.status });
      };
      request.upload.addEventListener("progress", (event) => {
        const part = file.size ? Math.min(event.loaded / file.size, 1) : 1;
        const checked = this.then === "folder" ? "" : ", Blender checks it …";
        this.show(null, part < 1 ? `${size(event.loaded)} of ${size(file.size)}` : `${size(file.size)} sent${checked}`, part);
        if (part >= told + 0.25) announce(`${Math.floor((told = Math.floor(part * 4) / 4) * 100)} % of ${file.name} is sent.`);
      });
      request.addEventListener("load", () => end(request.status >= 200 && request.status < 300, sentence(request)));
      request.addEventListener("error", () => end(false, "The connection broke off, and nothing was kept of the file. Choose it again."));
      request.addEventListener("abort", () => end(false, "Cancelled. Nothing was kept of the file."));
      request.open("PUT", this.element.dataset.sendTo + encodeURIComponent(file.name));
      request.setRequestHeader("X-CSRF-Token", this.element.dataset.csrf);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      if (!replace) request.setRequestHeader("If-None-Match", "*");
      request.send(file);
    });
  }

  stop() {
    if (this.request) this.request.abort();
    else {
      this.waiting = null;
      this.end();
    }
  }

  show(name, how, part) {
    this.busy = true;
    this.element.classList.add("busy");
    this.input.disabled = true;
    this.sending.hidden = false;
    this.cancel.hidden = this.then === "start";
    if (name !== null) this.element.querySelector(".sending-what").textContent = name;
    this.element.querySelector(".sending-amount").textContent = how;
    if (part === null) this.bar.removeAttribute("value");
    else this.bar.value = Math.round(part * 1000);
  }

  end() {
    const focused = document.activeElement === this.cancel;
    this.busy = false;
    this.element.classList.remove("busy");
    this.input.disabled = false;
    this.sending.hidden = true;
    if (focused) this.input.focus();
  }

  fault(text) {
    const place = this.element.querySelector(".fault");
    place.hidden = !text;
    place.replaceChildren(text);
  }

  opened(name) {
    const place = this.element.querySelector(".done") || this.element.appendChild(document.createElement("p"));
    place.className = "done";
    const link = document.createElement("a");
    link.href = this.element.dataset.done;
    link.textContent = "Go to Blender";
    place.replaceChildren(`“${name}” is open. `, link);
    announce(`“${name}” is open in Blender.`);
    link.focus();
  }
}

// Asks whether files may take the place of those that have their names.
function mayReplace(files) {
  const question = document.getElementById("replace");
  const named = files.length === 1 ? `“${files[0].name}”` : `${files.length} files, among them “${files[0].name}”`;
  question.querySelector("h2").textContent = `${named} ${files.length === 1 ? "is" : "are"} there already. Replace?`;
  return new Promise((resolve) => {
    let yes = false;
    question.querySelector(".danger").onclick = () => {
      yes = true;
      question.hidePopover();
    };
    question.ontoggle = (event) => event.newState === "closed" && resolve(yes);
    question.showPopover();
  });
}

const zones = new WeakMap();
const pages = new Set();

function setUpZones(root) {
  for (const element of root.querySelectorAll(".drop")) {
    if (zones.has(element)) continue;
    zones.set(element, new DropZone(element));
    pages.add(element);
  }
}

function carriesFiles(event) {
  return [...event.dataTransfer.types].includes("Files");
}

function sentence(request) {
  try {
    const { message } = JSON.parse(request.responseText);
    if (typeof message === "string" && message) return message;
  } catch (error) {
    // An answer of something between the portal and this page.
  }
  if (request.status === 413) return "The file is too large for this site. Ask your administrator.";
  return `The file was not taken (${request.status}). Try again in a moment.`;
}

setUpZones(document);
document.addEventListener("refreshed", (event) => setUpZones(event.detail));

// A file that is dropped beside a zone would replace this page.
for (const kind of ["dragover", "drop"]) {
  window.addEventListener(kind, (event) => {
    if (!event.defaultPrevented && carriesFiles(event)) {
      event.preventDefault();
      event.dataTransfer.dropEffect = "none";
    }
  });
}

// Leaving the page ends what is being sent.
window.addEventListener("beforeunload", (event) => {
  const sends = [...pages].some((element) => element.isConnected && (zones.get(element).request || zones.get(element).waiting));
  if (sends) event.preventDefault();
});
