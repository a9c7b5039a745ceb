"use strict";
const DATA = JSON.parse(document.getElementById("data").textContent);
const FACES = DATA.faces;
const KEY = "faceline-review-" + DATA.id;
const SERVED = "served" in document.body.dataset;  // decisions are sent at once, not downloaded
const AT_ONCE = 30, FACES_AT_ONCE = 24;
let log = [];       // what was decided: {lines, faces (indices of each line's groups), text, question}
let view = null;    // what follows from it
let tab = "", cards = [], shown = 0, current = -1;
const marked = new Set();

const byId = (id) => document.getElementById(id);
const make = (tag, properties, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  for (const child of children) element.append(child);
  return element;
};
const counted = (count, thing) => count + " " + thing + (count === 1 ? "" : "s");
const percent = (value) => Math.min(99, Math.round(100 * value)) + " %";

/* ---- decisions ---- */

function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
function keyOf(index) {
  return { photo: DATA.photos[FACES[index].p], box: FACES[index].b };
}
function line(what, fields) {
  return { what, ...fields, id: randomId(), time: new Date().toISOString().replace(/\.\d+Z/, "+00:00") };
}
function decide(text, entries, question) {
  log.push({ text, question: question ?? null, entries });
  keep();
  say(text);
  render();
}
const forEach = (what, faces, fields) =>
  faces.map((index) => ({ line: line(what, { face: keyOf(index), ...fields }), groups: [[index]] }));
const grouped = (what, groups) => [{ line: line(what, { groups: groups.map((group) => group.map(keyOf)) }), groups }];

function undo() {
  const undone = new Set(log.flatMap((entry) => entry.undoes ? [entry.undoes] : []));
  const last = log.findLast((entry) => !entry.undoes && !undone.has(entry.entries[0].line.id));
  if (!last) return;
  log.push({ text: "Undone: " + last.text, question: null, undoes: last.entries[0].line.id,
    entries: last.entries.map((entry) => ({ line: line("undo", { of: entry.line.id }), groups: [] })) });
  keep();
  say("Undone: " + last.text);
  render();
}
function active() {
  const undone = new Set(log.flatMap((entry) => entry.undoes ? [entry.undoes] : []));
  return log.filter((entry) => !entry.undoes && !undone.has(entry.entries[0].line.id));
}
function keep() {
  try { localStorage.setItem(KEY, JSON.stringify(log)); } catch { /* then they last as long as the page */ }
  if (SERVED) send();
}
let sending = Promise.resolve();
function send() {  // one after the other, as an undo has to come behind what it undoes
  sending = sending.then(async () => {
    const unsent = log.filter((entry) => !entry.sent);
    if (!unsent.length) return;
    const corrections = unsent.flatMap((entry) => entry.entries.map((each) => each.line));
    try {
      const answer = await fetch("/corrections", { method: "POST", body: JSON.stringify({ corrections }),
        headers: { "Content-Type": "application/json" } });
      if (!answer.ok) throw new Error((await answer.json()).error);
      unsent.forEach((entry) => { entry.sent = true; });
      try { localStorage.setItem(KEY, JSON.stringify(log)); } catch { /* as above */ }
      document.body.dataset.sent = log.length;
      window.parent.postMessage("faceline-decided", window.location.origin);
    } catch (error) {
      say("Not written: " + error.message + ". It is kept in this browser, and sent with the next decision.");
    }
  });
}
function restore() {
  try { log = JSON.parse(localStorage.getItem(KEY)) || []; } catch { log = []; }
}
function lines() {
  return log.flatMap((entry) => entry.entries.map((each) => JSON.stringify(each.line) + "\n")).join("");
}
function download() {
  const link = make("a", { href: "data:application/jsonl;charset=utf-8," + encodeURIComponent(lines()),
    download: "corrections.jsonl" });
  document.body.append(link);
  link.click();
  link.remove();
  say("Downloaded. Add it with: faceline correct --add corrections.jsonl");
}

/* ---- what follows from the decisions ---- */

function replay() {
  const names = new Map(), denied = new Map(), gone = new Set(), alias = new Map(), answered = new Set();
  const clusters = FACES.map((face) => face.k);
  let fresh = Math.max(0, ...clusters);
  for (const entry of active()) {
    if (entry.question !== null) answered.add(entry.question);
    for (const { line, groups } of entry.entries) {
      const all = groups.flat();
      if (line.what === "is") for (const i of all) { names.set(i, line.name); gone.delete(i); }
      else if (line.what === "is-not") for (const i of all) {
        denied.set(i, (denied.get(i) || new Set()).add(line.name));
        if (names.get(i) === line.name) names.delete(i);
      }
      else if (line.what === "no-face") for (const i of all) { gone.add(i); names.delete(i); }
      else if (line.what === "merge") for (const i of all) clusters[i] = clusters[groups[0][0]];
      else if (line.what === "split") { fresh += 1; for (const i of groups[0]) clusters[i] = fresh; }
      else if (line.what === "same-people") for (const name of line.people) alias.set(name, line.people[0]);
    }
  }
  const called = (name) => { const seen = new Set();
    while (alias.has(name) && !seen.has(name)) { seen.add(name); name = alias.get(name); } return name; };
  const person = FACES.map((face, i) => {
    if (gone.has(i)) return "";
    const own = names.get(i) ?? (face.n < 0 ? "" : DATA.people[face.n]);
    return denied.get(i)?.has(own) ? "" : called(own);
  });
  return { names, denied, gone, clusters, person, answered };
}
function groups(keys) {
  const found = new Map();
  keys.forEach((key, i) => { if (key) (found.get(key) || found.set(key, []).get(key)).push(i); });
  return found;
}

/* ---- pieces ---- */

function faceButton(index, numbers) {
  const face = FACES[index];
  const flags = [];
  if (view.gone.has(index)) flags.push("dropped");
  else if (view.names.has(index)) flags.push(view.names.get(index));
  else if (view.denied.has(index)) flags.push("not " + [...view.denied.get(index)].join(", "));
  else if (face.u) flags.push(face.u);
  const title = face.c + " · quality " + (face.q ?? "?") + (face.u ? " (" + face.u + ")" : "") + " · " + (face.z ?? "?") +
    " pixels" + (face.s === undefined ? "" : " · certainty " + face.s) + (face.t === undefined ? "" : " · typical " + face.t);
  const button = make("button", { className: "face" + (view.gone.has(index) ? " gone" : ""), title, type: "button" },
    make("img", { src: "data:image/jpeg;base64," + DATA.thumbs[index], alt: face.c, loading: "lazy" }));
  if (flags.length) button.append(make("span", { className: "flag", textContent: flags.join(", ") }));
  button.setAttribute("aria-pressed", "false");
  button.dataset.face = index;
  button.addEventListener("click", () => toggle(button));
  return button;
}
function toggle(button) {
  button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
}
function strip(indices) {
  const box = make("div", { className: "faces" });
  indices.slice(0, FACES_AT_ONCE).forEach((index) => box.append(faceButton(index)));
  if (indices.length > FACES_AT_ONCE) {
    const more = make("button", { type: "button", textContent: "all " + indices.length });
    more.addEventListener("click", () => { more.remove();
      indices.slice(FACES_AT_ONCE).forEach((index) => box.append(faceButton(index))); });
    box.append(more);
  }
  return box;
}
function selected(card, otherwise) {
  const found = [...card.querySelectorAll(".face[aria-pressed=true]")].map((button) => Number(button.dataset.face));
  return found.length ? found : otherwise;
}
function action(label, does, main) {
  const button = make("button", { type: "button", textContent: label, className: main ? "main" : "" });
  button.addEventListener("click", does);
  return button;
}
function nameField(card, faces, question, guess) {
  const input = make("input", { placeholder: "Name", autocomplete: "off", maxLength: 200, value: guess || "" });
  input.setAttribute("list", "names");
  input.setAttribute("aria-label", "Name of these faces");
  const give = () => {
    const name = input.value.trim();
    if (!isName(name)) { say("A name is that of a folder: no \\, no . or .. between slashes, not “unknown”"); return; }
    const chosen = selected(card, faces);
    decide(counted(chosen.length, "face") + ": " + name, forEach("is", chosen, { name }), question);
  };
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); give(); } });
  return [input, action("Name", give, true)];
}
function isName(name) {
  return name.length > 0 && !/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\\]/.test(name) &&
    name.split("/").every((part) => part.trim() === part && part !== "" && part !== "." && part !== ".." &&
      part.toLowerCase() !== "unknown");
}
function heading(text, small) {
  return make("h2", { textContent: text + " " }, make("small", { textContent: small || "" }));
}
const dropped = (card, faces, question) => action("Drop", () => {
  const chosen = selected(card, faces);
  decide(counted(chosen.length, "face") + " dropped", forEach("no-face", chosen, {}), question);
});
/* ---- the tabs: each gives cards, a card is a function that fills an element ---- */

function keyed(button, key) { button.dataset.key = key; return button; }

const TABS = {
  Questions: () => DATA.questions.map((question, number) => ({ question, number }))
    .filter(({ number }) => !view.answered.has(number)).map(({ question, number }) => ({
      text: (question.name || "") + " " + (question.other || ""), fill: (card) => questionCard(card, question, number) })),
  Clusters: () => [...groups(view.clusters.map((key, i) => view.gone.has(i) ? 0 : key)).entries()]
    .sort((a, b) => b[1].length - a[1].length || a[0] - b[0]).map(([number, faces]) => ({
      text: faces.map((i) => view.person[i]).join(" "), fill: (card) => clusterCard(card, number, faces) })),
  People: () => [...groups(view.person).entries()].sort((a, b) => a[0] < b[0] ? -1 : 1).map(([name, faces]) => ({
    text: name, fill: (card) => personCard(card, name, faces) })),
  Suspects: () => DATA.suspects.map((suspect, number) => ({ suspect, number })).filter(({ number }) =>
    !view.answered.has("s" + number)).map(({ suspect, number }) => ({
    text: suspect.person + " " + suspect.likely, fill: (card) => suspectCard(card, suspect, number) })),
  "No face": () => DATA.without.length ? [{ text: "", fill: withoutCard }] : [],
  Decisions: () => [{ text: "", fill: decisionsCard }],
};
const LEADS = {
  Questions: "The most useful first: what an answer settles.",
  Clusters: "Who is the same, without names; the largest first, the best picture first. Select faces to name, split or drop some.",
  People: "The most typical pictures first. Select those that are not the person's.",
  Suspects: "Mistakes that check found; the likeliest first.",
  "No face": "Pictures of which no crop is used, and why.",
  Decisions: "What you decided here. It is kept in this browser; download it, and add it: faceline correct --add corrections.jsonl",
};

function questionCard(card, question, number) {
  const faces = question.faces.filter((i) => !view.gone.has(i));
  if (question.kind === "who") {
    card.append(heading("Who is this?", counted(faces.length, "face")), strip(faces));
    card.append(make("div", { className: "answers" }, ...nameField(card, faces, number), splitButton(card, faces),
      keyed(dropped(card, faces, number), "d")));
  } else if (question.kind === "is") {
    const sides = make("div", { className: "sides" }, make("div", {}, strip(faces)),
      make("div", {}, make("div", { className: "note", textContent: question.name }), strip(question.others)));
    card.append(heading("Is this " + question.name + "?", percent(question.probability) + " sure, " +
      counted(faces.length, "face")), sides);
    card.append(make("div", { className: "answers" },
      keyed(action("Yes", () => decide(counted(faces.length, "face") + ": " + question.name,
        forEach("is", faces, { name: question.name }), number), true), "y"),
      keyed(action("No", () => decide(counted(faces.length, "face") + ": not " + question.name,
        forEach("is-not", faces, { name: question.name }), number)), "n"),
      ...nameField(card, faces, number), keyed(dropped(card, faces, number), "d")));
  }
}
function splitButton(card, faces) {
  return keyed(action("Split", () => {
    const chosen = selected(card, []);
    const rest = faces.filter((i) => !chosen.includes(i));
    if (!chosen.length || !rest.length) { say("Select some of the faces, not all, to split them from the others"); return; }
    decide(counted(chosen.length, "face") + " split from " + rest.length, grouped("split", [chosen, rest]));
  }), "s");
}
function clusterCard(card, number, faces) {
  const best = [...faces].sort((a, b) => (FACES[b].q ?? 0) - (FACES[a].q ?? 0) || a - b);
  const names = [...new Set(faces.map((i) => view.person[i]).filter(Boolean))];
  const title = "Cluster " + number + (names.length ? ": " + names.slice(0, 3).join(", ") + (names.length > 3 ? "…" : "") : "");
  const mark = make("input", { type: "checkbox", checked: marked.has(number) });
  mark.addEventListener("change", () => { marked[mark.checked ? "add" : "delete"](number); bar(); });
  mark.dataset.key = "m";
  card.append(heading(title, counted(faces.length, "face")), strip(best));
  card.append(make("div", { className: "answers" }, make("label", {}, mark, " mark to merge"), ...nameField(card, faces),
    splitButton(card, faces), keyed(dropped(card, faces), "d")));
}
function mergeMarked() {
  const all = groups(view.clusters);
  const chosen = [...marked].filter((number) => all.has(number)).map((number) => all.get(number));
  if (chosen.length < 2) { say("Mark two clusters or more to merge them"); return; }
  marked.clear();
  decide(counted(chosen.length, "cluster") + " merged", grouped("merge", chosen));
}
function personCard(card, name, faces) {
  const typical = [...faces].sort((a, b) => (FACES[b].t ?? 1) - (FACES[a].t ?? 1) || a - b);
  card.append(heading(name, counted(faces.length, "picture")), strip(typical));
  card.append(make("div", { className: "answers" },
    keyed(action("Not this person", () => {
      const chosen = selected(card, []);
      if (!chosen.length) { say("Select the pictures that are not " + name); return; }
      decide(counted(chosen.length, "face") + ": not " + name, forEach("is-not", chosen, { name }));
    }), "x"), ...nameField(card, faces), keyed(dropped(card, []), "d")));
}
function suspectCard(card, suspect, number) {
  const key = "s" + number;
  const certain = percent(suspect.probability) + " sure";
  const own = suspect.face === null ? [] : [suspect.face];
  const of = (name) => FACES.flatMap((face, i) => view.person[i] === name && !own.includes(i) ? [i] : []).slice(0, 8);
  const side = (title, faces) => make("div", {}, make("div", { className: "note", textContent: title }), strip(faces));
  const answers = make("div", { className: "answers" });
  const count = (name) => view.person.filter((own) => own === name).length;
  const isSmaller = suspect.kind === "double" && count(suspect.person) < count(suspect.likely);
  const [person, likely] = isSmaller ? [suspect.likely, suspect.person] : [suspect.person, suspect.likely];
  if (suspect.kind === "double") {
    card.append(heading("Are " + person + " and " + likely + " one person?", "probably, " + certain),
      make("div", { className: "sides" }, side(person, of(person)), side(likely, of(likely))));
    answers.append(keyed(action("One person", () => decide(person + " and " + likely + " are one",
      [{ line: line("same-people", { people: [person, likely] }), groups: [] }], key), true), "y"),
      keyed(action("Two people", () => decide(person + " and " + likely + " are two",
        [{ line: line("different-people", { people: [person, likely] }), groups: [] }], key)), "n"));
  } else if (suspect.kind === "wrong-person") {
    card.append(heading("Is this " + person + "?", "probably not, " + certain), make("div", { className: "sides" },
      side("in the folder of " + person, own), side(person, of(person)), likely ? side(likely, of(likely)) : ""));
    answers.append(keyed(action(person, () => decide("1 face: " + person, forEach("is", own, { name: person }), key)), "y"));
    if (likely) answers.append(action(likely, () => decide("1 face: " + likely, forEach("is", own, { name: likely }), key), true));
    answers.append(keyed(action("Not " + person, () => decide("1 face: not " + person,
      forEach("is-not", own, { name: person }), key)), "n"), keyed(dropped(card, own, key), "d"));
  } else {
    const titles = { copy: "The same photograph twice", poor: "Too poor to help", few: "Few pictures of " + person };
    card.append(heading(titles[suspect.kind] || suspect.kind, [certain, likely].filter(Boolean).join(" · ")), strip(own));
    if (own.length) answers.append(keyed(dropped(card, own, key), "d"));
    answers.append(...(own.length ? nameField(card, own, key) : []));
  }
  card.append(answers);
}
function withoutCard(card) {
  const rows = DATA.without.map((row) => make("tr", {}, ...[row.image, row.status, row.reason].map((text) =>
    make("td", { textContent: text }))));
  card.append(make("table", {}, make("thead", {}, make("tr", {}, ...["Picture", "Status", "Why"].map((text) =>
    make("th", { textContent: text, scope: "col" })))), make("tbody", {}, ...rows)));
}
function decisionsCard(card) {
  if (!log.length) card.append(make("p", { textContent: "Nothing yet." }));
  card.append(make("ol", {}, ...log.map((entry) => make("li", { textContent: entry.text }))));
}

/* ---- the page ---- */

function say(text) {
  const box = byId("said");
  box.textContent = text;
  box.classList.add("shown");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => box.classList.remove("shown"), 3500);
}
function bar() {
  byId("undo").disabled = !active().length;
  byId("download").disabled = !log.length;
  byId("merge").hidden = tab !== "Clusters" || marked.size < 2;
}
function render(keepPlace = true) {
  const place = keepPlace ? window.scrollY : 0, at = current, before = shown;
  view = replay();
  const wanted = byId("filter").value.trim().toLowerCase();
  cards = TABS[tab]().filter((card) => !wanted || card.text.toLowerCase().includes(wanted));
  for (const button of byId("tabs").children) {
    const name = button.dataset.tab;
    const count = { Decisions: () => log.length, "No face": () => DATA.without.length }[name];
    button.textContent = name + " (" + (count ? count() : TABS[name]().length) + ")";
    button.setAttribute("aria-selected", name === tab);
  }
  const main = byId("main");
  main.replaceChildren(make("p", { className: "lead", textContent: LEADS[tab] }));
  if (!cards.length) main.append(make("p", { textContent: "Nothing here." }));
  shown = 0;
  more(keepPlace ? Math.max(AT_ONCE, before) : AT_ONCE);
  current = -1;
  if (keepPlace) { window.scrollTo(0, place); if (at >= 0) go(Math.min(at, cards.length - 1), false); }
  const names = new Set([...DATA.people, ...view.names.values()]);
  byId("names").replaceChildren(...[...names].sort().map((name) => make("option", { value: name })));
  bar();
}
function more(count) {
  const main = byId("main");
  for (const { fill } of cards.slice(shown, shown + count)) {
    const card = make("section", { className: "card", tabIndex: -1 });
    card.addEventListener("pointerdown", () => mark([...main.querySelectorAll(".card")].indexOf(card)));
    fill(card);
    main.append(card);
  }
  shown = Math.min(cards.length, shown + count);
}
function mark(number) {
  const all = byId("main").querySelectorAll(".card");
  all.forEach((card, i) => card.classList.toggle("current", i === number));
  current = number;
  return all[number];
}
function go(number, scroll = true) {
  if (number >= shown && shown < cards.length) more(AT_ONCE);
  const card = mark(Math.max(0, Math.min(number, shown - 1)));
  if (card) { card.focus({ preventScroll: true }); if (scroll) card.scrollIntoView({ block: "nearest" }); }
}
function openTab(name) {
  tab = name;
  current = -1;
  render(false);
  window.scrollTo(0, 0);
}
function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open) return;
  if (event.target.matches("input:not([type=checkbox]), select")) { if (event.key === "Escape") event.target.blur(); return; }
  const card = byId("main").querySelectorAll(".card")[current];
  const own = (key) => card?.querySelector(`[data-key="${key}"]`)?.click();
  const does = {
    j: () => go(current + 1), k: () => go(current - 1), u: undo, w: () => { if (log.length && !SERVED) download(); },
    "?": () => byId("keys").showModal(), M: mergeMarked,
    e: () => card?.querySelector("input:not([type=checkbox])")?.focus(),
    a: () => card?.querySelectorAll(".face").forEach((face) => face.setAttribute("aria-pressed", "true")),
  };
  if (does[event.key]) { event.preventDefault(); does[event.key](); }
  else if ("ynmsxd".includes(event.key)) { event.preventDefault(); own(event.key); }
  else if (/^[1-9]$/.test(event.key)) { const face = card?.querySelectorAll(".face")[event.key - 1]; if (face) toggle(face); }
}

restore();
if (SERVED) {
  LEADS.Decisions = "What you decided here. It is written to corrections.jsonl at once; train to have it count.";
  send();
}
for (const name of Object.keys(TABS)) {
  const button = make("button", { type: "button" });
  button.setAttribute("role", "tab");
  button.dataset.tab = name;
  button.addEventListener("click", () => openTab(name));
  byId("tabs").append(button);
}
byId("undo").addEventListener("click", undo);
byId("download").addEventListener("click", download);
byId("merge").addEventListener("click", mergeMarked);
byId("help").addEventListener("click", () => byId("keys").showModal());
byId("filter").addEventListener("input", () => render(false));
document.addEventListener("keydown", pressed);
window.addEventListener("scroll", () => {
  if (shown < cards.length && window.innerHeight + window.scrollY > document.body.scrollHeight - 1500) more(AT_ONCE);
});
view = replay();
openTab(DATA.questions.length ? "Questions" : Object.keys(TABS).find((name) => TABS[name]().length) || "People");
