"use strict";
const byId = (id) => document.getElementById(id);
const make = (tag, properties, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const counted = (count, thing, several = thing + "s") => count + " " + (count === 1 ? thing : several);
const percent = (value, digits = 0) => (100 * value).toFixed(digits) + " %";
const sure = (value) => Math.min(99, Math.round(100 * value)) + " %";  // nothing is certain
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

function say(text) {
  byId("said").textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { byId("said").textContent = ""; }, 6000);
}

/* ---- asking the service ---- */

class RefusedError extends Error {
  constructor(status, text, content) { super(text); this.status = status; this.content = content; }
}
async function ask(method, path, body) {
  const options = { method };
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { "Content-Type": "application/json" };
  }
  for (let times = 0; ; times += 1) {
    const answer = await fetch(path, options);
    if (answer.status === 503 && answer.headers.has("Retry-After") && times < 5) {
      await wait(1000 * Number(answer.headers.get("Retry-After")));
      continue;
    }
    const content = await answer.json().catch(() => ({}));
    if (answer.status === 401) { await giveKey(content.error); continue; }
    if (!answer.ok) throw new RefusedError(answer.status, content.error || "the service answers " + answer.status, content);
    return content;
  }
}
const pathOf = (...parts) => parts.map((part) => part.split("/").map(encodeURIComponent).join("/")).join("/");
const picturesIn = (files) => {
  const form = new FormData();
  for (const file of files) form.append("picture", file, file.name || "camera.jpg");
  return form;
};
async function trying(work) {
  try { return await work(); } catch (error) { say(error.message); return undefined; }
}

/* One dialog for a key, a name or a confirmation; null where it was cancelled. */
let dialogOpen = Promise.resolve();
function question({ title, text = "", field = "", kind = "text", value = "", box = "", yes }) {
  const opened = dialogOpen.then(() => new Promise((done) => {
    const dialog = byId("ask"), input = byId("ask-input"), check = byId("ask-check");
    byId("ask-title").textContent = title;
    byId("ask-text").textContent = text;
    byId("ask-field").hidden = !field;
    byId("ask-field").querySelector("label").textContent = field;
    byId("ask-box").hidden = !box;
    byId("ask-box").querySelector("span").textContent = box;
    byId("ask-yes").textContent = yes;
    Object.assign(input, { type: kind, value, required: Boolean(field) });
    check.checked = false;
    dialog.returnValue = "no";
    dialog.addEventListener("close", () =>
      done(dialog.returnValue === "yes" ? { text: input.value.trim(), checked: check.checked } : null), { once: true });
    dialog.showModal();
  }));
  dialogOpen = opened.catch(() => null);
  return opened;
}
let keyed = null;  // many requests at once are told that a key is missing: it is asked for once
function giveKey() {
  keyed ||= (async () => {
    for (let text = "This service asks for a key. Whoever runs it has one for you."; ;) {
      const given = await question({ title: "Key", text, field: "Key", kind: "password", yes: "Go on" });
      if (given === null) { text = "Without a key there is nothing to see."; continue; }
      const answer = await fetch("/session", { method: "POST", body: JSON.stringify({ key: given.text }),
        headers: { "Content-Type": "application/json" } });
      if (answer.ok) { allow((await answer.json()).role); return; }
      text = "That is none of the keys of this service.";
    }
  })().finally(() => { keyed = null; });
  return keyed;
}
const ROLES = ["ask", "teach", "admin"];
let role = "ask";
function allow(held) {
  role = held;
  for (const element of document.querySelectorAll("[data-role]"))
    element.hidden = ROLES.indexOf(held) < ROLES.indexOf(element.dataset.role);
}

/* ---- tabs ---- */

const TABS = [...document.querySelectorAll("[role=tab]")];
const OPENED = { people: openPeople, map: () => openFrame("map"), quality: openQuality, teach: openTeach, name: openName };
function openTab(name, focus = false) {
  for (const tab of TABS) {
    const isOpen = tab.getAttribute("aria-controls") === name;
    tab.setAttribute("aria-selected", isOpen);
    tab.tabIndex = isOpen ? 0 : -1;
    byId(tab.getAttribute("aria-controls")).hidden = !isOpen;
    if (isOpen && focus) tab.focus();
  }
  CAMERA.stop();
  history.replaceState(null, "", "#" + name);
  window.scrollTo(0, 0);
  trying(OPENED[name]);
}
for (const tab of TABS) {
  tab.addEventListener("click", () => openTab(tab.getAttribute("aria-controls")));
  tab.addEventListener("keydown", (event) => {
    const shown = TABS.filter((one) => !one.hidden);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) openTab(shown.at((shown.indexOf(tab) + step) % shown.length).getAttribute("aria-controls"), true);
  });
}
function openFrame(name, again = false) {
  const frame = byId(name + "-frame");
  if (again || !frame.src) frame.src = "/" + name;
}

/* ---- camera and files ---- */

const CAMERA = {
  stream: null, video: null,
  async start(video) {
    this.stop();
    if (!navigator.mediaDevices) throw new Error("The camera needs https, or this machine itself (localhost).");
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } }, audio: false });
    } catch (error) { throw new Error("No camera: " + error.message); }
    this.video = video;
    video.srcObject = this.stream;
    await video.play();
  },
  stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    if (this.video) this.video.srcObject = null;
    this.stream = this.video = null;
    for (const name of ["name", "teach"]) {
      byId(name + "-live").hidden = true;
      byId(name + "-camera").textContent = "Use the camera";
    }
  },
  picture() {  // the frame that is shown, as a JPEG
    const { video } = this;
    const canvas = make("canvas", { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    return new Promise((done) => canvas.toBlob((blob) => done(new File([blob], "camera.jpg")), "image/jpeg", 0.92));
  },
};
async function toggleCamera(name, whenOn) {
  if (CAMERA.stream) { CAMERA.stop(); return; }
  await CAMERA.start(byId(name + "-video"));
  byId(name + "-live").hidden = false;
  byId(name + "-camera").textContent = "Stop the camera";
  await whenOn?.();
}
function takesFiles(name, take) {
  const zone = byId(name + "-drop"), input = byId(name + "-files");
  const taken = async (files) => { for (const file of files) await trying(() => take(file)); };
  input.addEventListener("change", async () => { await taken([...input.files]); input.value = ""; });
  for (const kind of ["dragover", "dragenter"])
    zone.addEventListener(kind, (event) => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    taken([...event.dataTransfer.files]);
  });
}
for (const kind of ["dragover", "drop"])  // beside the zone a photograph would take the place of the page
  window.addEventListener(kind, (event) => event.preventDefault());

/* ---- Name ---- */

function boxesOf(faces, width, height, choose) {
  return faces.map((face, number) => {
    const button = make("button", { type: "button" }, make("span"));
    button.addEventListener("click", () => choose(number, button));
    placeBox(button, face, width, height);
    return button;
  });
}
function placeBox(button, face, width, height) {
  const [left, top, right, bottom] = face.box;
  button.firstChild.textContent = face.name + " " + sure(face.confidence) + (face.unclear ? " (" + face.unclear + ")" : "");
  button.classList.add("box");
  button.classList.toggle("known", face.name !== "unknown");
  button.classList.toggle("up", bottom > 0.9 * height);
  button.classList.toggle("rightmost", left > 0.7 * width);
  Object.assign(button.style, { left: 100 * left / width + "%", top: 100 * top / height + "%",
    width: 100 * (right - left) / width + "%", height: 100 * (bottom - top) / height + "%" });
}
function showEvidence(face, url, button, beside) {
  document.querySelectorAll(".box.chosen").forEach((one) => one.classList.remove("chosen"));
  button?.classList.add("chosen");
  const [left, top, right, bottom] = face.box;
  const cut = make("canvas", { width: 96, height: 96 });
  const image = make("img", { src: url });
  image.addEventListener("load", () =>
    cut.getContext("2d").drawImage(image, left, top, right - left, bottom - top, 0, 0, 96, 96));
  const likeliest = face.candidates[0];
  const rows = face.candidates.map((one) => make("tr", {}, make("th", { scope: "row" }, one.name),
    make("td", {}, sure(one.confidence)), make("td", {}, one.distance.toFixed(3))));
  const head = make("tr", {}, ...["Person", "Confidence", "Distance"].map((text) => make("th", { scope: "col" }, text)));
  const isKnown = face.name !== "unknown";
  const crop = make("img", { src: "/" + pathOf("crops", face.nearest), alt: "The nearest picture of " + likeliest.name });
  const box = byId("evidence");
  box.replaceChildren(
    make("h3", {}, isKnown ? face.name + ", " + sure(face.confidence) + " sure" :
      "Unknown: nobody who is enrolled, " + sure(face.confidence) + " sure"),
    make("div", { className: "pair" },
      make("figure", {}, cut, make("figcaption", {}, "This face" +
        (face.quality === undefined ? "" : ", quality " + face.quality) + (face.unclear ? ", " + face.unclear : ""))),
      make("figure", {}, crop, make("figcaption", {}, "The nearest picture of " + likeliest.name + ", at a distance of " +
        face.distance.toFixed(3)))),
    make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
  box.hidden = false;
  beside.after(box);
  box.scrollIntoView({ block: "nearest" });
}
async function nameFile(file) {
  const url = URL.createObjectURL(file);
  const image = make("img", { src: url, alt: file.name });
  const boxes = make("div", { className: "boxes" }), names = make("ul", { className: "names" });
  const title = make("h3", {}, file.name);
  byId("name-pictures").prepend(make("section", {}, title, make("div", { className: "picture" }, image, boxes), names));
  names.append(make("li", { className: "soft" }, "Looking …"));
  let answer;
  try { answer = await ask("POST", "/faces?multi=true&top=5", picturesIn([file])); }
  catch (error) { names.replaceChildren(make("li", { className: "bad" }, error.message)); return; }
  await image.decode().catch(() => undefined);
  const choose = (number, button) => showEvidence(answer.faces[number], url, button, names);
  if (image.naturalWidth) boxes.append(...boxesOf(answer.faces, image.naturalWidth, image.naturalHeight, choose));
  names.replaceChildren(...answer.faces.map((face, number) => {
    const button = make("button", { type: "button" }, "Why?");
    button.setAttribute("aria-label", "Why " + face.name + "?");
    button.addEventListener("click", () => choose(number, boxes.children[number]));
    return make("li", {}, face.name + ", " + sure(face.confidence) + " sure" +
      (face.unclear ? ", unclear: " + face.unclear : "") + " ", button);
  }));
  if (!answer.faces.length) names.append(make("li", {}, "No face was found."));
}
async function nameLive() {
  const layer = byId("name-live").querySelector(".boxes"), video = byId("name-video");
  let shown = null;
  const choose = (number, button) =>
    showEvidence(shown.faces[number], URL.createObjectURL(shown.picture), button, byId("name-live"));
  while (CAMERA.video === video) {
    const picture = await CAMERA.picture();
    const answer = await trying(() => ask("POST", "/faces?multi=true&top=5", picturesIn([picture])));
    if (CAMERA.video !== video) break;
    if (!answer) { await wait(1000); continue; }
    shown = { faces: answer.faces, picture };
    // The same boxes are moved, as a click begins and ends on one, and the keyboard's focus stays on it.
    if (layer.children.length === shown.faces.length)
      shown.faces.forEach((face, i) => placeBox(layer.children[i], face, video.videoWidth, video.videoHeight));
    else layer.replaceChildren(...boxesOf(shown.faces, video.videoWidth, video.videoHeight, choose));
    await wait(50);
  }
  layer.replaceChildren();
}
async function openName() {
  const { people } = await ask("GET", "/people");
  byId("name-empty").hidden = people.some((person) => person.known);
}

/* ---- Teach ---- */

const VIEWS = { front: "from the front", left: "turned to the picture's left", right: "turned to the picture's right" };
let seen = { name: "", views: new Set() };
async function viewsOf(name) {
  if (seen.name === name) return;
  seen = { name, views: new Set() };
  if (!name) return;
  try {
    const person = await ask("GET", "/" + pathOf("people", name));
    if (seen.name === name) person.pictures.forEach((picture) => seen.views.add(picture.view));
  } catch { /* nobody yet */ }
}
function showViews() {
  byId("teach-views").replaceChildren(...(seen.name ? Object.entries(VIEWS) : []).map(([view, text]) => {
    const isSeen = seen.views.has(view);
    return make("li", { className: isSeen ? "seen" : "" }, (isSeen ? "✓ " : "missing: ") + text);
  }));
}
async function teachFile(file) {
  const name = byId("teach-name").value.trim();
  if (!name) { byId("teach-name").focus(); throw new Error("Give the person a name first."); }
  await viewsOf(name);
  const url = URL.createObjectURL(file);
  const said = make("div", { className: "soft" }, "Looking …");
  const tile = make("li", {}, make("img", { src: url, alt: "" }), said);
  byId("teach-pictures").prepend(tile);
  let entry;
  try { [entry] = (await ask("POST", "/" + pathOf("people", name), picturesIn([file]))).pictures; }
  catch (error) { [entry] = error.content?.pictures ?? [{ status: "refused", reason: error.message }]; }
  const isGood = entry.status === "ok" && !entry.unclear;
  const parts = [];
  if (entry.status !== "ok") parts.push("Not added: " + entry.reason);
  else {
    parts.push(name + (entry.added ? ": added" : ": there already"));
    parts.push(entry.unclear ? "too poor to help much (" + entry.unclear + ")" : "good enough (quality " + entry.quality + ")");
    parts.push(VIEWS[entry.view]);
    if (entry.faces > 1) parts.push(counted(entry.faces, "face") + ": the main one is taken");
    if (!entry.unclear) seen.views.add(entry.view);
  }
  said.className = isGood ? "good" : "bad";
  said.textContent = parts.join(", ") + ".";
  byId("teach-advice").textContent = said.textContent;
  showViews();
  names();
  return entry;
}
async function names() {
  const { people } = await ask("GET", "/people");
  byId("names").replaceChildren(...people.map((person) => make("option", { value: person.name })));
  return people;
}
async function openTeach() {
  await names();
  await viewsOf(byId("teach-name").value.trim());
  showViews();
}

/* ---- jobs ---- */

const STEPS = { align: "looking for faces", faces: "choosing faces", represent: "embedding", "crops": "embedding",
  people: "learning people" };
const TITLES = { train: "Training", rename: "Renaming", merge: "Merging", forget: "Forgetting", evaluate: "Measuring" };
async function follow(job) {  // until it is done; gives what came of it
  const box = byId("work"), bar = byId("work-bar"), text = byId("work-text");
  box.hidden = false;
  try {
    while (job.state === "waiting" || job.state === "running") {
      const { step = "", done = 0, total = 0 } = job.progress || {};
      text.textContent = TITLES[job.what] + (job.state === "waiting" ? " waits …" : ": " + (STEPS[step] || step || "begins") +
        (total ? ", " + done + " of " + total : ""));
      if (total) { bar.max = total; bar.value = done; } else bar.removeAttribute("value");
      await wait(300);
      job = await ask("GET", "/jobs/" + job.id);
    }
  } finally { box.hidden = true; }
  if (job.state === "failed") throw new Error(job.error);
  return job.result;
}
async function finished(answer) { return answer.state ? follow(answer) : answer; }
async function train() {
  const button = byId("train");
  button.disabled = true;
  byId("train-notes").replaceChildren();
  byId("train-said").textContent = "Training …";
  try {
    const result = await follow(await ask("POST", "/train"));
    byId("train-said").textContent = result.people ? "Learnt " + counted(result.people, "person", "people") + " from " +
      counted(result.embeddings, "face") + "." : "Nobody is known now.";
    byId("train-notes").replaceChildren(...[...result.notes, ...(result.look_at || []).map((one) => "Look at: " + one)]
      .map((text) => make("li", {}, text)));
    stale();
  } catch (error) { byId("train-said").textContent = error.message; }
  finally { button.disabled = false; }
}
function stale() {  // what was made of the faces that were known before
  for (const name of ["review", "map"]) byId(name + "-frame").removeAttribute("src");
}

/* ---- People ---- */

const marked = new Set();
const MOST_LISTED = 200;
async function openPeople() {
  await listPeople();
  openFrame("review");
}
async function listPeople() {
  const wanted = byId("people-filter").value.trim().toLowerCase();
  const people = (await names()).filter((person) => !wanted || person.name.toLowerCase().includes(wanted));
  byId("people-list").replaceChildren(...people.slice(0, MOST_LISTED).map(personRow));
  byId("people-more").textContent = !people.length ? "Nobody." : people.length > MOST_LISTED ?
    "And " + (people.length - MOST_LISTED) + " more: filter by name." : "";
  for (const name of marked) if (!people.some((person) => person.name === name)) marked.delete(name);
  byId("merge").disabled = marked.size < 2;
  allow(role);
}
function personRow(person) {
  const check = make("input", { type: "checkbox", checked: marked.has(person.name) });
  check.setAttribute("aria-label", "Mark " + person.name);
  check.addEventListener("change", () => {
    marked[check.checked ? "add" : "delete"](person.name);
    byId("merge").disabled = marked.size < 2;
  });
  const row = make("li", {}, check, make("span", { className: "who" }, person.name + " ",
    make("span", { className: "soft" }, counted(person.photographs, "photograph") + ", " + counted(person.faces, "face") +
      (person.known ? "" : ", not learnt yet"))));
  row.dataset.person = person.name;
  row.append(action("Pictures", "ask", person.name, () => showPictures(row, person.name)),
    action("Rename", "teach", person.name, () => renamePerson(person.name)),
    action("Forget", "admin", person.name, () => forgetPerson(person.name)));
  return row;
}
function action(text, needed, name, does) {
  const button = make("button", { type: "button" }, text);
  button.dataset.role = needed;
  button.setAttribute("aria-label", text + (text === "Pictures" ? " of " : " ") + name);
  button.addEventListener("click", () => trying(does));
  return button;
}
async function showPictures(row, name) {
  const open = row.querySelector(".tiles");
  if (open) { open.remove(); return; }
  const person = await ask("GET", "/" + pathOf("people", name));
  const tiles = person.pictures.map((picture) => {
    const tile = make("li", {});
    if (picture.crop) tile.append(make("img", { src: "/" + pathOf("crops", picture.crop), alt: "", loading: "lazy" }));
    const parts = [picture.status === "ok" ? "" : picture.status === "new" ? "not looked at yet: train" : picture.status,
      picture.reason, picture.quality === null ? "" : "quality " + picture.quality, picture.unclear, VIEWS[picture.view]];
    tile.append(make("div", {}, parts.filter(Boolean).join(", ")));
    if (picture.photograph) tile.append(action("Forget", "admin", picture.image, () => forgetPhotograph(picture)));
    return tile;
  });
  row.append(make("ul", { className: "tiles" }, ...tiles));
  allow(role);
}
async function renamePerson(name) {
  const given = await question({ title: "Rename " + name, field: "New name", value: name, yes: "Rename" });
  if (!given || given.text === name) return;
  await finished(await ask("PATCH", "/" + pathOf("people", name), { name: given.text }));
  say(name + " is " + given.text + " now.");
  stale();
  await openPeople();
}
async function mergeMarked() {
  const people = [...marked];
  const given = await question({ title: "Merge", text: people.slice(1).join(", ") + " will be " + people[0] + ".", yes: "Merge" });
  if (!given) return;
  await finished(await ask("POST", "/merge", { people }));
  marked.clear();
  say(counted(people.length, "person", "people") + " are " + people[0] + " now.");
  stale();
  await openPeople();
}
const OF_FILES = "Remove the files of the photographs, too; else they are kept aside, where nothing looks at them";
async function forgetPerson(name) {
  const given = await question({ title: "Forget " + name + "?", box: OF_FILES, yes: "Forget",
    text: "Crops, embeddings and whatever was said of this person are removed, and the others are learnt again." });
  if (given) await showReceipt(name, "/" + pathOf("people", name) + "?photographs=" + given.checked);
}
async function forgetPhotograph(picture) {
  const given = await question({ title: "Forget this photograph?", text: picture.image, box: OF_FILES, yes: "Forget" });
  if (given) await showReceipt(picture.image, "/photographs/" + picture.photograph + "?photographs=" + given.checked);
}
async function showReceipt(what, path) {
  const receipt = await finished(await ask("DELETE", path));
  const lines = [counted(receipt.crops, "crop") + ", " + counted(receipt.embeddings, "embedding") + " removed",
    receipt.removed.length ? "files removed: " + receipt.removed.join(", ") : "",
    receipt.set_aside.length ? "photographs kept aside: " + receipt.set_aside.join(", ") : "",
    receipt.corrections ? counted(receipt.corrections, "line") + " of what was said removed" : "",
    receipt.files.length ? "made of everybody, and removed: " + receipt.files.join(", ") : "",
    "classifier: " + receipt.classifier, ...receipt.left.map((file) => "left: " + file), ...receipt.notes].filter(Boolean);
  byId("receipt").replaceChildren(make("h3", {}, "Forgotten: " + what), make("ul", {}, ...lines.map((line) => make("li", {}, line))));
  stale();
  await openPeople();
}

/* ---- Quality ---- */

async function openQuality() {
  let found;
  try { found = await ask("GET", "/quality"); }
  catch { byId("quality-empty").hidden = false; byId("quality-all").hidden = true; return; }
  byId("quality-empty").hidden = true;
  byId("quality-all").hidden = false;
  const entries = [["People", found.people], ["Network", found.network],
    ["Strangers who get a name", percent(found.strangers_named, 1)],
    ["Known people who get theirs", percent(found.known_found, 1)],
    ["Reckoned from", found.held_out ? counted(found.held_out, "person", "people") + " held out" :
      "a background, as there are too few people to hold out"]];
  byId("rates").replaceChildren(...entries.flatMap(([term, value]) => [make("dt", {}, term), make("dd", {}, String(value))]));
  drawCurve(found);
  showMeasured(found.is_measured);
}
function drawCurve({ curve, limit }) {
  const svg = byId("curve"), [left, right, top, bottom] = [46, 630, 12, 290];
  const low = curve[0][0], high = curve.at(-1)[0];
  const x = (score) => left + (score - low) / (high - low) * (right - left);
  const y = (value) => bottom - value * (bottom - top);
  const piece = (tag, attributes, text) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const line = (column) => curve.map((point, i) => (i ? "L" : "M") + x(point[0]).toFixed(1) + " " + y(point[column]).toFixed(1)).join("");
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap((value) => [
    piece("line", { class: "axis", x1: left, x2: right, y1: y(value), y2: y(value), "stroke-opacity": value ? 0.35 : 1 }),
    piece("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, 100 * value + " %")]);
  const title = byId("curve-title");
  title.textContent = "Probability by score: names are given from a score of " + limit.toFixed(2) + " on";
  svg.replaceChildren(title, ...grid, piece("path", { class: "known", d: line(2) }), piece("path", { class: "right", d: line(1) }),
    piece("line", { class: "limit", x1: x(limit), x2: x(limit), y1: top, y2: bottom }),
    piece("text", { x: x(limit) + 5, y: bottom - 8 }, "named from " + limit.toFixed(2) + " on"),
    piece("text", { x: right, y: 320, "text-anchor": "end" }, "score: how alike"),
    piece("text", { x: left, y: 320 }, "— the name is right   - - somebody who is known"));
}
function showMeasured(isMeasured, text) {
  byId("measured").hidden = !isMeasured;
  if (isMeasured) byId("reliability").src = "/quality/reliability.png?" + Date.now();
  byId("measured-text").hidden = !text;
  if (text) byId("measured-text").textContent = text;
}
async function measure() {
  byId("measure").disabled = true;
  byId("measured-said").textContent = "Measuring …";
  try {
    const { text } = await follow(await ask("POST", "/quality"));
    byId("measured-said").textContent = "Measured.";
    showMeasured(true, text);
  } catch (error) { byId("measured-said").textContent = "It cannot be measured: " + error.message; }
  finally { byId("measure").disabled = false; }
}

/* ---- the page ---- */

takesFiles("name", nameFile);
takesFiles("teach", teachFile);
byId("name-camera").addEventListener("click", () => trying(() => toggleCamera("name", nameLive)));
byId("teach-camera").addEventListener("click", () => trying(() => toggleCamera("teach")));
byId("teach-take").addEventListener("click", () => trying(async () => { await teachFile(await CAMERA.picture()); }));
byId("teach-name").addEventListener("change", () => trying(openTeach));
byId("train").addEventListener("click", train);
byId("merge").addEventListener("click", () => trying(mergeMarked));
byId("people-filter").addEventListener("input", () => trying(listPeople));
byId("review-load").addEventListener("click", () => openFrame("review", true));
byId("map-load").addEventListener("click", () => openFrame("map", true));
byId("measure").addEventListener("click", measure);
window.addEventListener("message", (event) => {
  if (event.origin === window.location.origin && event.data === "faceline-decided") byId("map-frame").removeAttribute("src");
});
(async () => {
  allow((await ask("GET", "/session")).role);
  const wanted = window.location.hash.slice(1);
  const tab = TABS.find((one) => one.getAttribute("aria-controls") === wanted && !one.hidden);
  openTab(tab ? wanted : "name");
})();
